"""What a filter can name, and what can still be chosen when something is chosen already."""

import pytest
from catalogue_documents import make_collection, make_item

JSON_FILTER = '{"op":">","args":[{"property":"gsd"},15]}'
COLLECTION = "/stac/collections/sea-surface-temperature"


@pytest.fixture
def filled(add_items):
    add_items(
        make_item("a", properties={"gsd": 10, "platform": "s2a", "instruments": ["msi"], "x:a": {"m": 1}}),
        make_item(
            "b",
            (60, 60, 61, 61),
            properties={"gsd": 20.5, "platform": "s2b", "instruments": ["msi", "tir"], "x:note": "n"},
        ),
        make_item("c", when="2026-05-01T00:00:00Z", properties={"gsd": 10, "platform": "s2b"}),
    )
    add_items(make_item("d", properties={"platform": "s3a"}), collection="other")


def properties(visitor, path=f"{COLLECTION}/queryables", **chosen):
    answer = visitor.get(path, params=chosen)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/schema+json"
    return answer.json()["properties"]


def test_values_of_a_collection_are_told(filled, visitor):
    told = properties(visitor)
    assert told["platform"] == {"title": "platform", "type": "string", "enum": ["s2a", "s2b"]}
    assert told["gsd"] == {
        "title": "gsd",
        "type": "number",
        "enum": [10, 20.5],
        "minimum": 10,
        "maximum": 20.5,
    }
    assert told["instruments"] == {
        "title": "instruments",
        "type": "array",
        "items": {"type": "string", "enum": ["msi", "tir"]},
    }
    assert told["collection"]["const"] == "sea-surface-temperature"
    assert {"id", "geometry", "datetime", "federation:backends"} <= told.keys()


def test_values_across_collections_are_told(filled, visitor):
    told = properties(visitor, "/stac/queryables")
    assert told["platform"]["enum"] == ["s2a", "s2b", "s3a"]
    assert "const" not in told["collection"]
    assert properties(visitor, "/stac/queryables", collections="other")["platform"]["const"] == "s3a"


@pytest.mark.parametrize(
    ("chosen", "platforms"),
    [
        ({"gsd": "20.5"}, {"const": "s2b"}),
        ({"gsd": "10"}, {"enum": ["s2a", "s2b"]}),
        ({"gsd": ["10", "20.5"], "instruments": "tir"}, {"const": "s2b"}),
        ({"instruments": ["tir", "msi"]}, {"enum": ["s2a", "s2b"]}),
        ({"properties.platform": "s2a"}, {"const": "s2a"}),
        ({"filter": "gsd > 15"}, {"const": "s2b"}),
        (
            {"filter": '{"op":">","args":[{"property":"gsd"},15]}', "filter-lang": "cql2-json"},
            {"const": "s2b"},
        ),
        ({"bbox": "50,50,70,70"}, {"const": "s2b"}),
        ({"datetime": "2026-05-01T00:00:00Z"}, {"const": "s2b"}),
        ({"federation:backends": "geoscope", "gsd": "20.5"}, {"const": "s2b"}),
        ({"id": "a"}, {"const": "s2a"}),
        ({"gsd": ""}, {"enum": ["s2a", "s2b"]}),
        ({"gsd": "99"}, None),
        ({"platform": "s3a"}, None),
    ],
)
def test_chosen_values_narrow_the_others(filled, visitor, chosen, platforms):
    told = properties(visitor, **chosen)
    if platforms is None:
        assert "platform" not in told
    else:
        assert told["platform"] == {"title": "platform", "type": "string"} | platforms


def test_single_value_of_an_array_is_constant(filled, visitor):
    told = properties(visitor, platform="s2a")
    assert told["instruments"]["items"] == {"type": "string", "const": "msi"}


def test_queryables_of_an_empty_collection_are_those_of_the_standard(editor, visitor):
    assert editor.post("/stac/collections", json=make_collection("empty")).status_code == 201
    assert properties(visitor, "/stac/collections/empty/queryables").keys() >= {"id", "datetime", "geometry"}


def test_queryables_name_what_filters_take(filled, visitor):
    for name in properties(visitor):
        answer = visitor.get(f"{COLLECTION}/items", params={"filter": f'"{name}" IS NOT NULL'})
        assert answer.status_code == 200, name


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"filter": "gsd >"}, "filter"),
        ({"bbox": "1"}, "bbox"),
        ({"datetime": "yesterday"}, "datetime"),
        ({"x" * 300: "1"}, "query"),
        ({f"p{n}": "1" for n in range(101)}, "query"),
    ],
)
def test_choice_that_cannot_be_is_refused_by_name(filled, visitor, asked, named):
    answer = visitor.get(f"{COLLECTION}/queryables", params=asked)
    assert answer.status_code == 400
    assert named in answer.json()["description"]


def test_queryables_of_no_collection_are_not_found(visitor):
    assert visitor.get("/stac/collections/none/queryables").status_code == 404
