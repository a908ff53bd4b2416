"""Aggregations and values of the embedded store against a brute-force oracle."""

import asyncio
import math
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Box, Footprint, area_of_box, area_of_geometry
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import Aggregation, CollectionRecord, ItemRecord, ItemSearch, Measure, Reader
from geoscope.catalogue.store import sqlite_summaries
from geoscope.catalogue.store.sqlite import SqliteStore

DAY_US = 86_400_000_000
INDEXED = ("a", "b", "list")

values = st.integers(-3, 3) | st.sampled_from([0.5, 2.5, "x", "y", True, False, None])
properties = st.fixed_dictionaries(
    {},
    optional={
        "a": values,
        "b": values,
        "plain": values,
        "list": st.lists(st.sampled_from(["u", "v", 1]), max_size=2),
    },
)
items = st.builds(
    lambda id_, collection, day, box, held: ItemRecord(
        collection,
        id_,
        Interval(day * DAY_US + 7, day * DAY_US + 7),
        box and Footprint(box, None),
        "",
        orjson.dumps(
            {"id": id_, "collection": collection, "geometry": None, "properties": held, "links": []}
        ),
    ),
    st.sampled_from("abcdefghijklmnop"),
    st.sampled_from("pqr"),
    st.integers(-400, 800),
    st.none()
    | st.sampled_from(
        [Box(0, 0, 2, 2), Box(170, -10, -178, 10), Box(10, 50, 11, 51), Box(-180, 89, -179, 90)]
    ),
    properties,
)
searches = st.builds(
    ItemSearch,
    limit=st.just(1),
    collections=st.none() | st.sampled_from([("p",), ("p", "q"), ("x",)]),
    time=st.none() | st.just(Interval(0, 300 * DAY_US)),
    area=st.none()
    | st.sampled_from(
        [
            area_of_box(Box(1, 1, 20, 60)),
            area_of_geometry({"type": "Polygon", "coordinates": [[[0, 0], [30, 0], [0, 60], [0, 0]]]}),
        ]
    ),
    filter=st.none()
    | st.sampled_from(["a >= 0", "plain = 1 OR a = 1"]).map(lambda text: parse_filter(text, "cql2-text")),
    reader=st.sampled_from([Reader(), Reader(sees_all=True)]),
)


def meets(search, item):
    box = item.footprint and item.footprint.box
    in_area = search.area is None or (
        box is not None and any(search.area.shape.intersects(part_shape(p)) for p in box.parts)
    )
    return (
        (item.collection != "r" or search.reader.sees_all)
        and (search.collections is None or item.collection in search.collections)
        and (search.time is None or search.time.start_us <= item.time.start_us <= search.time.end_us)
        and in_area
        and (search.filter is None or search.filter.matches(item.document))
    )


def part_shape(box):
    return shapely.box(*box)


def held_values(item, name):
    held = orjson.loads(item.document)["properties"].get(name)
    return [each for each in (held if isinstance(held, list) else [held]) if each is not None]


def key(value):
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def period(item, step):
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=item.time.start_us)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    if step == "week":
        day -= timedelta(days=day.weekday())
    elif step != "day":
        day = day.replace(day=1, month=1 if step == "year" else day.month)
    return day.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("few", [10_000, 2], ids=["few", "many"])
@settings(max_examples=60, deadline=None)
@given(records=st.lists(items, max_size=15), asked=st.lists(searches, min_size=1, max_size=4))
def test_summaries_are_those_of_all_matches(few, records, asked):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_summaries, "FEW_ITEMS", few)
        store = SqliteStore(Path(folder) / "catalogue.sqlite", INDEXED)
        try:
            asyncio.run(check(store, records, asked))
        finally:
            store.close()


async def check(store, records, asked):
    kept = list({(record.collection, record.id): record for record in records}.values())

    def fill(transaction):
        for id_ in "pqr":
            readers = frozenset({"user:anna"}) if id_ == "r" else None
            whole = CollectionRecord(
                id_, id_, Interval(), Box(-180, -90, 180, 90), "", b"{}", readers=readers
            )
            transaction.put_collection(whole)
        transaction.put_items(records)

    await store.change(fill)
    for search in asked:
        found = [item for item in kept if meets(search, item)]
        await check_aggregations(store, search, found)
        await check_values(store, search, found)


async def check_aggregations(store, search, found):
    asked = [
        Aggregation("count", Measure.COUNT),
        *(Aggregation("minimum", Measure.MINIMUM, name) for name in ("a", "plain", "datetime")),
        *(Aggregation("maximum", Measure.MAXIMUM, name) for name in ("a", "plain")),
        *(Aggregation("frequency", Measure.FREQUENCY, name) for name in ("a", "list", "plain", "collection")),
        *(Aggregation("histogram", Measure.HISTOGRAM, name, 2.0) for name in ("a", "plain")),
        *(
            Aggregation("periods", Measure.PERIODS, "datetime", step)
            for step in ("day", "week", "month", "year")
        ),
    ]
    answers = await store.aggregate(search, asked)
    for aggregation, answer in zip(asked, answers, strict=True):
        expected = expected_answer(aggregation, found)
        told = (
            {bucket.key: bucket.frequency for bucket in answer.buckets}
            if isinstance(expected, dict)
            else answer.value
        )
        assert told == expected, (aggregation, search)
        assert answer.overflow == 0
        assert [bucket.key for bucket in answer.buckets] == list(told) if isinstance(expected, dict) else True


def expected_answer(aggregation, found):
    name = aggregation.property
    if name == "datetime":
        held = [item.time.start_us for item in found]
    else:
        held = [
            each
            for item in found
            for each in ([item.collection] if name == "collection" else held_values(item, name))
        ]
    numbers = [each for each in held if isinstance(each, int | float) and not isinstance(each, bool)]
    match aggregation.measure:
        case Measure.COUNT:
            return len(found)
        case Measure.MINIMUM:
            return min(numbers, default=None)
        case Measure.MAXIMUM:
            return max(numbers, default=None)
        case Measure.FREQUENCY:
            return dict(Counter(map(key, held)))
        case Measure.HISTOGRAM:
            return dict(Counter(f"{math.floor(each / 2) * 2.0:.15g}" for each in numbers))
    return dict(Counter(period(item, aggregation.step) for item in found))


async def check_values(store, search, found):
    summaries = await store.values(search)
    for name in INDEXED:
        held = [each for item in found for each in held_values(item, name)]
        present = {(type(each) is bool, each) for each in held}
        if not present:
            assert name not in summaries or summaries[name].values == ()
            continue
        summary = summaries[name]
        assert {(type(each) is bool, each) for each in summary.values} == present
        numbers = [each for each in held if isinstance(each, int | float) and not isinstance(each, bool)]
        assert (summary.minimum, summary.maximum) == (min(numbers, default=None), max(numbers, default=None))
        assert summary.is_array is (name == "list")


# As the geohash and tile of a place are published, such as at geohash.org and in slippy map tables.
@pytest.mark.parametrize(
    ("box", "measure", "step", "cell"),
    [
        (Box(-5.7, 42.5, -5.5, 42.7), Measure.GEOHASH, 5, "ezs42"),
        (Box(10.40744, 57.64911, 10.40744, 57.64911), Measure.GEOHASH, 9, "u4pruydqq"),
        (Box(179, -1, -177, 3), Measure.GEOHASH, 1, "8"),
        (Box(13.3, 52.5, 13.4, 52.54), Measure.GEOTILE, 10, "10/549/335"),
        (Box(0, 0, 0, 0), Measure.GEOTILE, 0, "0/0/0"),
        (Box(0, 89, 1, 90), Measure.GEOTILE, 2, "2/2/0"),
    ],
)
def test_cells_are_those_of_the_centre(tmp_path, box, measure, step, cell):
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])

    def fill(transaction):
        transaction.put_collection(CollectionRecord("p", "p", Interval(), Box(-180, -90, 180, 90), "", b"{}"))
        record = ItemRecord(
            "p", "i", Interval(0, 0), Footprint(box, None), "", b'{"properties":{},"links":[]}'
        )
        transaction.put_items([record])

    asyncio.run(store.change(fill))
    [answer] = asyncio.run(store.aggregate(ItemSearch(1), [Aggregation("cells", measure, "", step)]))
    assert [(bucket.key, bucket.frequency) for bucket in answer.buckets] == [(cell, 1)]
    store.close()


def test_many_different_values_are_told_by_their_range(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_summaries, "MAX_VALUES", 5)
    store = SqliteStore(tmp_path / "catalogue.sqlite", ["a"])

    def fill(transaction):
        transaction.put_collection(CollectionRecord("p", "p", Interval(), Box(-180, -90, 180, 90), "", b"{}"))
        transaction.put_items(
            [
                ItemRecord(
                    "p",
                    f"i{n}",
                    Interval(n, n),
                    None,
                    "",
                    orjson.dumps({"properties": {"a": n}, "links": []}),
                )
                for n in range(20)
            ]
        )

    asyncio.run(store.change(fill))
    for few in (10_000, 1):
        monkeypatch.setattr(sqlite_summaries, "FEW_ITEMS", few)
        for search, low, high in ((ItemSearch(1), 0, 19), (ItemSearch(1, time=Interval(3, 12)), 3, 12)):
            summary = asyncio.run(store.values(search))["a"]
            assert (summary.values, summary.minimum, summary.maximum) == (None, low, high)
    store.close()
