"""Filters that are answered by indexed columns find what `Filter.matches` finds, document by document."""

import asyncio
import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Box, Footprint
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import CollectionRecord, ItemRecord, ItemSearch
from geoscope.catalogue.store import sqlite_search
from geoscope.catalogue.store.narrowing import Every, narrow
from geoscope.catalogue.store.sqlite import SqliteStore

INDEXED = ("a", "b", "x:c", "d.e", "datetime", "created")
NAMES = ["a", "b", "x:c", "d.e", "plain"]

numbers = st.integers(-2, 2) | st.sampled_from([0.5, -0.0, 2**53, 2**53 + 1, -(2**60), 1e300])
texts = st.sampled_from(
    ["", "ice", "Ice", "ice*", "i?e", "[ice]", "sea ice", "10%", "a_b", "a\nb", "\\", "é"]
) | (st.just("ice" * 400))
others = st.sampled_from([["ice"], [1, True], {"deep": 1}, []])
values = st.none() | numbers | texts | st.booleans() | others
stamps = st.sampled_from(
    [
        "2026-03-01T00:00:00Z",
        "2026-03-01T00:00:00.000001Z",
        "2026-03-01T00:00:00.0000015Z",
        "2026-03-01T00:00:00.000000Z",
        "2026-03-01T23:59:59.999999Z",
        "2026-03-01T23:59:59.9999999999Z",
        "2026-03-02T01:00:00+01:00",
        "2026-02-28T23:59:59.5Z",
        "2026-03-02T00:00:00Z",
    ]
)
dates = st.sampled_from(["2026-02-28", "2026-03-01", "2026-03-02"])
properties = st.fixed_dictionaries(
    {},
    optional={name: values for name in NAMES if name != "d.e"}
    | {"d": st.none() | st.fixed_dictionaries({}, optional={"e": values})}
    | {"datetime": st.none() | stamps, "created": stamps},
)

references = st.sampled_from(NAMES).map(lambda name: {"property": name})
times = st.sampled_from(["datetime", "created"]).map(lambda name: {"property": name})
instants = stamps.map(lambda text: {"timestamp": text}) | dates.map(lambda text: {"date": text})
bounds = stamps | dates | st.just("..")
intervals = st.tuples(bounds, bounds).map(
    # A whole second is written with Z where others have a point, which sorts before it.
    lambda pair: {"interval": sorted(pair, key=lambda end: (end == "..", end.replace("Z", "")))}
)
patterns = st.sampled_from(
    ["%", "%ice", "ice%", "i_e", "s%e", r"10\%", r"a\_b", "%*%", "[ice]", "", r"\\", "%i%c%e%"]
)


def operation(name, *arguments):
    return st.tuples(*arguments).map(lambda drawn: {"op": name, "args": list(drawn)})


def either_way(name, left, right):
    return operation(name, left, right) | operation(name, right, left)


comparisons = st.sampled_from(["=", "<>", "<", ">", "<=", ">="])
temporal = st.sampled_from(
    ["t_before", "t_after", "t_intersects", "t_disjoint", "t_equals", "t_during", "t_meets"]
)
predicates = st.one_of(
    comparisons.flatmap(lambda name: either_way(name, references, numbers | texts | st.booleans())),
    comparisons.flatmap(lambda name: operation(name, references, references)),
    comparisons.flatmap(lambda name: either_way(name, times, instants)),
    temporal.flatmap(lambda name: either_way(name, times, instants | intervals)),
    operation("like", references, patterns),
    operation("isNull", references | times),
    operation("between", references, st.integers(-2, 2), st.integers(-2, 2)),
    operation("in", references, st.lists(texts, min_size=1, max_size=3)),
    operation("in", references, st.lists(numbers, min_size=1, max_size=3)),
    operation("=", references.map(lambda name: {"op": "casei", "args": [name]}), texts),
    operation("a_contains", references, st.just(["ice"])),
    comparisons.flatmap(
        lambda name: operation(
            name,
            st.sampled_from(["id", "collection"]).map(lambda each: {"property": each}),
            st.sampled_from("pqi2"),
        )
    ),
    operation("like", st.just({"property": "id"}), st.sampled_from(["i0%", "%1", "_02"])),
    operation(
        "s_intersects",
        st.just({"property": "geometry"}),
        st.sampled_from([[0, 0, 3, 3], [5, 5, 9, 9], [170, -10, -170, 10]]).map(lambda box: {"bbox": box}),
    ),
    operation("s_disjoint", st.just({"property": "geometry"}), st.just({"bbox": [0, 0, 3, 3]})),
    operation("isNull", st.just({"property": "geometry"})),
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


def document(number, item):
    box = None if number % 3 == 0 else [number, number, number + 1, number + 1]
    ring = box and [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]]
    place = {"geometry": box and {"type": "Polygon", "coordinates": [ring]}} | ({"bbox": box} if box else {})
    members = {"id": f"i{number:02}", "collection": "pq"[number % 2], "properties": item, "links": []}
    return orjson.dumps(members | place)


def record(number, item):
    stored = document(number, item)
    box = None if number % 3 == 0 else Footprint(Box(number, number, number + 1, number + 1), None)
    return ItemRecord("pq"[number % 2], f"i{number:02}", Interval(number, number), box, "", stored)


@pytest.mark.parametrize("few", [2000, 1], ids=["candidates are sorted", "items are walked"])
@settings(max_examples=150, deadline=None)
@given(items=st.lists(properties, min_size=1, max_size=12), asked=st.lists(filters, min_size=1, max_size=6))
def test_columns_find_what_documents_say(few, items, asked):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_search, "FEW", few)
        store = SqliteStore(Path(folder) / "catalogue.sqlite", INDEXED)
        try:
            asyncio.run(check(store, items, asked))
        finally:
            store.close()


async def check(store, items, asked):
    records = [record(number, item) for number, item in enumerate(items)]

    def fill(transaction):
        for collection in "pq":
            whole = CollectionRecord(collection, collection, Interval(), Box(-180, -90, 180, 90), "", b"{}")
            transaction.put_collection(whole)
        transaction.put_items(records)

    await store.change(fill)
    for sent in asked:
        condition = parse_filter(sent, "cql2-json")
        page = await store.find_items(ItemSearch(100, filter=condition))
        expected = {each.id for each in records if condition.matches(each.document)}
        assert {found.id for found in page.items} == expected, sent


@pytest.mark.parametrize("few", [2000, 1], ids=["candidates are sorted", "items are walked"])
def test_as_many_operators_as_are_allowed_are_no_problem(tmp_path, monkeypatch, few):
    monkeypatch.setattr(sqlite_search, "FEW", few)
    store = SqliteStore(tmp_path / "catalogue.sqlite", INDEXED)
    either = {"op": "or", "args": [{"op": "=", "args": [{"property": "a"}, n]} for n in range(900)]}
    nested = {"op": "in", "args": [{"property": "a"}, list(range(900))]}
    for _ in range(25):
        nested = {"op": "not", "args": [nested]}
    asyncio.run(check(store, [{"a": 899}, {"a": 900}, {}], [either, nested]))
    store.close()


EXACT = [
    "a < 10",
    "NOT (a < 10 OR b = 'ice')",
    "a IN (1, 2, 3) AND b LIKE 'ice%'",
    "a BETWEEN 1 AND 3 AND b IS NOT NULL",
    "created >= TIMESTAMP('2026-03-01T00:00:00Z') AND datetime < DATE('2026-03-02')",
    "T_INTERSECTS(datetime, INTERVAL('2026-03-01', '..'))",
    "collection = 'p' AND id <> 'x'",
    "TRUE",
]


@pytest.mark.parametrize("text", EXACT)
def test_documents_need_not_be_read_where_columns_say_all(text):
    assert narrow(parse_filter(text, "cql2-text"), {*INDEXED, "id", "collection"}).is_exact


@pytest.mark.parametrize("text", ["plain = 1", "a = b", "a + 1 = 2", "CASEI(a) = 'ice'"])
def test_documents_are_read_where_columns_do_not_say_all(text):
    assert not narrow(parse_filter(text, "cql2-text"), set(INDEXED)).is_exact


def test_what_is_not_indexed_narrows_nothing():
    assert narrow(parse_filter("plain = 1 OR a = 2", "cql2-text"), set(INDEXED)).condition == Every()
