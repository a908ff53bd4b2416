"""The parameter `query`, and conditions joined with a filter."""

import json

import pytest
from catalogue_documents import make_item

from geoscope.catalogue.stac_api.conditions import query_conditions
from geoscope.errors import InvalidInputError


@pytest.fixture
def filled(add_items):
    add_items(
        make_item("a", properties={"gsd": 10, "platform": "s2a", "instruments": ["msi"], "flag": True}),
        make_item("b", properties={"gsd": 20, "platform": "s2b", "instruments": ["msi", "tir"]}),
        make_item("c", properties={"platform": "50%_done"}),
    )


CASES = [
    ({"gsd": {"eq": 10}}, "a"),
    ({"properties.gsd": {"eq": 10}}, "a"),
    ({"gsd": {"neq": 10}}, "b"),
    ({"gsd": {"lt": 20}}, "a"),
    ({"gsd": {"lte": 20}}, "ab"),
    ({"gsd": {"gt": 10}}, "b"),
    ({"gsd": {"gte": 10, "lt": 20}}, "a"),
    ({"gsd": {"lt": "20"}}, "a"),
    ({"gsd": {"eq": "10"}}, "a"),
    ({"gsd": {"neq": "10"}}, "b"),
    ({"gsd": {"eq": None}}, "c"),
    ({"gsd": {"neq": None}}, "ab"),
    ({"gsd": {"in": [10, 30]}}, "a"),
    ({"gsd": {"eq": [10, 20]}}, "ab"),
    ({"flag": {"eq": True}}, "a"),
    ({"platform": {"startsWith": "s2"}}, "ab"),
    ({"platform": {"endsWith": "b"}}, "b"),
    ({"platform": {"contains": "2"}}, "ab"),
    # Signs of patterns are only themselves.
    ({"platform": {"contains": "0%_"}}, "c"),
    ({"platform": {"startsWith": "_2"}}, ""),
    ({"instruments": {"contains": "tir"}}, "b"),
    ({"instruments": {"eq": ["tir", "x"]}}, "b"),
    ({"id": {"in": ["a", "b"]}, "gsd": {"gt": 10}}, "b"),
    ({"id": {"startsWith": "c"}}, "c"),
    ({"datetime": {"gte": "2026-03-01T00:00:00Z"}}, "abc"),
    ({"datetime": {"lt": "2026-03-01T00:00:00Z"}}, ""),
    ({}, "abc"),
]


@pytest.mark.parametrize(("query", "expected"), CASES)
def test_items_meet_every_condition(filled, visitor, query, expected):
    pages = [
        visitor.post("/stac/search", json={"query": query}),
        visitor.get("/stac/search", params={"query": json.dumps(query)}),
        visitor.get("/stac/collections/sea-surface-temperature/items", params={"query": json.dumps(query)}),
    ]
    for page in pages:
        assert page.status_code == 200, page.text
        assert "".join(sorted(item["id"] for item in page.json()["features"])) == expected


def test_query_and_filter_are_met_both(filled, visitor):
    asked = {"query": {"gsd": {"gte": 10}}, "filter": "platform = 's2b'", "filter-lang": "cql2-text"}
    page = visitor.post("/stac/search", json=asked).json()
    assert [item["id"] for item in page["features"]] == ["b"]
    asked = {"query": '{"gsd":{"gte":10}}', "filter": "platform = 's2b'"}
    page = visitor.get("/stac/search", params=asked).json()
    assert [item["id"] for item in page["features"]] == ["b"]


def test_collections_meet_conditions_too(filled, visitor):
    for id_, count in (("sea-surface-temperature", 1), ("other", 0)):
        query = json.dumps({"id": {"eq": id_}})
        for asked in ({"query": query}, {"filter": f"id = '{id_}'"}):
            assert visitor.get("/stac/collections", params=asked).json()["numberMatched"] == count


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"gsd": 10}, "query.gsd"),
        ({"gsd": {}}, "query.gsd"),
        ({"gsd": {"near": 1}}, "query.gsd.near"),
        ({"gsd": {"in": 1}}, "query.gsd.in"),
        ({"gsd": {"in": []}}, "query.gsd.in"),
        ({"gsd": {"in": [{}]}}, "query.gsd.in"),
        ({"gsd": {"lt": []}}, "query.gsd.lt"),
        ({"gsd": {"eq": {"a": 1}}}, "query.gsd.eq"),
        ({"platform": {"startsWith": 1}}, "query.platform.startsWith"),
        ({"": {"eq": 1}}, "query"),
        ({"x" * 300: {"eq": 1}}, "query"),
        ({f"p{n}": {"eq": 1} for n in range(101)}, "query"),
    ],
)
def test_condition_that_cannot_be_is_refused_by_name(query, named):
    with pytest.raises(InvalidInputError) as error:
        query_conditions(query)
    assert error.value.problem.startswith(named)


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"a":1}', '{"id":{"lt":1e999}}'])
def test_text_that_is_no_query_is_refused(visitor, text):
    answer = visitor.get("/stac/search", params={"query": text})
    assert answer.status_code == 400
    assert "query" in answer.json()["description"]
