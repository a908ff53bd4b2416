"""What a search finds, in which order, and how its pages follow each other."""

import json

import pytest
from catalogue_documents import make_collection, make_item


def found(client, **parameters):
    answer = client.get("/stac/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["features"]]


def test_box_finds_items_that_it_touches(add_items, visitor):
    add_items(
        make_item("inside", (10, 40, 11, 41)),
        make_item("edge", (12, 40, 13, 41)),
        make_item("far", (50, 0, 51, 1)),
    )
    assert sorted(found(visitor, bbox="9,39,12,42")) == ["edge", "inside"]


def test_box_of_six_numbers_is_taken_by_its_sides(add_items, visitor):
    add_items(make_item("a", (10, 40, 11, 41)), make_item("b", (50, 40, 51, 41)))
    assert found(visitor, bbox="9,39,-100,12,42,9000") == ["a"]


def test_box_across_the_antimeridian_finds_items_on_both_sides(add_items, visitor):
    crossing = make_item("crossing", (178, 40, -179, 41))
    crossing["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[178, 40], [180, 40], [180, 41], [178, 41], [178, 40]]],
            [[[-180, 40], [-179, 40], [-179, 41], [-180, 41], [-180, 40]]],
        ],
    }
    west, east, away = (
        make_item(i, b)
        for i, b in (("west", (175, 40, 176, 41)), ("east", (-177, 40, -176, 41)), ("away", (0, 40, 1, 41)))
    )
    add_items(crossing, west, east, away)
    assert sorted(found(visitor, bbox="174,30,-170,50")) == ["crossing", "east", "west"]
    assert found(visitor, bbox="179.2,30,179.4,50") == ["crossing"]
    assert found(visitor, bbox="-179.6,30,-179.4,50") == ["crossing"]
    assert found(visitor, bbox="-10,30,10,50") == ["away"]


def test_polygon_written_across_the_antimeridian_is_cut_there(add_items, visitor):
    item = make_item("scene", (179, 40, -179, 41))
    item["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[179, 40], [-179, 40], [-179, 41], [179, 41], [179, 40]]],
    }
    add_items(item)
    assert found(visitor, bbox="179.4,40.4,179.5,40.5") == ["scene"]
    assert found(visitor, bbox="-179.5,40.4,-179.4,40.5") == ["scene"]
    assert found(visitor, bbox="0,40,1,41") == []


def test_box_asks_the_geometry_and_not_only_its_box(add_items, visitor):
    item = make_item("triangle", (0, 0, 10, 10))
    item["geometry"] = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}
    add_items(item)
    assert found(visitor, bbox="1,1,2,2") == ["triangle"]
    assert found(visitor, bbox="8,8,9,9") == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_intersects_asks_the_exact_area(add_items, visitor, method):
    add_items(make_item("in", (0, 0, 1, 1)), make_item("out", (8, 8, 9, 9)))
    triangle = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}
    if method == "GET":
        assert found(visitor, intersects=json.dumps(triangle)) == ["in"]
    else:
        answer = visitor.post("/stac/search", json={"intersects": triangle})
        assert [item["id"] for item in answer.json()["features"]] == ["in"]


def test_item_without_geometry_is_found_by_time_and_never_by_place(add_items, visitor):
    add_items(make_item("nowhere", None), make_item("somewhere", (10, 40, 11, 41)))
    assert sorted(found(visitor, datetime="2026-03-01T00:00:00Z")) == ["nowhere", "somewhere"]
    assert found(visitor, bbox="-180,-90,180,90") == ["somewhere"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("2026-03-01T00:00:00Z", ["instant", "span"]),
        ("2026-03-01T01:00:00+01:00", ["instant", "span"]),
        ("2026-02-01T00:00:00Z/2026-02-02T00:00:00Z", ["span"]),
        ("2026-03-02T00:00:00.000001Z/..", ["later"]),
        ("../2026-01-01T00:00:00Z", ["span", "early"]),
        ("/2025-12-31T23:59:59.999999Z", ["early"]),
        ("2027-01-01T00:00:00Z/", []),
    ],
)
def test_time_matches_by_overlap_to_the_microsecond(add_items, visitor, asked, expected):
    add_items(
        make_item("early", when="2025-06-01T00:00:00Z"),
        make_item("span", when="2026-01-01T00:00:00Z/2026-03-02T00:00:00Z"),
        make_item("instant", when="2026-03-01T00:00:00Z"),
        make_item("later", when="2026-03-02T00:00:00.000001Z"),
    )
    assert found(visitor, datetime=asked) == expected


def test_newest_comes_first_then_collection_then_id(add_items, visitor):
    add_items(make_item("b"), make_item("a"), make_item("new", when="2026-04-01T00:00:00Z"), collection="two")
    add_items(make_item("z"), collection="one")
    assert found(visitor) == ["new", "z", "a", "b"]
    assert found(visitor, collections="two,one,two") == ["new", "z", "a", "b"]
    assert found(visitor, collections="two") == ["new", "a", "b"]
    assert found(visitor, ids="z,b,missing") == ["z", "b"]
    assert found(visitor, ids="z", collections="two") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("scenario", ["a1b"]),
        ("SCÉNARIO", ["a1b"]),
        ("emission scenario", ["a1b"]),
        ("scenario emission", []),
        ('"emission scenario"', ["a1b"]),
        ("nothing,e1", ["e1"]),
        ("air_temperature", ["a1b"]),
        ("air temperature", ["a1b"]),
        ("meteo", ["a1b", "e1"]),
        ("Met Office", ["a1b", "e1"]),
        ("not", []),
        ("scenario OR e1", ["a1b", "e1"]),
        ('"scenario OR e1"', []),
        ('"text:a1b"', []),
    ],
)
def test_words_are_looked_for_in_items_and_their_collections(add_items, visitor, words, expected):
    variables = {
        "air_temperature": {"type": "data", "dimensions": ["time"], "description": "2 m above ground"}
    }
    texts = {"title": "Emission scenario A1B", "keywords": ["climate"], "cube:variables": variables}
    add_items(make_item("a1b", properties=texts), make_item("e1"))
    assert found(visitor, q=words) == expected
    assert found(visitor, q=words, bbox="-180,-90,180,90") == expected
    answer = visitor.post("/stac/search", json={"q": words.split(",")})
    assert [item["id"] for item in answer.json()["features"]] == expected


def test_words_of_a_collection_count_as_soon_as_it_is_changed(add_items, editor, visitor):
    add_items(make_item("a"))
    assert found(visitor, q="cryosphere") == []
    changed = make_collection(description="Now about the cryosphere.")
    assert editor.put("/stac/collections/sea-surface-temperature", json=changed).status_code == 200
    assert found(visitor, q="cryosphere") == ["a"]


def test_pages_follow_each_other_and_hold_each_item_once(add_items, visitor):
    add_items(*(make_item(f"i{n}", when=f"2026-03-{n % 3 + 1:02}T00:00:00Z") for n in range(10)))
    whole = found(visitor, limit=100)
    paged, href = [], "/stac/search?limit=3&bbox=-180,-90,180,90"
    while href:
        page = visitor.get(href).json()
        assert page["numberReturned"] == len(page["features"]) <= 3
        assert page["numberMatched"] == 10
        paged += [item["id"] for item in page["features"]]
        href = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert paged == whole
    assert len(paged) == 10


def test_next_page_of_a_posted_search_is_posted(add_items, visitor):
    add_items(*(make_item(f"i{n}") for n in range(3)))
    first = visitor.post("/stac/search", json={"limit": 2, "collections": ["sea-surface-temperature"]}).json()
    link = next(link for link in first["links"] if link["rel"] == "next")
    assert (link["method"], link["merge"]) == ("POST", False)
    second = visitor.post(link["href"], json=link["body"]).json()
    assert [item["id"] for item in second["features"]] == ["i2"]
    assert not [link for link in second["links"] if link["rel"] == "next"]


def test_items_added_and_removed_between_pages_disturb_nobody(add_items, editor, visitor):
    add_items(*(make_item(f"i{n}") for n in range(6)))
    first = visitor.get("/stac/collections/sea-surface-temperature/items?limit=3").json()
    add_items(make_item("a-before"), make_item("i3-after"))
    editor.delete("/stac/collections/sea-surface-temperature/items/i2")
    href = next(link["href"] for link in first["links"] if link["rel"] == "next")
    second = visitor.get(href.replace("limit=3", "limit=9")).json()
    assert [item["id"] for item in first["features"]] == ["i0", "i1", "i2"]
    assert [item["id"] for item in second["features"]] == ["i3", "i3-after", "i4", "i5"]


def test_items_of_one_collection_are_not_asked_for_another(add_items, visitor):
    add_items(make_item("a"))
    path = "/stac/collections/sea-surface-temperature/items"
    assert visitor.get(path, params={"collections": "sea-surface-temperature"}).json()["numberMatched"] == 1
    assert visitor.get(path, params={"collections": "other"}).status_code == 400


def test_limit_above_the_largest_is_lowered(add_items, visitor, settings):
    add_items(*(make_item(f"i{n:04}") for n in range(settings.catalogue.max_page_size + 1)))
    page = visitor.get("/stac/search", params={"limit": 10**9}).json()
    assert page["numberReturned"] == settings.catalogue.max_page_size
    assert page["numberMatched"] == settings.catalogue.max_page_size + 1


def test_many_collections_are_searched_in_one_order(add_items, visitor):
    for n in range(20):
        add_items(make_item("x", when=f"2026-03-{20 - n:02}T00:00:00Z"), collection=f"c{n:02}")
    answer = visitor.post("/stac/search", json={"collections": [f"c{n:02}" for n in range(18)], "limit": 100})
    assert [item["collection"] for item in answer.json()["features"]] == [f"c{n:02}" for n in range(18)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["arctic", "pacific", "sea"]),
        ({"q": "ice"}, ["arctic"]),
        ({"bbox": "0,0,1,1"}, ["sea"]),
        ({"bbox": "-179,0,-178,1"}, ["pacific", "sea"]),
        ({"datetime": "1990-01-01T00:00:00Z"}, ["arctic"]),
        ({"datetime": "2030-01-01T00:00:00Z/.."}, ["pacific", "sea"]),
        ({"bbox": "0,80,1,81", "q": "ice,ocean"}, ["arctic", "sea"]),
    ],
)
def test_collections_are_found_by_place_time_and_words(editor, visitor, asked, expected):
    past = {
        "spatial": {"bbox": [[-180, 60, 180, 90]]},
        "temporal": {"interval": [[None, "2000-01-01T00:00:00Z"]]},
    }
    pacific = {
        "spatial": {"bbox": [[120, -60, -70, 60]]},
        "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]},
    }
    for collection in (
        make_collection("sea"),
        make_collection("arctic", title="Sea ice", keywords=[], extent=past),
        make_collection("pacific", title="El Niño", keywords=[], extent=pacific),
    ):
        assert editor.post("/stac/collections", json=collection).status_code == 201
    answer = visitor.get("/stac/collections", params=asked).json()
    assert [collection["id"] for collection in answer["collections"]] == expected
    assert answer["numberMatched"] == len(expected)
    paged, href = [], str(visitor.build_request("GET", "/stac/collections", params=asked | {"limit": 1}).url)
    while href:
        page = visitor.get(href).json()
        paged += [collection["id"] for collection in page["collections"]]
        href = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert paged == expected
