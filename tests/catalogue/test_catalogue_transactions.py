"""Who may change the catalogue, what is refused, and what a change leaves behind."""

import time

import pytest
from catalogue_documents import make_collection, make_item

from geoscope.access import issue_token

COLLECTION = "/stac/collections/sea-surface-temperature"


@pytest.fixture
def collection(editor):
    answer = editor.post("/stac/collections", json=make_collection())
    assert answer.status_code == 201, answer.text
    return answer


def test_added_item_is_there_with_links_and_addresses_filled_in(collection, editor, visitor, address):
    added = editor.post(f"{COLLECTION}/items", json=make_item("a1b"))
    assert added.status_code == 201
    assert added.headers["location"] == f"{address}{COLLECTION}/items/a1b"
    answer = visitor.get(added.headers["location"])
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json() == added.json()
    item = answer.json()
    assert {link["rel"]: link["href"] for link in item["links"]} == {
        "self": f"{address}{COLLECTION}/items/a1b",
        "parent": f"{address}{COLLECTION}",
        "collection": f"{address}{COLLECTION}",
        "root": f"{address}/stac",
    }
    assert item["assets"]["data"]["href"] == f"{address}/data/demo/a1b.zarr"


def test_s3_endpoint_is_filled_in_as_the_client_sees_the_platform(collection, editor, visitor, settings):
    schemes = {"s3": {"type": "custom-s3", "platform": "geoscope://s3"}}
    editor.post(f"{COLLECTION}/items", json=make_item("a", properties={"storage:schemes": schemes}))
    answer = visitor.get(f"{COLLECTION}/items/a", headers={"Host": "earth.example.org:8080"}).json()
    s3 = answer["properties"]["storage:schemes"]["s3"]["platform"]
    assert s3 == f"http://earth.example.org:{settings.s3_port}"
    assert answer["links"][0]["href"].startswith("http://earth.example.org:8080/stac/")


def test_own_links_are_kept_and_generated_ones_are_made_anew(collection, visitor, address):
    links = visitor.get(COLLECTION).json()["links"]
    assert [link["href"] for link in links if link["rel"] == "license"] == ["https://example.org/licence"]
    assert [link["href"] for link in links if link["rel"] == "self"] == [f"{address}{COLLECTION}"]


def test_members_that_can_be_known_are_filled_in(collection, editor):
    item = make_item("a")
    for name in ("type", "stac_version", "assets", "links"):
        del item[name]
    added = editor.post(f"{COLLECTION}/items", json=item).json()
    assert (added["type"], added["stac_version"], added["collection"]) == (
        "Feature",
        "1.1.0",
        "sea-surface-temperature",
    )
    assert added["properties"]["created"] == added["properties"]["updated"]


def test_times_that_the_sender_gives_are_kept(collection, editor):
    times = {"created": "2020-01-01T00:00:00Z", "updated": "2020-01-02T00:00:00Z"}
    added = editor.post(f"{COLLECTION}/items", json=make_item("a", properties=times)).json()
    assert added["properties"].items() >= times.items()


def test_replacing_with_the_same_changes_nothing(collection, editor, visitor):
    first = editor.post(f"{COLLECTION}/items", json=make_item("a"))
    time.sleep(0.002)
    same = editor.put(f"{COLLECTION}/items/a", json=make_item("a"))
    read_and_sent_back = editor.put(f"{COLLECTION}/items/a", json=visitor.get(f"{COLLECTION}/items/a").json())
    for answer in (same, read_and_sent_back):
        assert answer.status_code == 200
        assert answer.content == first.content
        assert answer.headers["etag"] == first.headers["etag"]
    other = editor.put(f"{COLLECTION}/items/a", json=make_item("a", properties={"title": "New"}))
    assert other.headers["etag"] != first.headers["etag"]
    assert other.json()["properties"]["created"] == first.json()["properties"]["created"]
    assert other.json()["properties"]["updated"] > first.json()["properties"]["updated"]


def test_replaced_item_is_found_only_by_what_it_is_now(collection, editor, visitor):
    editor.post(f"{COLLECTION}/items", json=make_item("a", properties={"title": "Before"}))
    moved = make_item("a", (50, 0, 51, 1), "2027-01-01T00:00:00Z", properties={"title": "After"})
    assert editor.put(f"{COLLECTION}/items/a", json=moved).status_code == 200
    for before in ("bbox=10,40,11,41", "datetime=2026-03-01T00:00:00Z", "q=before"):
        assert visitor.get(f"/stac/search?{before}").json()["numberMatched"] == 0
    for after in ("bbox=50,0,51,1", "datetime=2027-01-01T00:00:00Z", "q=after", "limit=1"):
        assert visitor.get(f"/stac/search?{after}").json()["numberMatched"] == 1


def test_part_of_an_item_is_changed_by_merge_patch(collection, editor):
    editor.post(f"{COLLECTION}/items", json=make_item("a", properties={"title": "T", "platform": "buoy"}))
    patched = editor.patch(f"{COLLECTION}/items/a", json={"properties": {"title": "New", "platform": None}})
    assert patched.status_code == 200
    assert patched.json()["properties"]["title"] == "New"
    assert "platform" not in patched.json()["properties"]
    assert editor.patch(f"{COLLECTION}/items/a", json={"geometry": {"type": "Point"}}).status_code == 400
    assert editor.patch(COLLECTION, json={"title": "SST"}).json()["title"] == "SST"


def test_change_is_refused_if_somebody_was_faster(collection, editor):
    seen = editor.post(f"{COLLECTION}/items", json=make_item("a")).headers["etag"]
    mine, theirs = (make_item("a", properties={"title": title}) for title in ("Mine", "Theirs"))
    assert editor.put(f"{COLLECTION}/items/a", json=theirs, headers={"If-Match": seen}).status_code == 200
    refused = editor.put(f"{COLLECTION}/items/a", json=mine, headers={"If-Match": seen})
    assert (refused.status_code, refused.json()["code"]) == (412, "PreconditionFailed")
    assert editor.delete(f"{COLLECTION}/items/a", headers={"If-Match": seen}).status_code == 412
    assert (
        editor.put(f"{COLLECTION}/items/a", json=mine, headers={"If-Match": f'"x", {seen}'}).status_code
        == 412
    )
    assert editor.put(f"{COLLECTION}/items/a", json=mine, headers={"If-Match": "*"}).status_code == 200


def test_reader_with_the_same_revision_gets_no_body(collection, editor, visitor):
    editor.post(f"{COLLECTION}/items", json=make_item("a"))
    for path in (COLLECTION, f"{COLLECTION}/items/a"):
        tag = visitor.get(path).headers["etag"]
        again = visitor.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert visitor.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_several_items_are_added_all_or_none(collection, editor, visitor):
    good, taken, bad = make_item("good"), make_item("taken"), make_item("bad", when="yesterday")
    assert editor.post(f"{COLLECTION}/items", json=taken).status_code == 201
    for items, status in (([good, taken], 409), ([good, good], 409), ([good, bad], 400)):
        body = {"type": "FeatureCollection", "features": items}
        assert editor.post(f"{COLLECTION}/items", json=body).status_code == status
        assert visitor.get(f"{COLLECTION}/items").json()["numberMatched"] == 1


def test_several_items_have_no_one_location(collection, editor):
    body = {"type": "FeatureCollection", "features": [make_item("only")]}
    answer = editor.post(f"{COLLECTION}/items", json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    assert "location" not in answer.headers


def test_removed_collection_takes_its_items_along(add_items, editor, visitor):
    add_items(make_item("a", properties={"title": "Gone"}), make_item("b"), collection="one")
    add_items(make_item("c"), collection="two")
    assert editor.delete("/stac/collections/one").status_code == 204
    assert visitor.get("/stac/collections/one").status_code == 404
    assert visitor.get("/stac/collections/one/items").status_code == 404
    assert visitor.get("/stac/collections/one/items/a").status_code == 404
    assert visitor.get("/stac/search?q=gone").json()["numberMatched"] == 0
    for search in ("", "?q=gone,sea", "?bbox=-180,-90,180,90", "?ids=a,b,c"):
        page = visitor.get(f"/stac/search{search}").json()
        assert [item["id"] for item in page["features"]] == ["c"]
        assert page["numberMatched"] == 1
    add_items(make_item("d"), collection="one")
    assert visitor.get("/stac/collections/one/items").json()["numberMatched"] == 1


def test_replaced_collection_keeps_its_items(add_items, editor, visitor):
    add_items(make_item("a"))
    assert editor.put(COLLECTION, json=make_collection(title="New")).json()["title"] == "New"
    assert visitor.get(f"{COLLECTION}/items").json()["numberMatched"] == 1


def test_removed_item_is_gone(add_items, editor, visitor):
    add_items(make_item("a"), make_item("b"))
    assert editor.delete(f"{COLLECTION}/items/a").status_code == 204
    assert editor.delete(f"{COLLECTION}/items/a").status_code == 404
    assert [item["id"] for item in visitor.get("/stac/search").json()["features"]] == ["b"]


def test_what_is_there_is_not_added_again_and_what_is_not_is_not_replaced(collection, editor):
    assert editor.post("/stac/collections", json=make_collection()).status_code == 409
    assert editor.put("/stac/collections/other", json=make_collection("other")).status_code == 404
    assert editor.put(f"{COLLECTION}/items/a", json=make_item("a")).status_code == 404
    assert editor.post("/stac/collections/other/items", json=make_item("a")).status_code == 404
    assert editor.delete("/stac/collections/other").status_code == 404


CHANGES = [
    ("POST", "/stac/collections"),
    ("PUT", COLLECTION),
    ("PATCH", COLLECTION),
    ("DELETE", COLLECTION),
    ("POST", f"{COLLECTION}/items"),
    ("PUT", f"{COLLECTION}/items/a"),
    ("PATCH", f"{COLLECTION}/items/a"),
    ("DELETE", f"{COLLECTION}/items/a"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_only_catalogue_editors_change_anything(add_items, visitor, settings, method, path):
    add_items(make_item("a"))
    reader = {"Authorization": f"Bearer {issue_token(settings, 'ben', frozenset({'data-user'}))}"}
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    assert visitor.request(method, path).status_code == 401
    assert visitor.request(method, path, headers=forged).status_code == 401
    refused = visitor.request(method, path, headers=reader)
    assert refused.status_code == 403
    assert "catalogue-editor" in refused.json()["description"]
    assert visitor.get(f"{COLLECTION}/items").json()["numberMatched"] == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "../a"}, "id"),
        ({"id": ".."}, "id"),
        ({"id": "a" * 257}, "id"),
        ({"id": "ä"}, "id"),
        ({"id": 7}, "id"),
        ({"collection": "other"}, "collection"),
        ({"stac_version": "0.9.0"}, "stac_version"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, "geometry"),
        ({"geometry": {"type": "Point", "coordinates": [200, 0]}}, "geometry"),
        ({"geometry": {"type": "Point", "coordinates": ["10", "40"]}, "bbox": [10, 40, 10, 40]}, "geometry"),
        ({"geometry": None}, "bbox"),
        ({"bbox": [40, 10, 41, 11]}, "bbox"),
        ({"bbox": [10, 40, 11]}, "bbox"),
        ({"bbox": ["10", "40", "11", "41"]}, "bbox"),
        ({"bbox": [10, 41, 11, 40]}, "bbox"),
        ({"properties": {"datetime": None}}, "start_datetime"),
        ({"properties": {"datetime": "2026-03-01"}}, "datetime"),
        ({"properties": {"datetime": 1772323200}}, "datetime"),
        ({"properties": {}}, "datetime"),
        ({"assets": {"data": {}}}, "assets.data.href"),
        ({"links": [{"rel": "via"}]}, "links.0.href"),
    ],
)
def test_item_that_is_not_valid_is_refused_by_name(collection, editor, visitor, change, named):
    refused = editor.post(f"{COLLECTION}/items", json=make_item() | change)
    assert (refused.status_code, refused.json()["code"]) == (400, "InvalidParameterValue")
    assert named in refused.json()["description"]
    assert visitor.get("/stac/search").json()["features"] == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "a b"}, "id"),
        ({"description": None}, "description"),
        ({"license": ""}, "license"),
        (
            {"extent": {"spatial": {"bbox": []}, "temporal": {"interval": [[None, None]]}}},
            "extent.spatial.bbox",
        ),
        (
            {"extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": []}}},
            "extent.temporal.interval",
        ),
        (
            {"extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2006", None]]}}},
            "interval",
        ),
        ({"type": "Catalog"}, "type"),
    ],
)
def test_collection_that_is_not_valid_is_refused_by_name(editor, visitor, change, named):
    refused = editor.post("/stac/collections", json=make_collection() | change)
    assert (refused.status_code, refused.json()["code"]) == (400, "InvalidParameterValue")
    assert named in refused.json()["description"]
    assert visitor.get("/stac/collections").json()["collections"] == []
