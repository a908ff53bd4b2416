"""What is private is not there for others, on any route; owners change what is theirs."""

import asyncio
import json
import time

import httpx
import pytest
from catalogue_documents import make_collection, make_item

from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.catalogue.models import Sharing
from geoscope.catalogue.store import open_store

PRIVATE = "/stac/collections/private"


def share(settings, collection, sharing):
    """Say who finds a collection, as another process would."""

    async def change():
        store = open_store(settings)
        try:
            await store.change(lambda transaction: transaction.put_sharing(collection, sharing))
        finally:
            store.close()

    asyncio.run(change())


@pytest.fixture
def private(editor, settings, add_items):
    """A collection that belongs to olga; nobody else may know of it."""
    add_items(make_item("seen"), collection="public")
    add_items(make_item("hidden", properties={"title": "Secret"}), collection="private")
    share(settings, "private", Sharing("user:olga", frozenset({"user:olga"})))
    yield
    share(settings, "private", Sharing())


@pytest.fixture
def client_of(running, settings, private):
    """Return an HTTP client for somebody with these roles, or for a stranger."""
    clients = []

    def make(subject=None, *roles):
        headers = {}
        if subject is not None:
            headers["Authorization"] = f"Bearer {issue_token(settings, subject, frozenset(roles))}"
        clients.append(httpx.Client(base_url=running, headers=headers, timeout=30))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


HIDDEN = [
    PRIVATE,
    f"{PRIVATE}/items",
    f"{PRIVATE}/items/hidden",
    f"{PRIVATE}/queryables",
    f"{PRIVATE}/aggregate",
    f"{PRIVATE}/aggregations",
]
TELLING = [
    "/stac",
    "/stac/children",
    "/stac/collections",
    "/stac/collections?q=private",
    "/stac/search",
    "/stac/search?ids=hidden",
    "/stac/search?collections=private,public",
    "/stac/search?q=Secret,seen",
    "/stac/queryables",
    "/stac/aggregate?aggregations=collection_frequency",
]


@pytest.mark.parametrize("who", [(), ("anna",), ("anna", EDITOR_ROLE)])
def test_private_collection_is_not_there_for_others(client_of, who):
    client = client_of(*who)
    for path in HIDDEN:
        assert client.get(path).status_code == 404, path
    for path in TELLING:
        answer = client.get(path)
        assert answer.status_code == 200
        document = answer.json()
        document["links"] = [link for link in document.get("links", ()) if link["rel"] != "self"]
        for word in ("hidden", "Secret", "/private", '"private"'):
            assert word not in json.dumps(document), path
    counts = client.get("/stac/search").json()["numberMatched"], client.get("/stac/aggregate").json()
    assert counts[0] == counts[1]["aggregations"][0]["value"] == 1


@pytest.mark.parametrize("who", [("olga",), ("root", "administrator"), ("service:workflows",)])
def test_private_collection_is_found_by_its_owner_and_the_platform(client_of, who):
    client = client_of(*who)
    for path in HIDDEN:
        assert client.get(path).status_code == 200, path
    assert client.get("/stac/search").json()["numberMatched"] == 2
    assert [each["id"] for each in client.get("/stac/collections").json()["collections"]] == [
        "private",
        "public",
    ]


def test_owner_changes_what_is_theirs_and_nothing_else(client_of):
    olga = client_of("olga")
    assert olga.patch(PRIVATE, json={"title": "Mine"}).json()["title"] == "Mine"
    assert olga.post(f"{PRIVATE}/items", json=make_item("new")).status_code == 201
    bulk = {"items": {"b": make_item("b")}, "method": "upsert"}
    assert olga.post(f"{PRIVATE}/bulk_items", json=bulk).status_code == 200
    assert olga.delete(f"{PRIVATE}/items/new").status_code == 204
    assert olga.patch("/stac/collections/public", json={"title": "Mine"}).status_code == 403
    assert olga.post("/stac/collections", json=make_collection("another")).status_code == 403
    # What is changed stays private.
    assert client_of().get(PRIVATE).status_code == 404
    assert olga.put(PRIVATE, json=make_collection("private")).status_code == 200
    assert client_of().get(PRIVATE).status_code == 404
    assert olga.delete(PRIVATE).status_code == 204


@pytest.mark.parametrize(
    ("who", "status"),
    [((), 401), (("anna",), 404), (("anna", EDITOR_ROLE), 404), (("root", "administrator"), 200)],
)
def test_others_cannot_change_what_they_cannot_find(client_of, who, status):
    client = client_of(*who)
    assert client.patch(PRIVATE, json={"title": "New"}).status_code == status
    assert client.patch(f"{PRIVATE}/items/hidden", json={"properties": {"title": "x"}}).status_code == status


def test_bad_token_is_never_taken_for_none(client_of, settings):
    client = client_of()
    good = issue_token(settings, "olga")
    head, payload, signature = good.split(".")
    for token in ("x", f"{head}.{payload}.", f"{head}.{payload}.{signature[:-4]}AAAA", good[:-1]):
        for path in ("/stac", "/stac/search", "/stac/collections", PRIVATE):
            answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, path
            assert answer.json().keys() == {"code", "description"}
            assert answer.headers["www-authenticate"] == "Bearer"


def test_token_that_was_good_is_refused_when_it_has_expired(client_of, settings, monkeypatch):
    monkeypatch.setattr("geoscope.access.tokens.TOKEN_LIFETIME_S", -28)
    token = issue_token(settings, "olga")
    client = client_of()
    first = client.get(PRIVATE, headers={"Authorization": f"Bearer {token}"})
    assert first.status_code == 200
    time.sleep(2.1)
    assert client.get(PRIVATE, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_answers_for_one_are_not_kept_for_another(client_of):
    tag = client_of("olga").get("/stac/search").headers["etag"]
    answer = client_of().get("/stac/search", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert "Authorization" in answer.headers["vary"]
