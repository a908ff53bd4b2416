"""Searches of the scale store against the same brute-force oracles as those of the embedded store."""

import asyncio
from dataclasses import replace

import pytest
import test_catalogue_filter_oracle as filters
import test_catalogue_oracle as searches
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Box, Footprint
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import (
    Aggregation,
    CollectionRecord,
    ItemRecord,
    ItemSearch,
    Measure,
    Reader,
    SortKey,
)
from geoscope.catalogue.store.pgstac import PgstacStore
from geoscope.catalogue.store.sqlite import SqliteStore


@pytest.fixture(scope="module")
def pgstac(new_database):
    store = PgstacStore(new_database())
    yield store
    store.close()


async def empty(store):
    titles = await store.collection_titles(Reader(sees_all=True))
    await store.change(lambda transaction: [transaction.delete_collection(id_) for id_, _ in titles])


@settings(max_examples=40, deadline=None)
@given(records=searches.items(), asked=st.lists(searches.searches, min_size=1, max_size=8))
def test_every_search_of_pgstac_finds_what_the_oracle_finds(pgstac, records, asked):
    asyncio.run(empty(pgstac))
    asyncio.run(searches.check(pgstac, records, asked))


@settings(max_examples=30, deadline=None)
@given(
    items=st.lists(filters.properties, max_size=20),
    asked=st.lists(st.tuples(filters.filters, st.none() | st.just(("p",))), min_size=1, max_size=5),
)
def test_pages_of_a_filter_of_pgstac_hold_each_match_once_and_in_order(pgstac, items, asked):
    asyncio.run(empty(pgstac))
    asyncio.run(filters.check_pages(pgstac, items, asked))


orders = st.lists(
    st.tuples(
        st.sampled_from([*filters.NAMES, "datetime", "end_datetime", "id", "collection"]), st.booleans()
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key[0],
).map(lambda keys: tuple(SortKey(*key) for key in keys))

# As an item's document says it, so that every store reads the same.
written = filters.numbers | st.sampled_from(["", "ice", "ICE", "Straße", "sea ice", "z"]) | st.booleans()
documents = st.dictionaries(
    st.sampled_from(filters.NAMES), written | st.lists(written, min_size=1, max_size=2)
)
# Of a wider box across the antimeridian its two parts do not tell on which side its centre is.
usual_boxes = searches.boxes().filter(lambda box: not box.crosses_antimeridian or box.west - box.east > 180)
AGGREGATIONS = [
    Aggregation("count", Measure.COUNT),
    *(Aggregation(f"{name}_frequency", Measure.FREQUENCY, name) for name in (*filters.NAMES, "collection")),
    *(Aggregation(f"{name}_histogram", Measure.HISTOGRAM, name, 2.0) for name in filters.NAMES),
    *(Aggregation(f"{name}_min", Measure.MINIMUM, name) for name in (*filters.NAMES, "datetime")),
    *(Aggregation(f"{name}_max", Measure.MAXIMUM, name) for name in (*filters.NAMES, "end_datetime")),
    *(Aggregation(step, Measure.PERIODS, "datetime", step) for step in ("day", "week", "month", "year")),
    Aggregation("geohash", Measure.GEOHASH, step=3),
    Aggregation("geotile", Measure.GEOTILE, step=4),
]

FOUND_BY_INDEX = {"op": "between", "args": [{"property": filters.NAMES[0]}, 0.5, 0]}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(st.tuples(documents, st.integers(0, 3), usual_boxes), max_size=15),
    order=orders,
    filter_=st.none() | filters.filters,
)
@example(items=[], order=(SortKey("id", False),), filter_={"op": "and", "args": [FOUND_BY_INDEX, False]})
def test_both_stores_sort_and_summarise_alike(pgstac, tmp_path_factory, items, order, filter_):
    sqlite = SqliteStore(tmp_path_factory.mktemp("store") / "catalogue.sqlite", filters.NAMES)
    asyncio.run(empty(pgstac))
    condition = None if filter_ is None else parse_filter(filter_, "cql2-json")
    search = ItemSearch(4, order=order, filter=condition)
    try:
        answers = [asyncio.run(ask(store, items, search)) for store in (sqlite, pgstac)]
    finally:
        sqlite.close()
    for name, sqlite_answer, pgstac_answer in zip(("found", "aggregations", "values"), *answers, strict=True):
        assert (name, sqlite_answer) == (name, pgstac_answer)


async def ask(store, items, search):
    def fill(transaction):
        for collection in "pq":
            whole = CollectionRecord(collection, collection, Interval(), Box(-180, -90, 180, 90), "", b"{}")
            transaction.put_collection(whole)
        for n, (properties, month, box) in enumerate(items):
            start = 1_700_000_000_000_000 + month * 40 * 86_400_000_000
            transaction.put_item(
                ItemRecord(
                    "pq"[n % 2],
                    f"i{n:02}",
                    Interval(start, start + month),
                    Footprint(box, None),
                    "",
                    filters.document(properties),
                )
            )

    await store.change(fill)
    found, after = [], None
    while True:
        page = await store.find_items(replace(search, after=after))
        found += [(item.collection, item.id) for item in page.items]
        after = page.end
        if after is None:
            break
    values = await store.values(search)
    summaries = {name: summary for name, summary in values.items() if name in filters.NAMES}
    return found, await store.aggregate(search, AGGREGATIONS), summaries
