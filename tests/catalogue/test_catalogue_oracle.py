"""Searches of the embedded store against a brute-force oracle, page by page."""

import asyncio
import tempfile
from pathlib import Path

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Area, Box, Footprint, area_of_box, area_of_geometry
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.models import CollectionRecord, ItemRecord, ItemSearch
from geoscope.catalogue.store import sqlite_search
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.words import AnyOf, Phrase

# Few whole degrees and instants, so that edges meet; any others, so that rounding to 32 bits would show. Not
# finer than 0.1 mm: of numbers near 1e-300, GEOS itself says two things.
degrees = st.integers(-20, 20).map(lambda n: n * 9.0) | st.floats(-180, 180).map(lambda x: round(x, 9))
latitudes = st.integers(-18, 18).map(lambda n: n * 5.0) | st.floats(-90, 90).map(lambda x: round(x, 9))
instants = st.integers(0, 20).map(lambda n: 1_700_000_000_000_000 + n)


@st.composite
def boxes(draw):
    south, north = sorted((draw(latitudes), draw(latitudes)))
    return Box(draw(degrees), south, draw(degrees), north)


@st.composite
def intervals(draw):
    return Interval(*sorted((draw(instants), draw(instants))))


@st.composite
def footprints(draw):
    box = draw(boxes())
    if box.crosses_antimeridian or draw(st.booleans()):
        return Footprint(box, None)
    triangle = shapely.Polygon([(box.west, box.south), (box.east, box.south), (box.west, box.north)])
    return Footprint(box, shapely.to_wkb(shapely.make_valid(triangle)))


@st.composite
def items(draw):
    ids = draw(st.sets(st.tuples(st.sampled_from("pqr"), st.sampled_from("abcdefgh")), max_size=20))
    return [
        ItemRecord(
            collection,
            id_,
            draw(intervals()),
            draw(st.none() | footprints()),
            " ".join(draw(st.lists(st.sampled_from(["sea", "ice", "drift"]), max_size=2))),
            f'{{"id":"{collection}{id_}","links":[]}}'.encode(),
        )
        for collection, id_ in sorted(ids)
    ]


triangles = st.builds(
    lambda box: area_of_geometry(
        {
            "type": "Polygon",
            "coordinates": [
                [[box.west, box.south], [box.east, box.south], [box.east, box.north], [box.west, box.south]]
            ],
        }
    ),
    boxes(),
)

phrases = st.sampled_from(["sea", "ice drift", "collection", "none"]).map(Phrase)

searches = st.builds(
    ItemSearch,
    limit=st.integers(1, 5),
    ids=st.none() | st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True).map(tuple),
    collections=st.none() | st.lists(st.sampled_from("pqrx"), min_size=1, unique=True).map(tuple),
    area=st.none() | boxes().map(area_of_box) | triangles,
    time=st.none() | intervals(),
    text=st.none() | st.lists(phrases, min_size=1, max_size=2, unique=True).map(tuple).map(AnyOf),
)


def meets(area: Area, footprint: Footprint) -> bool:
    shape = (
        shapely.from_wkb(footprint.shape)
        if footprint.shape is not None
        else union_of_boxes(footprint.box.parts)
    )
    return shape.intersects(area.geometry or union_of_boxes(area.boxes))


def union_of_boxes(boxes):
    return shapely.union_all([shapely.make_valid(shapely.box(*box)) for box in boxes])


def matches(search: ItemSearch, item: ItemRecord) -> bool:
    text = item.text + (" | collection" if item.collection == "p" else "")
    return (
        (search.ids is None or item.id in search.ids)
        and (search.collections is None or item.collection in search.collections)
        and (search.area is None or (item.footprint is not None and meets(search.area, item.footprint)))
        and (
            search.time is None
            or (item.time.start_us <= search.time.end_us and item.time.end_us >= search.time.start_us)
        )
        and (search.text is None or any(f" {part.text} " in f" {text} " for part in search.text.parts))
    )


async def pages(store, search):
    found, counts, after = [], [], None
    while True:
        page = await store.find_items(ItemSearch(**(vars(search) | {"after": after})))
        assert len(page.items) <= search.limit
        found += [(item.collection, item.id) for item in page.items]
        counts.append(page.matched)
        if page.end is None:
            return found, counts
        after = page.end


@pytest.mark.parametrize("few", [2000, 2], ids=["candidates are sorted", "items are walked"])
@settings(max_examples=40, deadline=None)
@given(records=items(), asked=st.lists(searches, min_size=1, max_size=8))
def test_every_search_finds_what_the_oracle_finds(few, records, asked):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_search, "FEW", few)
        store = SqliteStore(Path(folder) / "catalogue.sqlite")
        try:
            asyncio.run(check(store, records, asked))
        finally:
            store.close()


async def check(store, records, asked):
    def fill(transaction):
        for collection in "pqr":
            text = "collection" if collection == "p" else ""
            whole = CollectionRecord(collection, collection, Interval(), Box(-180, -90, 180, 90), text, b"{}")
            transaction.put_collection(whole)
        for record in records:
            transaction.put_item(record)

    await store.change(fill)
    for search in asked:
        expected = [item for item in records if matches(search, item)]
        expected.sort(key=lambda item: (-item.time.start_us, item.collection, item.id))
        found, counts = await pages(store, search)
        assert found == [(item.collection, item.id) for item in expected]
        assert set(counts) <= {len(expected), None}
