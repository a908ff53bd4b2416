"""A dataset for a role, on the running platform: real accounts, sessions and tokens, the edge, a browser."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import obstore
import pytest

import identity
from chromium import PHONE, WIDE, faults_in_every_look, new_context, scrolls_sideways
from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from identity.live_portal import CLIENTS, Visitor
from running import until

ROLE, PASSWORD = "DPAD_Direct_Access", "a river runs through it"
PAGE = "/explore/collections/limited"
ITEM_PAGE = f"{PAGE}/items/one"


@pytest.fixture(scope="module")
def people(platform):
    """Tell the portal of users, roles and clients, as `people.py` says."""
    environment = os.environ | {
        "GEOSCOPE_DATA_DIR": str(platform.data_dir),
        "GEOSCOPE_EDGE__PORT": str(platform.port),
    }
    script = Path(next(iter(identity.__path__))) / "people.py"
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def make(**told):
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    make(
        users=[
            {"name": "rolf", "password": PASSWORD, "roles": [ROLE]},
            {"name": "rita", "password": PASSWORD},
        ],
        clients=[CLIENTS[0]],
    )
    yield make
    process.communicate()


@pytest.fixture(scope="module")
def editor(platform):
    token = issue_token(platform.settings, "edith", frozenset({EDITOR_ROLE}))
    with httpx.Client(
        base_url=platform.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        yield client


@pytest.fixture(scope="module")
def item(platform, editor):
    """A dataset like one of the demo's, whose cube lies where strangers cannot read, for a role."""
    found = editor.get("/stac/search", params={"limit": 100}).json()["features"]
    cube = min(
        (
            one
            for one in found
            if "data" in one["assets"] and "s3" in one["assets"]["data"].get("alternate", {})
        ),
        key=lambda one: one["assets"]["data"].get("file:size", 2**62),
    )
    root = cube["assets"]["data"]["alternate"]["s3"]["href"].removeprefix("s3://demo/")
    keys = read_s3_keys(platform.settings, "jobs")
    demo, archive = (open_bucket(platform.settings, name, keys) for name in ("demo", "archive"))
    for batch in obstore.list(demo, prefix=root):
        for each in batch:
            content = bytes(obstore.get(demo, each["path"]).bytes())
            obstore.put(archive, f"limited{each['path'].removeprefix(root)}", content)
    collection = editor.get(f"/stac/collections/{cube['collection']}").json()
    new = collection | {"id": "limited", "title": "Output of a twin", "geoscope:access": f"role:{ROLE}"}
    assert editor.post("/stac/collections", json=new).status_code == 201
    asset = cube["assets"]["data"] | {
        "href": f"{platform.url}/stac/data/limited/one/data",
        "alternate": {"s3": {"href": "s3://archive/limited"}},
    }
    one = cube | {"id": "one", "collection": "limited", "assets": {"data": asset}}
    assert editor.post("/stac/collections/limited/items", json=one).status_code == 201
    yield one | {"copied_from": cube["collection"]}
    assert editor.delete("/stac/collections/limited").is_success


@pytest.fixture(scope="module")
def session(platform, people):
    """Make browsers without scripts in which somebody has signed in."""

    def make(name):
        visitor = Visitor(platform.url)
        assert visitor.sign_in(name, PASSWORD).status_code == 302
        return visitor

    return make


def doors(item):
    west, south, east, north = item["bbox"]
    name = next(iter(item["properties"].get("cube:variables") or item["cube:variables"]))
    point = f"coords=POINT({(west + east) / 2} {(south + north) / 2})&parameter-name={name}"
    tiles = "/tiles/collections/limited/items/one"
    return [
        "/stac/data/limited/one/data/zarr.json",
        f"/edr/collections/limited/instances/one/position?{point}",
        f"{tiles}/tilejson.json",
        f"{tiles}/WebMercatorQuad/0/0/0.png",
        f"{tiles}/map.png",
        f"{tiles}/legend.png",
    ]


def test_sessions_and_tokens_of_real_people_open_the_doors_or_not(platform, session, item):
    stranger, rolf, rita = Visitor(platform.url), session("rolf"), session("rita")
    tokens = {visitor: visitor.tokens(visitor.code()).json()["access_token"] for visitor in (rolf, rita)}
    for door in doors(item):
        for visitor, status in [(stranger, 401), (rolf, 200), (stranger, 401), (rita, 403)]:
            answer = visitor.get(door)
            assert answer.status_code == status, (door, answer.text[:300])
            assert "public" not in answer.headers["Cache-Control"]
            if visitor in tokens:
                bearer = {"Authorization": f"Bearer {tokens[visitor]}"}
                assert httpx.get(platform.url + door, headers=bearer).status_code == status
        refused = rita.get(door).json()
        href = refused["links"][0]["href"]
        assert href == f"{platform.settings.public_url}/account/requests/new?role={ROLE}"
        # The object itself is nobody's to read without keys.
        assert stranger.get("/data/archive/limited/zarr.json").status_code in (401, 403, 404)


def test_right_that_ends_ends_for_the_session_at_once(session, people, item):
    rolf = session("rolf")
    assert [rolf.get(door).status_code for door in doors(item)] == [200] * 6
    people(roles={"rolf": []})
    try:
        for door in doors(item):
            until(lambda door=door: rolf.get(door).status_code == 403, 60, "the end of a right")
    finally:
        people(roles={"rolf": [ROLE]})
    for door in doors(item):
        until(lambda door=door: rolf.get(door).status_code == 200, 60, "a new right")


def test_job_has_the_rights_that_its_owner_has_when_it_runs(platform, people, item):
    west, south, east, north = item["bbox"]
    point = {"coords": f"POINT({(west + east) / 2} {(south + north) / 2})", "f": "CSV"}
    inputs = {"collection": "limited", "instance": "one", "query": "position", "parameters": point}

    def ends_as(name, status):
        # What a token says does not count: the portal knows what is granted now.
        token = issue_token(platform.settings, name, frozenset({ROLE}) if name == "rita" else frozenset())
        with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {token}"}) as client:
            asked = client.post("/processes/cut/execution", json={"inputs": inputs})
            job = asked.json()["jobID"]
            return until(
                lambda: (found := client.get(f"/jobs/{job}").json())["status"] == status and found, 60, status
            )

    assert f"people with the role {ROLE!r}" in ends_as("rita", "failed")["message"]
    assert "nobody called 'nobody'" in ends_as("nobody", "failed")["message"]
    assert ends_as("rolf", "successful")["progress"] == 100
    for headers in ({}, {"Authorization": f"Bearer {issue_token(platform.settings, 'rolf')}"}):
        address = f"{platform.url}/health/principals/rolf"
        assert httpx.get(address, headers=headers).status_code == (403 if headers else 401)


def test_pages_say_who_may_have_the_data_and_where_to_ask(platform, session, item):
    pages = [PAGE, ITEM_PAGE, "/series?collection=limited"]
    for path in pages:
        for visitor in (Visitor(platform.url), session("rita")):
            page = visitor.get(path)
            assert page.status_code == 200, (path, page.text)
            assert f"For people with the role {ROLE}" in page.text
            assert f'href="/account/requests/new?role={ROLE}"' in page.text
            assert "tilejson=" not in page.text
        assert "tilejson=" in session("rolf").get(path).text
    assert "/account/login/?next=" in Visitor(platform.url).get(PAGE).text
    assert f"For people with the role {ROLE}" in Visitor(platform.url).get("/explore").text


@pytest.fixture
def new_page(platform, browser):
    contexts = []

    def make(visitor=None, **options):
        context = new_context(browser, base_url=platform.url, **{"reduced_motion": "reduce"} | options)
        contexts.append(context)
        if visitor is not None:
            cookies = [
                {"name": name, "value": value, "url": platform.url}
                for name, value in visitor.http.cookies.items()
            ]
            context.add_cookies(cookies)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()


def test_locked_pages_look_well_and_complain_of_nothing(new_page, session, item):
    for visitor in (None, session("rita")):
        page = new_page(visitor, color_scheme="light", viewport=WIDE)
        for path in (PAGE, ITEM_PAGE, "/series?collection=limited"):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert faults_in_every_look(page) == {}, path
        # (The explorer's own map fades its tools in, which is another test's business.)
        page.goto("/explore")
        page.wait_for_load_state("networkidle")
        assert not scrolls_sideways(page)
        page.set_viewport_size(PHONE)
        assert not scrolls_sideways(page)
        assert page.complaints == []


def test_map_of_those_who_may_is_drawn_and_public_maps_ask_as_a_stranger(new_page, session, item):
    page = new_page(session("rolf"))
    asked = []
    page.on("response", lambda response: asked.append(response.request))
    page.goto(ITEM_PAGE)
    page.locator("geo-map[data-layer=ready]").first.wait_for()
    tiles = [request for request in asked if "/WebMercatorQuad/" in request.url]
    assert tiles
    assert all(request.response().status == 200 for request in tiles)
    assert all("geoscope-session" in request.all_headers().get("cookie", "") for request in tiles)
    asked.clear()
    page.goto(f"/explore/collections/{item['copied_from']}")
    page.locator("geo-map[data-layer=ready]").first.wait_for()
    tiles = [request for request in asked if "/WebMercatorQuad/" in request.url]
    assert tiles
    assert not any("geoscope-session" in request.all_headers().get("cookie", "") for request in tiles)
