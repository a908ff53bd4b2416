"""Many items at once, all or none; and changes that must not undo another's."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from catalogue_documents import make_collection, make_item

COLLECTION = "/stac/collections/sea-surface-temperature"


@pytest.fixture
def collection(editor):
    editor.post("/stac/collections", json=make_collection()).raise_for_status()


def send(client, items, method="insert"):
    return client.post(f"{COLLECTION}/bulk_items", json={"items": items, "method": method})


def ids(visitor):
    return sorted(item["id"] for item in visitor.get(f"{COLLECTION}/items?limit=1000").json()["features"])


def test_many_items_are_added_at_once(collection, editor, visitor):
    answer = send(editor, {f"i{n}": make_item(f"i{n}") for n in range(250)})
    assert answer.status_code == 200, answer.text
    assert answer.json() == "Successfully added 250 items."
    assert len(ids(visitor)) == 250


def test_items_need_not_say_their_ids_twice(collection, editor, visitor):
    item = make_item("a")
    del item["id"]
    assert send(editor, {"a": item}).status_code == 200
    assert ids(visitor) == ["a"]


def test_upsert_replaces_what_is_there_and_keeps_when_it_was_made(collection, editor, visitor):
    send(editor, {id_: make_item(id_) for id_ in "ab"}).raise_for_status()
    first = {id_: visitor.get(f"{COLLECTION}/items/{id_}") for id_ in "ab"}
    time.sleep(0.002)
    items = {"a": make_item("a"), "b": make_item("b", properties={"title": "New"}), "c": make_item("c")}
    answer = send(editor, items, "upsert")
    assert answer.status_code == 200, answer.text
    assert ids(visitor) == ["a", "b", "c"]
    unchanged, changed = (visitor.get(f"{COLLECTION}/items/{id_}") for id_ in "ab")
    assert unchanged.headers["etag"] == first["a"].headers["etag"]
    assert changed.json()["properties"]["title"] == "New"
    assert changed.json()["properties"]["created"] == first["b"].json()["properties"]["created"]
    assert changed.json()["properties"]["updated"] > first["b"].json()["properties"]["updated"]


@pytest.mark.parametrize(
    ("items", "status", "named"),
    [
        ({"new": make_item("new"), "old": make_item("old")}, 409, "old"),
        ({"new": make_item("new"), "bad": {"type": "Feature"}}, 400, "items.bad"),
        ({"new": make_item("new"), "bad": make_item("other")}, 400, "items.bad.id"),
        ({"new": make_item("new"), "bad": 1}, 400, "items.bad"),
        ([make_item("new")], 400, "items"),
        (None, 400, "items"),
    ],
)
def test_nothing_is_kept_of_what_cannot_be_kept_whole(collection, editor, visitor, items, status, named):
    send(editor, {"old": make_item("old")}).raise_for_status()
    answer = send(editor, items)
    assert answer.status_code == status, answer.text
    assert named in answer.json()["description"]
    assert ids(visitor) == ["old"]


def test_the_same_item_twice_in_one_body_is_refused(collection, editor, visitor):
    body = {"type": "FeatureCollection", "features": [make_item("a"), make_item("a")]}
    assert editor.post(f"{COLLECTION}/items", json=body).status_code == 409
    assert ids(visitor) == []


def test_method_must_be_known_and_the_collection_there(collection, editor):
    answer = send(editor, {}, "merge")
    assert (answer.status_code, "method" in answer.json()["description"]) == (400, True)
    answer = editor.post("/stac/collections/none/bulk_items", json={"items": {}})
    assert answer.status_code == 404
    assert send(editor, {f"i{n}": {} for n in range(10_001)}).status_code == 413


def test_strangers_change_nothing(collection, visitor):
    assert send(visitor, {"a": make_item("a")}).status_code == 401


def test_put_makes_what_must_not_be_there_yet(editor, visitor):
    only_new = {"If-None-Match": "*"}
    assert editor.put(COLLECTION, json=make_collection()).status_code == 404
    made = editor.put(COLLECTION, json=make_collection(), headers=only_new)
    assert made.status_code == 201
    assert editor.put(COLLECTION, json=make_collection(), headers=only_new).status_code == 412
    item = f"{COLLECTION}/items/a"
    assert editor.put(item, json=make_item("a")).status_code == 404
    made = editor.put(item, json=make_item("a"), headers=only_new)
    assert made.status_code == 201
    assert editor.put(item, json=make_item("a"), headers=only_new).status_code == 412
    assert visitor.get(item).headers["etag"] == made.headers["etag"]
    assert editor.put(item, json=make_item("a"), headers={"If-None-Match": '"x"'}).status_code == 400


def test_of_concurrent_changes_of_one_revision_one_is_kept(collection, editor):
    item = f"{COLLECTION}/items/a"
    tag = editor.post(f"{COLLECTION}/items", json=make_item("a")).headers["etag"]

    def change(n):
        return editor.patch(item, json={"properties": {"n": n}}, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(change, range(16)))
    assert sorted(statuses) == [200] + [412] * 15


def test_tag_that_an_edge_has_marked_names_its_revision(collection, editor):
    item = f"{COLLECTION}/items/a"
    tag = editor.post(f"{COLLECTION}/items", json=make_item("a")).headers["etag"]
    for mark in ('W/"{}"', '"{}-gzip"', '"x", "{}-zstd"'):
        if_match = mark.format(tag.strip('"'))
        answer = editor.patch(item, json={"properties": {"mark": mark}}, headers={"If-Match": if_match})
        assert answer.status_code == 200, mark
        tag = answer.headers["etag"]
    for other in ('"x"', "", tag.strip('"')):
        assert editor.delete(item, headers={"If-Match": other}).status_code == 412
    assert editor.delete(item, headers={"If-Match": "*"}).status_code == 204
