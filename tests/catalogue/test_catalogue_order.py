"""Pages in any order, for any reader and any words, hold each match once: also while items come and go."""

import asyncio
import tempfile
from dataclasses import replace
from functools import cmp_to_key
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Box
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import (
    CollectionRecord,
    ItemRecord,
    ItemSearch,
    Position,
    Reader,
    Sharing,
    SortKey,
)
from geoscope.catalogue.store import sqlite_search, sqlite_walks
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, Without
from geoscope.errors import InvalidInputError

INDEXED = ("a", "b", "created")
SORTABLE = ["datetime", "end_datetime", "id", "collection", "a", "b", "created", "plain"]
COLLECTIONS = {"p": "sea ice", "q": "", "r": "drift"}
READERS = {"q": frozenset({"user:anna"}), "r": None, "p": None}

values = st.integers(0, 2) | st.sampled_from([0.5, "x", "y", "é", True, False, ["x"], {"deep": 1}, None])
properties = st.fixed_dictionaries(
    {},
    optional={
        "a": values,
        "b": values,
        "plain": values,
        "created": st.sampled_from(["2026-03-01T00:00:00Z"]),
    },
)
items = st.builds(
    lambda collection, id_, start, length, held, words: ItemRecord(
        collection,
        id_,
        Interval(start, start + length),
        None,
        words,
        orjson.dumps(
            {"id": id_, "collection": collection, "geometry": None, "properties": held, "links": []}
        ),
    ),
    st.sampled_from("pqr"),
    st.sampled_from("abcdefgh"),
    st.integers(0, 2),
    st.integers(0, 2),
    properties,
    st.sampled_from(["", "ice", "sea ice", "drift ice", "sea"]),
)
orders = st.lists(
    st.builds(SortKey, st.sampled_from(SORTABLE), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key[0],
).map(tuple)
phrases = st.sampled_from(["ice", "sea ice", "drift", "none"]).map(Phrase)
texts = st.recursive(
    phrases,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(AnyOf),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(AllOf),
        inner.map(Without),
    ),
    max_leaves=4,
)
searches = st.builds(
    ItemSearch,
    limit=st.integers(1, 4),
    collections=st.none() | st.lists(st.sampled_from("pqrx"), min_size=1, unique=True).map(tuple),
    time=st.none()
    | st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda ends: Interval(*sorted(ends))),
    text=st.none() | texts,
    filter=st.none()
    | st.sampled_from(["a >= 1", "plain = 1 OR a = 1"]).map(lambda text: parse_filter(text, "cql2-text")),
    order=orders,
    reader=st.sampled_from([Reader(), Reader(frozenset({"user:anna"})), Reader(sees_all=True)]),
)


def holds(query, words):
    match query:
        case Phrase(text):
            return any(f" {text} " in f" {each} " for each in words)
        case AnyOf(parts):
            return any(holds(part, words) for part in parts)
        case AllOf(parts):
            return all(holds(part, words) for part in parts)
        case Without(part):
            return not holds(part, words)


def matches(search, item):
    readers = READERS[item.collection]
    is_found = search.reader.sees_all or readers is None or bool(readers & search.reader.names)
    return (
        is_found
        and (search.collections is None or item.collection in search.collections)
        and (
            search.time is None
            or (item.time.start_us <= search.time.end_us and item.time.end_us >= search.time.start_us)
        )
        and (search.text is None or holds(search.text, [item.text, COLLECTIONS[item.collection]]))
        and (search.filter is None or search.filter.matches(item.document))
    )


def value(item, name):
    fixed = {
        "datetime": item.time.start_us,
        "end_datetime": item.time.end_us,
        "id": item.id,
        "collection": item.collection,
    }
    held = fixed.get(name, orjson.loads(item.document)["properties"].get(name))
    if isinstance(held, bool):
        return (2, held)
    return (
        (0, held) if isinstance(held, int | float) else (1, held.encode()) if isinstance(held, str) else None
    )


def compare(order):
    def compare_items(one, other):
        for name, descending in order:
            left, right = value(one, name), value(other, name)
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return 1 if (left > right) is not descending else -1
        return -1 if (one.collection, one.id) < (other.collection, other.id) else 1

    return cmp_to_key(compare_items)


async def walk_pages(store, search, between):
    found, counts = [], []
    while True:
        page = await store.find_items(search)
        assert len(page.items) <= search.limit
        found += [(item.collection, item.id) for item in page.items]
        counts.append(page.matched)
        if page.end is None:
            return found, counts
        search = replace(search, after=page.end)
        await between()


@pytest.mark.parametrize(("few", "merged"), [(2000, 16), (1, 16), (1, 0)], ids=["sorted", "merged", "walked"])
@settings(max_examples=25, deadline=None)
@given(records=st.lists(items, max_size=20), asked=st.lists(searches, min_size=1, max_size=8))
def test_pages_hold_each_match_once_and_in_order(few, merged, records, asked):
    kept = list({(record.collection, record.id): record for record in records}.values())
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_search, "FEW", few)
        patch.setattr(sqlite_walks, "MAX_MERGED_COLLECTIONS", merged)
        store = SqliteStore(Path(folder) / "catalogue.sqlite", INDEXED)
        try:
            asyncio.run(check(store, records, kept, asked))
        finally:
            store.close()


async def check(store, records, kept, asked):
    await store.change(lambda transaction: fill(transaction, records))

    async def nothing():
        pass

    for search in asked:
        expected = sorted((item for item in kept if matches(search, item)), key=compare(search.order))
        found, counts = await walk_pages(store, search, nothing)
        assert found == [(item.collection, item.id) for item in expected], search
        assert set(counts) <= {len(expected), None}


def fill(transaction, records):
    for collection, words in COLLECTIONS.items():
        record = CollectionRecord(collection, collection, Interval(), Box(-180, -90, 180, 90), words, b"{}")
        transaction.put_collection(record)
        transaction.put_sharing(collection, Sharing(None, READERS[collection]))
    transaction.put_items(records)


@pytest.mark.parametrize(
    "order", [("a", False), ("a", True), ("datetime", True), ("plain", False), ("id", True)]
)
@pytest.mark.parametrize("few", [2000, 1], ids=["sorted", "walked"])
def test_items_that_come_and_go_move_no_page(tmp_path, monkeypatch, order, few):
    monkeypatch.setattr(sqlite_search, "FEW", few)
    store = SqliteStore(tmp_path / "catalogue.sqlite", INDEXED)

    def item(id_, held):
        document = orjson.dumps(
            {"id": id_, "collection": "p", "geometry": None, "properties": held, "links": []}
        )
        return ItemRecord("p", id_, Interval(len(id_), len(id_)), None, "", document)

    stay = [
        item(f"stay{n:02}" + "x" * (n % 3), {"a": n % 4, "plain": n % 5} if n % 6 else {}) for n in range(30)
    ]
    number = 0

    async def come_and_go():
        nonlocal number
        number += 1

        def work(transaction):
            transaction.put_item(item(f"new{number:02}", {"a": number % 4, "plain": number % 5}))
            transaction.delete_item("p", f"new{number - 2:02}")

        await store.change(work)

    async def run():
        await store.change(lambda transaction: fill(transaction, stay))
        search = ItemSearch(4, order=(SortKey(*order),))
        found, _ = await walk_pages(store, search, come_and_go)
        expected = [each.id for each in sorted(stay, key=compare(search.order))]
        assert [id_ for _, id_ in found if id_.startswith("stay")] == expected

    asyncio.run(run())
    store.close()


@pytest.mark.parametrize("value", [2**63, -(2**64), 1e300, "text", True, None])
@pytest.mark.parametrize("name", ["datetime", "a", "plain", "id"])
@pytest.mark.parametrize("few", [2000, 1], ids=["sorted", "walked"])
def test_place_that_no_item_has_begins_a_page_too(tmp_path, monkeypatch, few, name, value):
    monkeypatch.setattr(sqlite_search, "FEW", few)
    store = SqliteStore(tmp_path / "catalogue.sqlite", INDEXED)
    held = ItemRecord("p", "i", Interval(0, 0), None, "", b'{"properties":{"a":1,"plain":1},"links":[]}')
    asyncio.run(store.change(lambda transaction: fill(transaction, [held])))
    for time in (None, Interval(0, 9)):
        forged = ItemSearch(3, time=time, order=(SortKey(name),), after=Position((value,), "q", "x"))
        assert asyncio.run(store.find_items(forged)).end is None
    store.close()


def test_sorting_many_items_by_what_is_not_indexed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_search, "MAX_SORTED_DOCUMENTS", 5)
    store = SqliteStore(tmp_path / "catalogue.sqlite", INDEXED)
    records = [
        ItemRecord(
            "p", f"i{n}", Interval(n, n), None, "", orjson.dumps({"properties": {"plain": -n}, "links": []})
        )
        for n in range(6)
    ]
    asyncio.run(store.change(lambda transaction: fill(transaction, records)))
    by_plain = ItemSearch(3, order=(SortKey("plain"),))
    with pytest.raises(InvalidInputError, match="sortby: 'plain' is not indexed"):
        asyncio.run(store.find_items(by_plain))
    few = replace(by_plain, time=Interval(0, 4))
    assert [item.id for item in asyncio.run(store.find_items(few)).items] == ["i4", "i3", "i2"]
    store.close()
