"""Every door through which data leaves asks who may have it: real files, cubes, processes and tokens."""

import itertools
import time

import httpx
import numpy as np
import obstore
import pytest
import xarray as xr
from published_files import write_cog
from publishing_steps import execute, publish, upload

from geoscope.access import AUDIENCE, issue_token
from geoscope.access.tokens import sign, verified_claims
from geoscope.catalogue.manifest import EDITOR_ROLE, PUBLISHER_ROLE
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys

COLLECTION = "anna-limited"
ROLE = "DPAD_Direct_Access"
REQUEST = "/account/requests/new?role=DPAD_Direct_Access"
# Much longer than documents are kept.
PATIENCE_S = 60.0


def write_field(place):
    """A cube of a small field in time and space."""
    values = np.arange(2 * 18 * 36, dtype="float32").reshape(2, 18, 36)
    dataset = xr.Dataset(
        {"t2m": (("time", "latitude", "longitude"), values, {"units": "K", "long_name": "Temperature"})},
        coords={
            "time": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[ns]"),
            "latitude": ("latitude", np.arange(85.0, -95.0, -10.0), {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(-175.0, 185.0, 10.0), {"units": "degrees_east"}),
        },
    )
    dataset.to_zarr(place, zarr_format=3)


@pytest.fixture(scope="module")
def person(served):
    """Make clients of people with roles and entities, as the portal's tokens say them."""
    clients = []

    def make(name=None, *roles, entities=()):
        headers = {}
        if name:
            claims = verified_claims(served, issue_token(served, name, frozenset(roles)))
            token = sign(served, claims | {"entity": list(entities), "aud": AUDIENCE})
            headers["Authorization"] = f"Bearer {token}"
        base = served.internal.data_apis_url
        clients.append(httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def items(anna, tmp_path_factory):
    """Anna publishes a picture and a cube for a role; returns the ids of their items by kind."""
    folder = tmp_path_factory.mktemp("limited")
    write_cog(folder / "rome_20240301.tif")
    write_field(folder / "field.zarr")
    upload(anna, COLLECTION, folder)
    outcome = publish(anna, COLLECTION, licence="CC-BY-4.0", visibility="public", policy=f"role:{ROLE}")
    assert outcome["published"] == 2, outcome
    found = anna.get(f"/stac/collections/{COLLECTION}/items").json()["features"]
    by_kind = {"cube" if "zarr" in str(one["assets"]["data"]["type"]) else "file": one for one in found}
    yield by_kind
    execute(anna, "unpublish-collection", {"collection": COLLECTION})


def doors(items):
    """Every address at which data of the collection is given out."""
    cube, file = items["cube"]["id"], items["file"]["id"]
    files = f"/stac/data/{COLLECTION}"
    edr = f"/edr/collections/{COLLECTION}"
    tiles = f"/tiles/collections/{COLLECTION}/items/{cube}"
    point = "coords=POINT(5 45)&parameter-name=t2m"
    return [
        f"{files}/{file}/data",
        f"{files}/{cube}/data/zarr.json",
        f"{edr}/position?{point}",
        f"{edr}/position?{point}&f=CSV",
        f"{edr}/instances/{cube}/position?{point}",
        f"{edr}/instances/{cube}/position?{point}&f=CSV",
        f"{tiles}/tilejson.json",
        f"{tiles}/WebMercatorQuad/0/0/0.png",
        f"{tiles}/map.png",
        f"{tiles}/legend.png",
    ]


@pytest.mark.parametrize("number", range(10))
def test_each_door_opens_for_those_who_may_and_for_nobody_else(person, items, number):
    door = doors(items)[number]
    # In this order, so that what was given to one could be kept for the next, if it were.
    askers = [
        (person(), 401),
        (person("rolf", ROLE), 200),
        (person(), 401),
        (person("rita"), 403),
        (person("max", "dpad_direct_access", EDITOR_ROLE), 403),
        (person("mia", entities=[ROLE]), 403),
        (person("anna"), 200),
        (person("root", "administrator"), 200),
        (person("service:viewer"), 403),
        (person("rolf"), 403),
        (person(), 401),
    ]
    for client, status in askers:
        answer = client.get(door)
        assert answer.status_code == status, (door, dict(client.headers), answer.text[:300])
        if status == 200:
            assert "private" in answer.headers["Cache-Control"]
            assert "public" not in answer.headers["Cache-Control"]
            assert {"Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))
        else:
            said = answer.json()
            assert ROLE in (said.get("description") or said["detail"])
            assert said["links"][0]["rel"] == "help"
            assert said["links"][0]["href"].endswith(REQUEST)
            assert answer.headers["Cache-Control"] == "no-store"
            assert ("WWW-Authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    "headers", [{"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"If-Range": "x", "Range": "bytes=0-0"}]
)
def test_ranges_conditions_and_head_are_no_way_around(person, items, headers):
    for door in doors(items)[:2]:
        for method in ("GET", "HEAD"):
            assert person().request(method, door, headers=headers).status_code == 401
            assert person("rita").request(method, door, headers=headers).status_code == 403
        assert person("rolf", ROLE).head(door).status_code == 200


def test_known_tile_is_asked_for_with_the_right_only(person, items):
    door = doors(items)[7]
    tag = person("rolf", ROLE).get(door).headers["ETag"]
    assert person("rolf", ROLE).get(door, headers={"If-None-Match": tag}).status_code == 304
    assert person("rita").get(door, headers={"If-None-Match": tag}).status_code == 403


def test_bad_token_is_never_taken_for_none(person, items):
    for door in doors(items):
        assert person().get(door, headers={"Authorization": "Bearer a.b.c"}).status_code == 401


def test_what_may_be_known_is_known_to_all(person, items):
    stranger = person()
    cube = items["cube"]["id"]
    for path in [
        f"/stac/collections/{COLLECTION}",
        f"/stac/collections/{COLLECTION}/items/{cube}",
        f"/edr/collections/{COLLECTION}/instances",
        f"/edr/collections/{COLLECTION}/instances/{cube}",
    ]:
        assert stranger.get(path).status_code == 200, path


def test_thumbnails_that_publishing_drew_are_seen_by_all_and_nothing_is_labelled_one(person, anna, items):
    file = items["file"]
    assert person().get(f"/stac/data/{COLLECTION}/{file['id']}/thumbnail").status_code == 200
    # An asset that says to be a thumbnail, and is the data.
    forged = {**file["assets"]["data"], "roles": ["thumbnail"]}
    patch = {"assets": {"forged": forged}}
    assert anna.patch(f"/stac/collections/{COLLECTION}/items/{file['id']}", json=patch).is_success
    assert person().get(f"/stac/data/{COLLECTION}/{file['id']}/forged").status_code == 401
    assert anna.patch(
        f"/stac/collections/{COLLECTION}/items/{file['id']}", json={"assets": {"forged": None}}
    ).is_success


def test_policy_and_right_that_ended_count_soon(person, anna, items):
    rolf, door = person("rolf", ROLE), doors(items)
    assert all(rolf.get(each).status_code == 200 for each in door)
    assert anna.put(f"/stac/collections/{COLLECTION}/access", json={"policy": "role:another"}).is_success
    # Files at once; what is kept of the catalogue's documents, after their lifetime.
    assert [rolf.get(each).status_code for each in door[:2]] == [403, 403]
    deadline = time.monotonic() + PATIENCE_S
    while any(rolf.get(each).status_code != 403 for each in door):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert anna.put(f"/stac/collections/{COLLECTION}/access", json={"policy": f"role:{ROLE}"}).is_success
    deadline = time.monotonic() + PATIENCE_S
    while any(rolf.get(each).status_code != 200 for each in door):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_hidden_cube_is_cut_and_drawn_for_those_who_find_it(person, anna, items):
    assert anna.put(f"/stac/collections/{COLLECTION}/access", json={"policy": "public"}).is_success
    shared = {"visibility": "entity", "entity": "met-office"}
    assert anna.put(f"/stac/collections/{COLLECTION}/sharing", json=shared).is_success
    member, stranger, rita = person("mia", entities=["met-office"]), person(), person("rita")
    try:
        deadline = time.monotonic() + PATIENCE_S
        for door in doors(items):
            while stranger.get(door).status_code != 404:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            answer = member.get(door)
            assert answer.status_code == 200, (door, answer.text)
            assert "private" in answer.headers["Cache-Control"]
            assert rita.get(door).status_code == 404
            assert stranger.get(door).headers["Cache-Control"] == "no-store"
    finally:
        anna.put(f"/stac/collections/{COLLECTION}/sharing", json={"visibility": "public"})
        anna.put(f"/stac/collections/{COLLECTION}/access", json={"policy": f"role:{ROLE}"})


FORGED = itertools.count()


@pytest.mark.parametrize(
    "address",
    [
        "s3://collections/anna/anna-limited/field.zarr",
        "s3://collections/anna/anna-limited",
        "s3://collections/berta/berta-open/../../anna/anna-limited/field.zarr",
        "s3://collections/berta/berta-open/%2e%2e/%2e%2e/anna/anna-limited/field.zarr",
        "s3://archive/field.zarr",
        "s3://home-administrator/field.zarr",
        "s3://collections//anna/anna-limited/field.zarr",
        "s3://collections",
    ],
)
def test_item_that_names_somebody_elses_cube_does_not_open_it(person, served, items, address):
    archive = open_bucket(served, "archive", read_s3_keys(served, "jobs"))
    obstore.put(archive, "field.zarr/zarr.json", b"secret")
    berta, id_ = person("berta", PUBLISHER_ROLE), f"forged-{next(FORGED)}"
    collection = berta.get(f"/stac/collections/{COLLECTION}").json() | {"id": "berta-open"}
    if berta.get("/stac/collections/berta-open").status_code == 404:
        assert berta.post("/stac/collections", json=collection).status_code == 201
        berta.put("/stac/collections/berta-open/access", json={"policy": "public"})
        assert berta.put("/stac/collections/berta-open/sharing", json={"visibility": "public"}).is_success
    asset = items["cube"]["assets"]["data"] | {"href": address, "alternate": {"s3": {"href": address}}}
    forged = items["cube"] | {"id": id_, "collection": "berta-open", "assets": {"data": asset}}
    assert berta.post("/stac/collections/berta-open/items", json=forged).status_code == 201
    for client in (berta, person()):
        for door in [
            f"/stac/data/berta-open/{id_}/data/zarr.json",
            f"/tiles/collections/berta-open/items/{id_}/tilejson.json",
            f"/edr/collections/berta-open/instances/{id_}/position?coords=POINT(5 45)",
            f"/stac/v2/data/geoscope/berta-open/{id_}/data",
        ]:
            answer = client.get(door)
            assert answer.status_code == 404, (door, answer.text)
            assert "secret" not in answer.text


def test_files_of_a_public_bucket_are_for_everybody_and_cannot_be_published_for_some(anna):
    wish = {"collection": "anna-demo", "source": "s3://demo/x", "policy": "registered"}
    job = execute(anna, "publish-collection", wish)
    assert job["status"] == "failed"
    assert "Everybody may read the bucket" in job["message"]


def test_editors_collection_in_the_archive_is_given_by_its_policy(person, served, anna, items):
    """The platform's own collections lie in buckets that strangers cannot read."""
    jobs = read_s3_keys(served, "jobs")
    source, archive = open_bucket(served, "collections", jobs), open_bucket(served, "archive", jobs)
    root = items["cube"]["assets"]["data"]["alternate"]["s3"]["href"].removeprefix("s3://collections/")
    for batch in obstore.list(source, prefix=root):
        for each in batch:
            content = bytes(obstore.get(source, each["path"]).bytes())
            obstore.put(archive, f"own{each['path'].removeprefix(root)}", content)
    editor = person("edith", EDITOR_ROLE)
    collection = anna.get(f"/stac/collections/{COLLECTION}").json()
    new = collection | {"id": "own", "geoscope:access": "entity:met-office"}
    assert editor.post("/stac/collections", json=new).status_code == 201
    asset = items["cube"]["assets"]["data"] | {"href": "s3://archive/own", "alternate": {}}
    item = items["cube"] | {"id": "one", "collection": "own", "assets": {"data": asset}}
    assert editor.post("/stac/collections/own/items", json=item).status_code == 201
    for door in [
        "/stac/data/own/one/data/zarr.json",
        "/tiles/collections/own/items/one/WebMercatorQuad/0/0/0.png",
        "/edr/collections/own/instances/one/position?coords=POINT(5 45)",
    ]:
        assert person("mia", entities=["met-office"]).get(door).status_code == 200, door
        assert person().get(door).status_code == 401
        refused = person("rolf", ROLE).get(door)
        assert refused.status_code == 403
        assert refused.json()["links"][0]["href"].endswith("/entities/met-office")
    assert editor.delete("/stac/collections/own").is_success
