"""Filters against oracles: three-valued logic by brute force, places by GEOS, times by Allen's relations."""

import asyncio
import json
import operator
import tempfile
from pathlib import Path

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping

from geoscope.catalogue.areas import Box
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import CollectionRecord, ItemRecord, ItemSearch
from geoscope.catalogue.store import sqlite, sqlite_search
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.errors import UnavailableError

COMPARISONS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
NAMES = ["a", "b", "x:c", "d.e"]

numbers = st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
texts = st.sampled_from(["", "ice", "ICE", "Straße", "strasse", "sea ice", "O'Brien", "10%", "a\nb", "null"])
values = st.none() | numbers | texts | st.booleans() | st.just({"deep": 1}) | st.just(["ice"])
properties = st.dictionaries(st.sampled_from(NAMES), values)
references = st.sampled_from(NAMES).map(lambda name: {"property": name})
scalars = numbers | texts | st.booleans()


def operation(name, *arguments):
    return st.tuples(*arguments).map(lambda drawn: {"op": name, "args": list(drawn)})


comparisons = st.sampled_from(sorted(COMPARISONS)).flatmap(
    lambda name: operation(name, references, scalars | references)
)
predicates = st.one_of(
    comparisons,
    operation("isNull", references),
    operation("like", references, st.sampled_from(["%", "%ice", "_ce", "s%e", r"10\%", ""])),
    operation("between", references, numbers, numbers),
    operation("in", references, st.lists(numbers, min_size=1, max_size=3)),
    operation("in", references, st.lists(texts, min_size=1, max_size=3)),
    operation("=", references.map(lambda name: {"op": "casei", "args": [name]}), texts.map(str.casefold)),
    st.booleans(),
)
filters = st.recursive(
    predicates,
    lambda inner: st.one_of(
        operation("not", inner),
        st.sampled_from(["and", "or"]).flatmap(
            lambda name: st.lists(inner, min_size=2, max_size=4).map(
                lambda drawn: {"op": name, "args": drawn}
            )
        ),
    ),
    max_leaves=8,
)


def evaluate(node, item):
    """Return a value, or None where it is unknown."""
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return item.get(node["property"])
    name, arguments = node["op"], node["args"]
    if name == "in":
        equal = [{"op": "=", "args": [arguments[0], choice]} for choice in arguments[1]]
        return evaluate({"op": "or", "args": equal}, item)
    return apply(name, [evaluate(argument, item) for argument in arguments])


def apply(name, operands):
    first = operands[0]
    match name:
        case "and":
            return False if False in operands else None if None in operands else True
        case "or":
            return True if True in operands else None if None in operands else False
        case "isNull":
            return first is None
        case "casei":
            return first.casefold() if isinstance(first, str) else None
    kinds = set(map(kind, operands))
    if len(kinds) > 1 or "other" in kinds or (name == "between" and kinds != {"number"}):
        return None
    return OPERATORS[name](*operands)


def kind(value):
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def is_like(text, pattern):
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(is_like(text[n:], pattern[1:]) for n in range(len(text) + 1))
    if pattern[0] == "\\":
        pattern = pattern[1:]
    elif pattern[0] == "_":
        return bool(text) and is_like(text[1:], pattern[1:])
    return text[:1] == pattern[0] and is_like(text[1:], pattern[1:])


def document(item, geometry=None):
    bbox = {} if geometry is None else {"bbox": list(geometry.bounds)}
    place = None if geometry is None else mapping(geometry)
    return orjson.dumps(
        {"id": "i", "collection": "c", "geometry": place, "properties": item, "links": []} | bbox
    )


OPERATORS = COMPARISONS | {
    "not": operator.not_,
    "between": lambda value, low, high: low <= value <= high,
    "like": is_like,
}


@settings(max_examples=400, deadline=None)
@given(filter_=filters, items=st.lists(properties, min_size=1, max_size=6))
def test_filter_is_met_where_the_oracle_says_true(filter_, items):
    condition = parse_filter(json.dumps(filter_), "cql2-json")
    for item in items:
        assert condition.matches(document(item)) is (evaluate(filter_, item) is True)


@pytest.mark.parametrize("few", [2000, 2], ids=["candidates are sorted", "items are walked"])
@settings(max_examples=30, deadline=None)
@given(
    items=st.lists(properties, max_size=20),
    asked=st.lists(st.tuples(filters, st.none() | st.just(("p",))), min_size=1, max_size=5),
)
def test_pages_of_a_filter_hold_each_match_once_and_in_order(few, items, asked):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_search, "FEW", few)
        store = SqliteStore(Path(folder) / "catalogue.sqlite")
        try:
            asyncio.run(check_pages(store, items, asked))
        finally:
            store.close()


async def check_pages(store, items, asked):
    records = [
        ItemRecord("pq"[n % 2], f"i{n:02}", Interval(n % 3, n % 3), None, "", document(item))
        for n, item in enumerate(items)
    ]

    def fill(transaction):
        for collection in "pq":
            whole = CollectionRecord(collection, collection, Interval(), Box(-180, -90, 180, 90), "", b"{}")
            transaction.put_collection(whole)
        for record in records:
            transaction.put_item(record)

    await store.change(fill)
    for filter_, collections in asked:
        expected = expected_ids(records, items, filter_, collections)
        found, after = [], None
        while True:
            condition = parse_filter(filter_, "cql2-json")
            page = await store.find_items(
                ItemSearch(3, collections=collections, filter=condition, after=after)
            )
            assert page.matched in (len(expected), None)
            found += [(item.collection, item.id) for item in page.items]
            after = page.end
            if after is None:
                break
        assert found == expected


def expected_ids(records, items, filter_, collections):
    matching = [
        record
        for record, item in zip(records, items, strict=True)
        if evaluate(filter_, item) is True and record.collection in (collections or "pq")
    ]
    matching.sort(key=lambda record: (-record.time.start_us, record.collection, record.id))
    return [(record.collection, record.id) for record in matching]


SPATIAL = {
    "s_equals": shapely.equals,
    "s_intersects": shapely.intersects,
    "s_disjoint": shapely.disjoint,
    "s_touches": shapely.touches,
    "s_within": shapely.within,
    "s_overlaps": shapely.overlaps,
    "s_crosses": shapely.crosses,
    "s_contains": shapely.contains,
}
PLACES = [
    shapely.from_wkt(text)
    for text in (
        "POINT (5 5)",
        "POINT (0 5)",
        "MULTIPOINT (5 5, 20 20)",
        "LINESTRING (0 5, 10 5)",
        "LINESTRING (-5 5, 5 5)",
        "MULTILINESTRING ((0 0, 10 10), (20 20, 30 30))",
        "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))",
        "POLYGON ((0 10, 0 0, 10 0, 10 10, 0 10))",
        "POLYGON ((10 0, 20 0, 20 10, 10 10, 10 0))",
        "POLYGON ((5 5, 15 5, 15 15, 5 15, 5 5))",
        "POLYGON ((1 1, 9 1, 9 9, 1 9, 1 1), (4 4, 4 6, 6 6, 6 4, 4 4))",
        "MULTIPOLYGON (((0 0, 2 0, 2 2, 0 0)), ((8 8, 12 8, 12 12, 8 8)))",
    )
]


@pytest.mark.parametrize("relation", SPATIAL)
def test_places_are_related_as_geos_relates_them(relation):
    for asked in PLACES:
        condition = parse_filter(
            {"op": relation, "args": [{"property": "geometry"}, mapping(asked)]}, "cql2-json"
        )
        for place in PLACES:
            met = condition.matches(document({}, place))
            assert met == SPATIAL[relation](place, asked), (place.wkt, asked.wkt)


# As OGC 21-065r2, section 7.8 defines them.
TEMPORAL = {
    "t_after": lambda a, b: a.start_us > b.end_us,
    "t_before": lambda a, b: a.end_us < b.start_us,
    "t_contains": lambda a, b: a.start_us < b.start_us and a.end_us > b.end_us,
    "t_disjoint": lambda a, b: a.end_us < b.start_us or a.start_us > b.end_us,
    "t_during": lambda a, b: a.start_us > b.start_us and a.end_us < b.end_us,
    "t_equals": lambda a, b: a == b,
    "t_finishedBy": lambda a, b: a.start_us < b.start_us and a.end_us == b.end_us,
    "t_finishes": lambda a, b: a.start_us > b.start_us and a.end_us == b.end_us,
    "t_intersects": lambda a, b: not (a.end_us < b.start_us or a.start_us > b.end_us),
    "t_meets": lambda a, b: a.end_us == b.start_us,
    "t_metBy": lambda a, b: a.start_us == b.end_us,
    "t_overlappedBy": lambda a, b: b.start_us < a.start_us < b.end_us < a.end_us,
    "t_overlaps": lambda a, b: a.start_us < b.start_us < a.end_us < b.end_us,
    "t_startedBy": lambda a, b: a.start_us == b.start_us and a.end_us > b.end_us,
    "t_starts": lambda a, b: a.start_us == b.start_us and a.end_us < b.end_us,
}


@pytest.mark.parametrize("relation", TEMPORAL)
def test_intervals_are_related_as_allen_relates_them(relation):
    hours = [f"2026-03-01T{hour:02}:00:00Z" for hour in range(5)]
    intervals = [Interval(start, end) for start in range(5) for end in range(start + 1, 5)]
    own = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    for other in intervals:
        asked = {"interval": [hours[other.start_us], hours[other.end_us]]}
        condition = parse_filter({"op": relation, "args": [own, asked]}, "cql2-json")
        for interval in intervals:
            item = {"start_datetime": hours[interval.start_us], "end_datetime": hours[interval.end_us]}
            assert condition.matches(document(item)) == TEMPORAL[relation](interval, other), (interval, other)


@pytest.mark.parametrize("few", [2000, 2], ids=["candidates are sorted", "items are walked"])
def test_filter_that_takes_too_long_is_ended(store, monkeypatch, few):
    def fill(transaction):
        transaction.put_collection(CollectionRecord("c", "C", Interval(), Box(-180, -90, 180, 90), "", b"{}"))
        for n in range(50):
            transaction.put_item(ItemRecord("c", f"i{n:02}", Interval(0, 0), None, "", document({"a": n})))

    asyncio.run(store.change(fill))
    condition = parse_filter("a >= 0", "cql2-text")
    assert asyncio.run(store.find_items(ItemSearch(10, filter=condition))).matched == 50
    monkeypatch.setattr(sqlite_search, "FEW", few)
    monkeypatch.setattr(sqlite, "SEARCH_DEADLINE_S", 0.0)
    with pytest.raises(UnavailableError, match="took longer"):
        asyncio.run(store.find_items(ItemSearch(10, filter=condition)))
    monkeypatch.undo()
    assert asyncio.run(store.find_items(ItemSearch(10, filter=condition))).matched == 50
