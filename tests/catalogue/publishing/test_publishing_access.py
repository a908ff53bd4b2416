"""Nobody reads, takes or overwrites what is somebody else's; downloads follow HTTP's rules."""

import obstore
import pytest
from publishing_steps import execute

from geoscope.catalogue.manifest import PUBLISHER_ROLE
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys

CONTENT = bytes(range(256)) * 40_000

COLLECTION = {
    "id": "anna-own",
    "description": "Made by hand",
    "license": "other",
    "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
}


def item(**addresses):
    """An item whose assets say that their files are at some addresses."""
    return {
        "id": "one",
        "geometry": None,
        "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "assets": {
            name: {
                "href": f"geoscope://base/stac/data/anna-own/one/{name}",
                "type": "application/vnd.zarr" if name == "cube" else "application/x-thing",
                "alternate": {"s3": {"href": address}},
            }
            for name, address in addresses.items()
        },
    }


@pytest.fixture(scope="module", autouse=True)
def own(anna, served):
    """A collection that Anna made by the transaction API, with files of hers and forged addresses."""
    bucket = open_bucket(served, "collections", read_s3_keys(served, "jobs"))
    obstore.put(bucket, "anna/anna-own/thing é.bin", CONTENT)
    obstore.put(bucket, "anna/anna-own/cube.zarr/a/c/0", b"chunk")
    obstore.put(bucket, "anna/anna-other/secret.bin", b"secret")
    obstore.put(bucket, "berta/berta-own/secret.bin", b"secret")
    home = open_bucket(served, "home-administrator", read_s3_keys(served, "administrator"))
    obstore.put(home, "secret.bin", b"secret")
    assert anna.post("/stac/collections", json=COLLECTION).status_code == 201
    forged = item(
        mine="s3://collections/anna/anna-own/thing é.bin",
        cube="s3://collections/anna/anna-own/cube.zarr",
        other="s3://collections/anna/anna-other/secret.bin",
        berta="s3://collections/berta/berta-own/secret.bin",
        up="s3://collections/anna/anna-own/../../berta/berta-own/secret.bin",
        home="s3://home-administrator/secret.bin",
        file="file:///etc/passwd",
        web="https://127.0.0.1/",
        gone="s3://collections/anna/anna-own/gone.bin",
    )
    answer = anna.post("/stac/collections/anna-own/items", json=forged)
    assert answer.status_code == 201, answer.text
    yield
    execute(anna, "unpublish-collection", {"collection": "anna-own"})


URL = "/stac/data/anna-own/one"


@pytest.mark.parametrize(
    "asset", ["other", "berta", "up", "home", "file", "web", "gone", "nothing", "../mine"]
)
def test_an_item_opens_no_file_that_is_not_its_owners(anna, asset):
    answer = anna.get(f"{URL}/{asset}")
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["../secret.bin", "a/../../../../berta/berta-own/secret.bin", "%2e%2e/secret.bin", "a//c/0", "a/c/1", ""],
)
def test_a_zarr_group_opens_no_file_outside_of_it(anna, path):
    assert anna.get(f"{URL}/cube/{path}").status_code == 404


def test_the_objects_of_a_zarr_group_are_served(anna):
    assert anna.get(f"{URL}/cube/a/c/0").content == b"chunk"
    assert anna.get(f"{URL}/mine/a").status_code == 404


def test_a_download_has_a_length_a_name_and_a_revision(anna):
    answer = anna.get(f"{URL}/mine")
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-type"] == "application/x-thing"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"thing _.bin\"; filename*=UTF-8''thing%20%C3%A9.bin"
    )
    assert "sandbox" in answer.headers["content-security-policy"]
    head = anna.head(f"{URL}/mine")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == answer.headers["etag"]
    assert head.headers["content-length"] == str(len(CONTENT))
    again = anna.get(f"{URL}/mine", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=5000000-", 5_000_000, None),
        ("bytes=-7", len(CONTENT) - 7, None),
        ("bytes=10-99999999999", 10, None),
        ("bytes=-99999999999", 0, None),
    ],
)
def test_a_range_is_served(anna, asked, start, end):
    answer = anna.get(f"{URL}/mine", headers={"Range": asked})
    expected = CONTENT[start:end]
    assert answer.status_code == 206
    assert answer.content == expected
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(CONTENT)}"


def test_ranges_that_cannot_be_served(anna):
    assert anna.get(f"{URL}/mine", headers={"Range": f"bytes={len(CONTENT)}-"}).status_code == 416
    assert anna.get(f"{URL}/mine", headers={"Range": "bytes=-0"}).status_code == 416
    for whole in ("bytes=9-3", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b"):
        assert anna.get(f"{URL}/mine", headers={"Range": whole}).status_code == 200
    changed = anna.get(f"{URL}/mine", headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert changed.status_code == 200
    tag = changed.headers["etag"]
    assert anna.get(f"{URL}/mine", headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206


def test_who_may_publish(client_of, stranger, anna):
    nobody = client_of("nobody")
    assert stranger.post("/stac/publishing/uploads/x-files", json={}).status_code == 401
    asked = {"files": [{"path": "a.tif", "size": 1, "md5": "0" * 32}]}
    assert nobody.post("/stac/publishing/uploads/x-files", json=asked).status_code == 403
    assert nobody.post("/stac/collections", json=COLLECTION | {"id": "x"}).status_code == 403
    inputs = {"inputs": {"collection": "x-files"}}
    assert nobody.post("/processes/publish-collection/execution", json=inputs).status_code == 403


def test_an_id_that_is_taken_stays_its_owners(client_of, anna, administrator):
    berta = client_of("berta", PUBLISHER_ROLE)
    asked = {"files": [{"path": "a.tif", "size": 1, "md5": "0" * 32}]}
    assert berta.post("/stac/publishing/uploads/anna-own", json=asked).status_code == 409
    assert berta.post("/stac/collections", json=COLLECTION).status_code == 409
    job = execute(berta, "publish-collection", {"collection": "anna-own"})
    assert job["status"] == "failed"
    assert administrator.get("/stac/collections/anna-own/sharing").json()["owner"] == "anna"


def test_a_folder_of_somebody_else_is_not_published(anna):
    for source in (
        "s3://home-administrator",
        "s3://collections/berta/berta-own",
        "s3://archive",
        "s3://../x",
    ):
        job = execute(anna, "publish-collection", {"collection": "anna-theft", "source": source})
        assert job["status"] == "failed"
        assert "may not" in job["message"] or "cannot be used" in job["message"]
        answer = anna.get("/stac/publishing/folders", params={"address": source})
        assert answer.status_code in (400, 403)


def test_one_sees_what_one_may_publish(anna, administrator):
    roots = [each["name"] for each in anna.get("/stac/publishing/folders").json()["folders"]]
    assert roots == ["home-anna", "collections/anna", "demo", "public-twins"]
    inside = anna.get("/stac/publishing/folders", params={"address": "s3://collections/anna/anna-own"}).json()
    assert [each["name"] for each in inside["folders"]] == ["cube.zarr"]
    assert inside["files"] == [{"name": "thing é.bin", "size": len(CONTENT), "kind": None}]
    own = administrator.get("/stac/publishing/folders", params={"address": "s3://home-administrator"}).json()
    assert "secret.bin" in [each["name"] for each in own["files"]]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"collection": "../x"}, "collection"),
        ({"collection": "x-files", "visibility": "secret"}, "visibility"),
        ({"collection": "x-files", "visibility": "entity"}, "entity"),
        ({"collection": "x-files", "entity": "ecmwf"}, "entity"),
        ({"collection": "x-files", "datetime": "yesterday"}, "datetime"),
        ({"collection": "x-files", "licence": "all rights reserved!"}, "licence"),
        ({"collection": "x-files", "title": "x" * 1000}, "title"),
    ],
)
def test_wrong_inputs_are_named(anna, inputs, named):
    job = execute(anna, "publish-collection", inputs)
    assert job["status"] == "failed"
    assert named in job["message"]


@pytest.mark.parametrize("path", ["../a.tif", "a/../../b.tif", "/a.tif", "a//b", ".", "a\\b"])
def test_uploads_stay_in_their_folder(anna, path):
    asked = {"files": [{"path": path, "size": 1, "md5": "0" * 32}]}
    assert anna.post("/stac/publishing/uploads/anna-own", json=asked).status_code == 400


def test_too_much_is_not_taken(anna):
    asked = {"files": [{"path": "a.tif", "size": 10**15, "md5": "0" * 32}]}
    assert anna.post("/stac/publishing/uploads/anna-own", json=asked).status_code == 413


@pytest.mark.parametrize(
    "body",
    [{}, {"visibility": "all"}, {"visibility": "entity"}, {"visibility": "entity", "entity": "A B"}, []],
)
def test_wrong_sharing_is_refused(anna, body):
    assert anna.put("/stac/collections/anna-own/sharing", json=body).status_code == 400
    assert anna.get("/stac/collections/anna-own/sharing").json()["visibility"] == "private"
