"""Items that were packed elsewhere, and indexes that are made at the end of a load: found as all others."""

import asyncio
import pickle
import sqlite3

import orjson
import pytest
from catalogue_documents import make_collection, make_item

from geoscope.catalogue.areas import Box, area_of_box
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import ItemSearch, SortKey
from geoscope.catalogue.records import collection_record, item_record
from geoscope.catalogue.store import PackedItem, sqlite
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.errors import ConflictError
from running import until

COLLECTION = "ice"


def record(number, collection=COLLECTION):
    west = number % 300 - 150.0
    item = make_item(
        f"i{number:05}",
        bbox=None if number % 50 == 7 else (west, 10.0, west + 1, 11.0),
        when=f"2026-03-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        collection=collection,
        properties={
            "n": number,
            "eo:cloud_cover": number / 7,
            "title": f"scene {number}",
            "tags": ["a", "b"],
        },
    )
    item["assets"] |= {f"band-{n}": {"href": f"https://example.org/{number}/{n}.tif"} for n in range(9)}
    return item_record(item, collection)


def summarised(*names, id_=COLLECTION):
    summaries = {name: {"minimum": 0, "maximum": 1} for name in names}
    return collection_record(make_collection(id_, summaries=summaries))


def put(store, *records, collection=None):
    def work(transaction):
        if collection is not None:
            transaction.put_collection(collection)
        transaction.put_items(records)

    asyncio.run(store.change(work))


def packed(store, records, collections=(COLLECTION,)):
    """Pack as another process does."""
    packer = through_a_pipe(asyncio.run(store.packer(collections)))
    return through_a_pipe([packer.pack(each) for each in records])


def through_a_pipe(sent):
    return pickle.loads(pickle.dumps(sent))  # noqa: S301 (our own)


def content(store):
    """Return what searches of each kind find."""
    cloudy = parse_filter({"op": ">", "args": [{"property": "eo:cloud_cover"}, 20]})
    named = parse_filter({"op": "=", "args": [{"property": "n"}, 150]})
    searches = {
        "all": ItemSearch(2000),
        "place": ItemSearch(2000, area=area_of_box(Box(-10, 0, 10, 20))),
        "cloudy": ItemSearch(2000, filter=cloudy),
        "named": ItemSearch(2000, filter=named),
        "sorted": ItemSearch(2000, order=(SortKey("eo:cloud_cover", descending=True),)),
    }
    return {
        name: [(item.id, orjson.loads(item.document)["assets"]) for item in found(store, search)]
        for name, search in searches.items()
    }


def found(store, search):
    return asyncio.run(store.find_items(search)).items


def indexes(path):
    with sqlite3.connect(path) as connection:
        return {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'items_by_p%'")
        }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def store(path):
    store = SqliteStore(path, ["eo:cloud_cover"])
    yield store
    store.close()


@pytest.fixture
def usual(tmp_path):
    """Return what is found where records were stored as they are."""
    store = SqliteStore(tmp_path / "usual.sqlite", ["eo:cloud_cover"])
    put(store, *map(record, range(700)), collection=summarised("n"))
    yield content(store)
    store.close()


def test_packed_items_are_stored_as_others(store, usual):
    put(store, *map(record, range(500)), collection=summarised("n"))
    rest = packed(store, map(record, range(500, 700)))
    assert all(isinstance(item, PackedItem) for item in rest)
    put(store, *rest)
    assert content(store) == usual


def test_packed_items_replace_others(store, usual):
    put(store, *map(record, range(600)), collection=summarised("n"))
    put(store, *packed(store, map(record, range(400, 700))))
    assert content(store) == usual


def test_a_property_is_indexed_after_items_were_packed(store, usual):
    put(store, *map(record, range(500)), collection=summarised())
    rest = packed(store, map(record, range(500, 700)))
    put(store, collection=summarised("n"))
    put(store, *rest)
    assert content(store) == usual


def test_a_dictionary_is_trained_after_items_were_packed(store, path, usual):
    put(store, *map(record, range(10)), collection=summarised("n"))
    without = packed(store, map(record, range(600, 700)))
    put(store, *map(record, range(10, 600)))
    put(store, *without)
    assert content(store) == usual
    with sqlite3.connect(path) as connection:
        (uncompressed,) = connection.execute(
            "SELECT count(*) FROM item_documents WHERE dictionary IS NULL OR dictionary = 0"
        ).fetchone()
    assert uncompressed < 20


def test_items_of_collections_that_a_packer_does_not_know_stay_as_they_are(store):
    put(store, collection=summarised())
    put(store, collection=summarised(id_="snow"))
    sent = record(1, "snow")
    (snow,) = packed(store, [sent])
    put(store, snow)
    assert snow == sent
    assert [item.collection for item in found(store, ItemSearch(10))] == ["snow"]


def test_a_collection_is_replaced_after_items_were_packed(store):
    put(store, *map(record, range(600)), collection=summarised("n"))
    rest = packed(store, map(record, range(600, 700)))
    asyncio.run(store.change(lambda transaction: transaction.delete_collection(COLLECTION)))
    put(store, collection=summarised("n"))
    with pytest.raises(ConflictError, match="replaced while"):
        put(store, *rest)
    assert found(store, ItemSearch(10)) == []


async def _load(store, start, stop, look=None):
    async with store.bulk_load():
        await store.change(lambda transaction: transaction.put_items([*map(record, range(start, stop))]))
        if look is not None:
            look()


def test_a_bulk_load_makes_indexes_at_its_end(store, path, usual):
    put(store, *map(record, range(100)), collection=summarised("n"))
    before, during = indexes(path), []
    asyncio.run(_load(store, 100, 700, look=lambda: during.append(indexes(path))))
    assert [before - inside for inside in during] == [before]
    assert indexes(path) == before
    assert content(store) == usual


def test_items_are_found_during_a_bulk_load(store, path):
    put(store, *map(record, range(100)), collection=summarised("n"))
    seen = []

    async def work():
        async with store.bulk_load():
            await store.change(lambda transaction: transaction.put_items([*map(record, range(100, 700))]))
            search = ItemSearch(2000, order=(SortKey("eo:cloud_cover", descending=True),))
            seen.extend(item.id for item in (await store.find_items(search)).items)

    asyncio.run(work())
    assert seen == [f"i{number:05}" for number in reversed(range(700))]


def test_a_bulk_load_that_was_broken_off_is_mended_later(store, path, usual):
    put(store, *map(record, range(100)), collection=summarised("n"))
    before = indexes(path)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(_load(store, 100, 650, look=stop))
    assert indexes(path) < before
    put(store, *map(record, range(650, 700)))
    store.close()
    opened = SqliteStore(path, ["eo:cloud_cover"])
    until(lambda: indexes(path) == before, what="all indexes")
    assert content(opened) == usual
    opened.close()


def test_a_large_store_keeps_its_indexes(store, path, monkeypatch):
    monkeypatch.setattr(sqlite, "MAX_ITEMS_WITHOUT_INDEXES", 50)
    put(store, *map(record, range(100)), collection=summarised("n"))
    before, during = indexes(path), []
    asyncio.run(_load(store, 100, 200, look=lambda: during.append(indexes(path))))
    assert during == [before]
