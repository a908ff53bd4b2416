"""The embedded store's file: older versions, compressed documents, properties indexed later, damage."""

import asyncio
import sqlite3
import time
from pathlib import Path

import orjson
import pytest

from geoscope.catalogue.areas import Box, Footprint, area_of_box
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import CollectionRecord, ItemRecord, ItemSearch, SortKey
from geoscope.catalogue.store import sqlite_properties
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.words import Phrase
from geoscope.errors import NotFoundError, SetupError

DAY_US = 86_400_000_000
WHOLE = Box(-180, -90, 180, 90)


def collection(id_="c", indexed=()):
    document = orjson.dumps({"id": id_, "links": []})
    return CollectionRecord(id_, id_.upper(), Interval(), WHOLE, "words", document, indexed=indexed)


def document(number, collection_id="c"):
    filler = {
        f"asset-{n}": {"href": f"https://example.org/{number}/{n}.tif", "roles": ["data"]} for n in range(9)
    }
    members = {"id": f"i{number:05}", "collection": collection_id, "geometry": None, "assets": filler}
    return orjson.dumps(members | {"properties": {"n": number, "deep": {"part": number % 7}}, "links": []})


def record(number, collection_id="c"):
    place = Footprint(Box(0, 0, 1, 1), None)
    held = document(number, collection_id)
    return ItemRecord(collection_id, f"i{number:05}", Interval(number, number), place, "ice", held)


def put(store, *records, whole=None):
    def work(transaction):
        transaction.put_collection(whole or collection())
        transaction.put_items(records)

    asyncio.run(store.change(work))


def ids(store, **asked):
    return [item.id for item in asyncio.run(store.find_items(ItemSearch(10_000, **asked))).items]


def wait_until_filled(store):
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        with store._read() as reading:
            if all(known.is_complete for known in reading.directory.every_property):
                return
        time.sleep(0.02)
    raise TimeoutError


@pytest.fixture
def version_1(tmp_path):
    """A file as version 1 of the schema wrote it: two collections, of three items and of one."""
    path = tmp_path / "catalogue.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript((Path(__file__).parent / "schema_1.sql").read_text())
    for key, id_ in enumerate("cd", 1):
        connection.execute(
            "INSERT INTO collections (key, id, title, west, south, east, north, start_us, end_us, document)"
            " VALUES (?, ?, ?, -180, -90, 180, 90, 0, 100, ?)",
            (key, id_, id_.upper(), orjson.dumps({"id": id_, "links": []})),
        )
        connection.execute(
            "INSERT INTO collection_text (rowid, text) VALUES (?, ?)", (key, f"words of {id_}")
        )
    for key, (id_, number) in enumerate([("c", 1), ("c", 2), ("d", 1), ("c", 3)], 1):
        connection.execute(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, 0, 0, 1, 1, NULL)",
            (key, id_, f"i{number:05}", number, number + 5),
        )
        connection.execute("INSERT INTO item_documents VALUES (?, ?)", (key, document(number, id_)))
        connection.execute(
            "INSERT INTO item_space VALUES (?, 0, 1, 0, 1, ?, ?)",
            (key, number / DAY_US, (number + 5) / DAY_US),
        )
        connection.execute("INSERT INTO item_text (rowid, text) VALUES (?, ?)", (key, "drift ice"))
    connection.close()
    return path


def test_file_of_version_1_keeps_everything_and_gains_indexes(version_1):
    store = SqliteStore(version_1, ["n", "deep.part"])
    wait_until_filled(store)
    for number, id_ in ((1, "c"), (2, "c"), (1, "d"), (3, "c")):
        assert asyncio.run(store.item(id_, f"i{number:05}")) == document(number, id_)
    assert asyncio.run(store.collection("d")) == b'{"id":"d","links":[]}'
    assert asyncio.run(store.collection_titles()) == [("c", "C"), ("d", "D")]
    assert asyncio.run(store.find_items(ItemSearch(1))).matched == 4
    assert ids(store, collections=("c",)) == ["i00003", "i00002", "i00001"]
    assert ids(store, text=Phrase("drift ice")) == ["i00003", "i00002", "i00001", "i00001"]
    assert ids(store, text=Phrase("words of d")) == ["i00001"]
    assert len(ids(store, area=area_of_box(Box(0, 0, 1, 1)), time=Interval(8, 9))) == 1
    assert ids(store, filter=parse_filter("n = 3", "cql2-text")) == ["i00003"]
    put(store, record(3), record(4))
    assert ids(store, collections=("c",)) == ["i00004", "i00003", "i00002", "i00001"]
    asyncio.run(store.change(lambda transaction: transaction.delete_collection("c")))
    assert ids(store) == ["i00001"]
    store.close()
    again = SqliteStore(version_1, ["n", "deep.part"])
    assert asyncio.run(again.item("d", "i00001")) == document(1, "d")
    again.close()


def test_documents_of_every_generation_are_read(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])
    for first in range(0, 1200, 400):
        put(store, *(record(number) for number in range(first, first + 400)))
    with store._read() as reading:
        forms = dict(
            reading.connection.execute(
                "SELECT dictionary, sum(length(document)) FROM item_documents GROUP BY 1"
            )
        )
    assert sorted(forms) == [0, 1], "the first without a dictionary, those from the 500th on with one"
    assert forms[1] / 800 < 0.5 * forms[0] / 400
    for number in (0, 399, 400, 1199):
        assert asyncio.run(store.item("c", f"i{number:05}")) == document(number)
    page = asyncio.run(store.find_items(ItemSearch(1200)))
    assert [item.document for item in page.items] == [document(number) for number in reversed(range(1200))]
    store.close()


def test_dictionary_of_a_change_that_failed_is_forgotten(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])

    def fail(transaction):
        transaction.put_collection(collection())
        transaction.put_items([record(number) for number in range(600)])
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(store.change(fail))
    put(store, *(record(number) for number in reversed(range(1000))))
    assert asyncio.run(store.item("c", "i00007")) == document(7)
    store.close()


def test_dictionary_of_a_collection_that_is_gone_is_never_mistaken_for_another(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])
    put(store, *(record(number) for number in range(600)))
    assert asyncio.run(store.item("c", "i00599")) == document(599)
    asyncio.run(store.change(lambda transaction: transaction.delete_collection("c")))
    others = [record(number, "other") for number in range(5000, 5600)]
    put(store, *others, whole=collection("other"))
    assert asyncio.run(store.item("other", "i05599")) == document(5599, "other")
    store.close()


def test_property_that_is_declared_later_is_filled_in_while_others_read_and_write(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_properties, "ITEMS_OF_A_STEP", 20)
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])
    put(store, *(record(number) for number in range(300)))
    condition = parse_filter("n >= 290", "cql2-text")
    expected = [f"i{number:05}" for number in range(299, 289, -1)]
    put(store, whole=collection(indexed=("n",)))
    assert ids(store, filter=condition) == expected
    put(store, record(300), record(5))
    assert ids(store, filter=condition) == ["i00300", *expected]
    wait_until_filled(store)
    assert ids(store, filter=condition) == ["i00300", *expected]
    assert ids(store, order=(SortKey("n"),))[:3] == ["i00000", "i00001", "i00002"]
    with store._read() as reading:
        values = reading.connection.execute("SELECT p1 FROM items ORDER BY id").fetchall()
    assert values == [(number,) for number in range(301)]
    store.close()


def test_filling_in_goes_on_when_the_file_is_opened_again(tmp_path, monkeypatch):
    path = tmp_path / "catalogue.sqlite"
    monkeypatch.setattr(sqlite_properties, "ITEMS_OF_A_STEP", 10)
    store = SqliteStore(path, [])
    put(store, *(record(number) for number in range(100)))
    put(store, whole=collection(indexed=("n",)))
    store.close()
    store = SqliteStore(path, ["deep.part"])
    wait_until_filled(store)
    with store._read() as reading:
        rows = reading.connection.execute("SELECT p1, p2 FROM items ORDER BY id").fetchall()
    assert rows == [(number, number % 7) for number in range(100)]
    store.close()


def test_item_of_no_collection_is_refused_with_all_others(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite", [])
    put(store)
    with pytest.raises(NotFoundError, match="no collection 'x'"):
        asyncio.run(store.change(lambda transaction: transaction.put_items([record(1), record(2, "x")])))
    assert ids(store) == []
    store.close()


def test_of_one_id_sent_twice_the_last_stays(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite", ["n"])
    put(store, record(1), record(2))
    changed = ItemRecord("c", "i00001", Interval(9, 9), None, "", b'{"properties":{"n":9},"links":[]}')
    put(store, record(1), changed)
    page = asyncio.run(store.find_items(ItemSearch(10)))
    assert [(item.id, item.document) for item in page.items] == [
        ("i00001", b'{"properties":{"n":9},"links":[]}'),
        ("i00002", document(2)),
    ]
    assert page.matched == 2
    assert ids(store, filter=parse_filter("n = 1", "cql2-text")) == []
    store.close()


def test_damaged_file_is_told_as_such(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    store = SqliteStore(path, [])
    put(store, *(record(number) for number in range(300)))
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(SetupError, match="catalogue"):
        read_all(path)


def read_all(path):
    store = SqliteStore(path, [])
    try:
        asyncio.run(store.find_items(ItemSearch(300)))
    finally:
        store.close()
