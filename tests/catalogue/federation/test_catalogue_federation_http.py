"""The federation as a client of the catalogue sees it."""

import socket
import threading
import time

import httpx
import pystac_client
import pytest
import uvicorn
from catalogue_documents import make_collection, make_item
from federation_servers import Misbehaving, answer, features, serve

from geoscope.access import issue_token
from geoscope.catalogue.api import create_application
from running import until

PORTFOLIO = """
[[collections]]
id = "EO.OTHER.DAT.SNOW"
title = "Snow"
description = "Snow cover, from elsewhere."
provider = "The other ones"
access = "open"
licence = "CC-BY-4.0"
backends = [{{ name = "other", collection = "far" }}]

[[collections]]
id = "EO.DEAD.DAT.RAIN"
title = "Rain"
backends = [{{ name = "dead", collection = "far" }}]

[backends.other]
kind = "stac"
title = "The other catalogue"
url = "{other}"

[backends.dead]
kind = "stac"
url = "http://127.0.0.1:9/stac"
"""


@pytest.fixture(scope="module")
def other():
    server = Misbehaving()
    items = [make_item(f"far-{n}", when=f"2026-03-{n:02d}T00:00:00Z", collection="far") for n in (7, 5, 3)]

    async def two_at_once(_number, body, send):
        rest = items[2:] if body.get("token") else items[:2]
        await answer(send, features(rest, None if body.get("token") else {"token": "more"}))

    server.behaviour = two_at_once
    with serve(server) as server.address:
        yield server


@pytest.fixture(scope="module")
def running(settings, other):
    folder = settings.data_dir / "portfolio"
    folder.mkdir()
    (folder / "own.toml").write_text(PORTFOLIO.format(other=other.address))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_application(), log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        until(lambda: len(httpx.get(f"{address}/stac/collections").json()["collections"]) >= 2)
        yield address
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def visitor(running):
    with httpx.Client(base_url=running, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def anna(running, settings):
    headers = {"Authorization": f"Bearer {issue_token(settings, 'anna')}"}
    with httpx.Client(base_url=running, headers=headers, timeout=30) as client:
        yield client


def test_a_stac_client_finds_items_of_elsewhere(running):
    client = pystac_client.Client.open(f"{running}/stac")
    collection = client.get_collection("EO.OTHER.DAT.SNOW")
    assert collection.summaries.get_list("federation:backends") == ["other"]
    assert [provider.name for provider in collection.providers] == ["The other ones", "The other catalogue"]
    items = list(client.search(collections=["EO.OTHER.DAT.SNOW"], limit=2).items())
    assert [item.id for item in items] == ["far-7", "far-5", "far-3"]
    assert items[0].properties["federation:backends"] == ["other"]
    assert items[0].collection_id == "EO.OTHER.DAT.SNOW"
    assert items[0].get_self_href().startswith(f"{running}/stac/collections/EO.OTHER.DAT.SNOW/items/")


def test_a_dead_backend_is_named_in_the_answer_and_in_the_state(visitor):
    names = "EO.OTHER.DAT.SNOW,EO.DEAD.DAT.RAIN"
    page = visitor.get("/stac/search", params={"collections": names, "limit": 10}).raise_for_status().json()
    assert [item["id"] for item in page["features"]] == ["far-7", "far-5", "far-3"]
    states = {backend["id"]: backend["state"] for backend in page["federation"]["backends"]}
    assert states == {"other": "answered", "dead": "failed"}
    told = visitor.get("/stac/federation").raise_for_status().json()
    by_name = {backend["id"]: backend for backend in told["backends"]}
    assert by_name["other"]["state"] == "well"
    assert by_name["other"]["collections"] == 1
    assert by_name["other"]["latency_s"] < 30
    assert by_name["dead"]["failures"] >= 1
    assert told["problems"] == []


def test_a_forged_token_is_refused(visitor):
    answered = visitor.get("/stac/search", params={"collections": "EO.OTHER.DAT.SNOW", "token": "WzFd"})
    assert answered.status_code == 400
    assert "token" in answered.json()["description"]


def test_a_search_without_collections_asks_nobody_else(visitor, other):
    before = len(other.bodies)
    page = visitor.get("/stac/search").raise_for_status().json()
    assert page["features"] == []
    assert len(other.bodies) == before


def test_persons_bring_their_own_credentials_which_are_never_shown(anna, visitor, other, settings):
    path = "/stac/federation/credentials/other"
    assert visitor.put(path, json={"credentials": {"token": "t"}}).status_code == 401
    assert anna.get(path).status_code == 404
    kept = anna.put(path, json={"credentials": {"token": "swordfish-9"}})
    assert kept.status_code == 200
    assert anna.get(path).json()["backend"] == "other"
    for response in (kept, anna.get(path), anna.get("/stac/federation"), visitor.get("/stac/federation")):
        assert "swordfish" not in response.text
    for file in (settings.data_dir / "catalogue" / "credentials").iterdir():
        assert b"swordfish" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    search = {"collections": "EO.OTHER.DAT.SNOW", "limit": 10, "datetime": "2026-03-01T00:00:00Z/.."}
    assert anna.get("/stac/search", params=search).json()["features"]
    assert other.headers[-1]["authorization"] == "Bearer swordfish-9"
    asked = len(other.headers)
    # What was answered to her is not what others are answered.
    visitor.get("/stac/search", params=search).raise_for_status()
    assert len(other.headers) > asked
    assert "authorization" not in other.headers[-1]
    assert anna.delete(path).status_code == 204
    assert anna.delete(path).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"credentials": {}},
        {"credentials": {"token": ""}},
        {"credentials": {"token": 7}},
        {"credentials": {"a" * 5000: "b"}},
        {"credentials": {"token": "t"}, "more": 1},
    ],
)
def test_credentials_that_are_none_are_refused(anna, sent):
    refused = anna.put("/stac/federation/credentials/other", json=sent)
    assert refused.status_code == 400
    assert "description" in refused.json()
    assert (
        anna.put("/stac/federation/credentials/nobody", json={"credentials": {"a": "b"}}).status_code == 404
    )


def test_an_item_of_elsewhere_can_be_asked_for_alone(visitor):
    # The other server has no such route: it is no item that it answers with.
    assert visitor.get("/stac/collections/EO.OTHER.DAT.SNOW/items/far-7").status_code == 404
    away = visitor.get("/stac/collections/EO.DEAD.DAT.RAIN/items/x")
    assert away.status_code == 503
    assert "dead" in away.json()["description"]


def test_a_collection_that_is_made_here_can_be_searched_beside_it(visitor, running, settings):
    headers = {"Authorization": f"Bearer {issue_token(settings, 'root', frozenset({'administrator'}))}"}
    with httpx.Client(base_url=running, headers=headers) as editor:
        editor.post("/stac/collections", json=make_collection("near")).raise_for_status()
        item = make_item("near-6", when="2026-03-06T00:00:00Z")
        editor.post("/stac/collections/near/items", json=item).raise_for_status()
    body = {"collections": ["near", "EO.OTHER.DAT.SNOW"], "limit": 3}
    first = visitor.post("/stac/search", json=body).raise_for_status().json()
    assert [item["id"] for item in first["features"]] == ["far-7", "near-6", "far-5"]
    following = next(link for link in first["links"] if link["rel"] == "next")
    second = visitor.post("/stac/search", json=following["body"]).raise_for_status().json()
    assert [item["id"] for item in second["features"]] == ["far-3"]
    assert not [link for link in second["links"] if link["rel"] == "next"]
