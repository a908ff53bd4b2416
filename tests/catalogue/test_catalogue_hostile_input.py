"""Whatever is sent: a correct answer or a clear refusal, never a failure of the server."""

import base64
import os

import pytest
from catalogue_documents import make_collection, make_item, rectangle

COLLECTION = "/stac/collections/sea-surface-temperature"


def nested(depth):
    geometry = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(depth):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    return geometry


def token(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


def assert_refused(answer, named):
    assert answer.status_code == 400, answer.text
    document = answer.json()
    assert document["code"] == "InvalidParameterValue"
    assert named in document["description"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bbox", "1,2,3"),
        ("bbox", "1,2,3,4,5"),
        ("bbox", "1,2,3,4,5,6,7"),
        ("bbox", "a,b,c,d"),
        ("bbox", "nan,0,1,1"),
        ("bbox", "0,0,inf,1"),
        ("bbox", "0,0,361,1"),
        ("bbox", "0,-91,1,1"),
        ("bbox", "0,10,1,1"),
        ("bbox", "0,0,9,1,1,1"),
        ("datetime", "2026"),
        ("datetime", "2026-02-30T00:00:00Z"),
        ("datetime", "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"),
        ("datetime", "../.."),
        ("datetime", "a" * 10_000),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "9" * 5000),
        ("token", "!"),
        ("token", "next"),
        ("token", "ü"),
        ("token", token("[1]")),
        ("token", token('"id"')),
        ("token", token('["a","b","c"]')),
        ("token", token('[99999999999999999999,"a","b"]')),
        ("token", token("[" * 1000)),
        ("intersects", "{"),
        ("intersects", "[]"),
        ("intersects", '{"type":"Polygon"}'),
        ("intersects", '{"type":"Circle","coordinates":[0,0]}'),
        ("intersects", '{"type":"Point","coordinates":[500,0]}'),
        ("intersects", '{"type":"Point","coordinates":[1e999,0]}'),
        ("intersects", '{"type":"Point","coordinates":["1","2"]}'),
        ("intersects", '{"type":"Point","coordinates":[]}'),
        ("intersects", '{"type":"MultiPoint","coordinates":[]}'),
        ("intersects", '{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}'),
        ("q", "x" * 300),
        ("q", ",".join(map(str, range(100)))),
        ("q", "a\0b"),
        ("q", "(" * 100),
        ("q", '"'),
        ("q", "***"),
        ("sortby", "geometry"),
        ("sortby", "a,b,c,d,e,f"),
        ("fields", "a..b"),
        ("query", "{"),
        ("query", '{"gsd":{"near":1}}'),
    ],
)
def test_parameter_that_cannot_be_used_is_refused_by_name(visitor, name, value):
    assert_refused(visitor.get("/stac/search", params={name: value}), name)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"bbox": ["a", 0, 1, 1]}, "bbox"),
        ({"bbox": [0, 0, 1, 1], "intersects": rectangle(0, 0, 1, 1)}, "bbox"),
        ({"intersects": nested(100)}, "intersects"),
        (
            {"intersects": {"type": "LineString", "coordinates": [[n / 100, 0] for n in range(10_001)]}},
            "intersects",
        ),
        ({"ids": [str(n) for n in range(1001)]}, "ids"),
        ({"collections": "a"}, "collections"),
        ({"limit": 1.5}, "limit"),
        ({"limit": 10**30}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"filter": {"op": "=", "args": [{"property": "gsd"}, 10**30]}}, "filter"),
        ({"filter": {"op": "near", "args": [1]}}, "filter"),
        ({"query": {"gsd": {"eq": 10**30}}}, "filter"),
        ({"query": {"gsd": 1}}, "query"),
        ({"sortby": [{"field": ""}]}, "sortby"),
        ({"fields": {"include": ["a..b"]}}, "fields"),
        ({"q": ["x" * 5000]}, "q"),
        ({"token": "x" * 5000}, "token"),
        ([], "body"),
    ],
)
def test_body_that_cannot_be_used_is_refused_by_name(visitor, body, named):
    assert_refused(visitor.post("/stac/search", json=body), named)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b'{"bbox":[NaN,0,1,1]}'])
def test_body_that_is_no_search_is_refused(visitor, body):
    assert visitor.post("/stac/search", content=body).status_code == 400


@pytest.mark.parametrize("path", ["/stac/search", "/stac/collections", f"{COLLECTION}/items"])
def test_parameter_that_is_not_known_is_refused_and_not_ignored(visitor, path):
    assert_refused(visitor.get(path, params={"cloud_cover": "10"}), "cloud_cover")


def test_empty_parameters_narrow_nothing(add_items, visitor):
    add_items(make_item("a"))
    empty = {"ids": "", "collections": "", "bbox": "", "datetime": "", "q": "", "intersects": "", "token": ""}
    assert visitor.get("/stac/search", params=empty).json()["numberMatched"] == 1
    assert (
        visitor.post("/stac/search", json={"ids": [], "collections": [], "q": []}).json()["numberMatched"]
        == 1
    )


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Point", "coordinates": [500, 0]},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Point", "coordinates": [0, 91]},
        {"type": "Circle", "coordinates": [0, 0]},
        {"type": "Feature", "geometry": None},
        {"type": "LineString", "coordinates": [[0, 0]]},
        [],
        "POINT(0 0)",
    ],
)
def test_item_with_a_geometry_that_is_none_is_refused_whole(add_items, editor, visitor, geometry):
    add_items(make_item("a"))
    wrong = make_item("wrong", geometry=geometry)
    bulk = {"items": {"right": make_item("right"), "wrong": wrong}}
    for answer in (
        editor.post(f"{COLLECTION}/items", json=wrong),
        editor.post(f"{COLLECTION}/bulk_items", json=bulk),
        editor.put(f"{COLLECTION}/items/a", json=make_item("a", geometry=geometry)),
        editor.patch(f"{COLLECTION}/items/a", json={"geometry": geometry}),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json().keys() == {"code", "description"}
    kept = visitor.get("/stac/search").json()
    assert [(item["id"], item["geometry"]) for item in kept["features"]] == [
        ("a", make_item("a")["geometry"])
    ]


def test_polygon_that_crosses_itself_is_repaired(add_items, visitor):
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]}
    add_items(make_item("in", (0.1, 1.9, 0.2, 2.1)), make_item("between", (1.9, 0.1, 2.1, 0.2)))
    page = visitor.post("/stac/search", json={"intersects": bow_tie}).json()
    assert [item["id"] for item in page["features"]] == ["in"]


def test_bodies_are_limited(editor, visitor):
    chunks = (b" " * 65536 for _ in range(2**11))
    assert visitor.post("/stac/search", content=chunks).status_code == 413
    assert editor.post("/stac/collections", content=b" " * 2**21).status_code == 413


def test_document_that_grows_too_large_is_refused(add_items, editor):
    add_items(make_item("a"))
    # No description is this long: random bytes, as text.
    large = make_item("b", properties={"description": os.urandom(2**19).hex()})
    assert editor.post(f"{COLLECTION}/items", json=large).status_code == 413
    patch = {"properties": {"description": "x" * (2**20 - 60)}}
    assert editor.patch(f"{COLLECTION}/items/a", json=patch).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"id":"\\ud800"}',
        b'{"type":"FeatureCollection"}',
        b'{"type":"FeatureCollection","features":[1]}',
        b'{"type":"FeatureCollection","features":{}}',
    ],
)
def test_body_that_is_no_document_is_refused(add_items, editor, body):
    add_items(make_item("a"))
    assert editor.post(f"{COLLECTION}/items", content=body).status_code == 400
    assert editor.put(f"{COLLECTION}/items/a", content=body).status_code == 400


def test_deeply_nested_documents_are_refused(add_items, editor):
    add_items(make_item("a"))
    deep = {}
    for _ in range(400):
        deep = {"deeper": deep}
    assert editor.patch(f"{COLLECTION}/items/a", json={"properties": deep}).status_code == 400
    assert editor.post(f"{COLLECTION}/items", json=make_item("b", properties=deep)).status_code == 400
    for depth in (20, 200):
        item = make_item("b", geometry=nested(depth), bbox=[0, 0, 0, 0])
        assert editor.post(f"{COLLECTION}/items", json=item).status_code in (201, 400)
        editor.delete(f"{COLLECTION}/items/b")


@pytest.mark.parametrize("path", ["..%2F..%2Fsecrets", "%00", "a'%20OR%201=1", "a" * 5000, "%F0%9F%8C%8D"])
def test_ids_that_cannot_be_are_not_found(add_items, editor, visitor, path):
    add_items(make_item("a"))
    for url in (f"/stac/collections/{path}", f"/stac/collections/{path}/items", f"{COLLECTION}/items/{path}"):
        assert visitor.get(url).status_code == 404
        assert visitor.get(url).json().keys() == {"code", "description"}
    assert editor.delete(f"{COLLECTION}/items/{path}").status_code == 404


def test_placeholders_in_a_host_name_cannot_break_the_answer(add_items, visitor):
    add_items(make_item("a"))
    answer = visitor.get("/stac/search", headers={"Host": 'x","evil":"y'})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert "evil" not in answer.json()


def test_markup_in_a_title_stays_text(editor, visitor):
    title = '</script><script>alert("1")</script>'
    assert editor.post("/stac/collections", json=make_collection(title=title)).status_code == 201
    landing = visitor.get("/stac")
    assert landing.headers["content-type"] == "application/json"
    assert title in [link.get("title") for link in landing.json()["links"]]
