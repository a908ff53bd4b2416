"""The embedded store as a file: versions, several processes, transactions, limits."""

import asyncio
import multiprocessing
import secrets
import sqlite3

import pytest

from geoscope.catalogue.areas import Box, Footprint, area_of_geometry
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.models import CollectionRecord, ItemRecord, ItemSearch
from geoscope.catalogue.store import sqlite, sqlite_search
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.store.sqlite_schema import SCHEMA_VERSION
from geoscope.catalogue.words import Phrase
from geoscope.errors import SetupError, UnavailableError

COLLECTION = CollectionRecord(
    "c", "C", Interval(), Box(-180, -90, 180, 90), "words", b'{"id":"c","links":[]}'
)


def incompressible(size):
    return b'{"noise":"%b","links":[]}' % secrets.token_hex(size // 2).encode()


def record(number, *, document=b'{"links":[]}', shape=None):
    box = Box(0, 0, 10, 10)
    return ItemRecord("c", f"i{number:05}", Interval(0, 0), Footprint(box, shape), "words", document)


def add(store, *records):
    def work(transaction):
        transaction.put_collection(COLLECTION)
        for each in records:
            transaction.put_item(each)

    asyncio.run(store.change(work))


def count(store):
    return asyncio.run(store.find_items(ItemSearch(1))).matched


def test_catalogue_is_there_again_when_the_file_is_opened_again(tmp_path):
    path = tmp_path / "folder" / "catalogue.sqlite"
    for _ in range(2):
        store = SqliteStore(path)
        add(store, record(1))
        store.close()
    store = SqliteStore(path)
    assert count(store) == 1
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["catalogue.sqlite"]


def test_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    SqliteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SetupError, match="newer version"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_file_that_is_no_catalogue_is_refused(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"something else entirely, and longer than a header" * 100)
    with pytest.raises(SetupError, match=r"catalogue\.sqlite cannot be opened"):
        SqliteStore(path)


def test_change_that_fails_leaves_nothing_behind(store):
    def fail(transaction):
        transaction.put_collection(COLLECTION)
        transaction.put_item(record(1))
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(store.change(fail))
    assert count(store) == 0
    assert asyncio.run(store.collection("c")) is None
    add(store, record(2))
    assert count(store) == 1


def test_full_disk_is_told_and_leaves_nothing_behind(store):
    add(store, record(1))
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(UnavailableError, match="full"):
        add(store, *(record(n, document=incompressible(5000)) for n in range(2, 50)))
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert count(store) == 1
    add(store, record(2))
    assert count(store) == 2


def test_page_ends_early_rather_than_grow_without_limit(store, monkeypatch):
    monkeypatch.setattr(sqlite_search, "MAX_PAGE_BYTES", 2500)
    add(store, *(record(n, document=incompressible(1000)) for n in range(7)))
    found, after = [], None
    while True:
        page = asyncio.run(store.find_items(ItemSearch(100, after=after)))
        found.append(len(page.items))
        after = page.end
        if after is None:
            break
    assert found == [3, 3, 1]


def test_search_that_takes_too_long_is_ended(store, monkeypatch):
    add(store, *(record(n) for n in range(3000)))
    monkeypatch.setattr(sqlite, "SEARCH_DEADLINE_S", 0.0)
    corner = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [0, 9], [0, 0]]]}
    with pytest.raises(UnavailableError, match="took longer"):
        asyncio.run(store.find_items(ItemSearch(10, area=area_of_geometry(corner), text=Phrase("nothing"))))
    monkeypatch.undo()
    assert count(store) == 3000


def write_pairs(path, pairs):
    """Add two items in each transaction."""
    store = SqliteStore(path)
    for n in range(pairs):
        add(store, record(2 * n), record(2 * n + 1))
    store.close()


def watch_pairs(path, pairs, results):
    """Count the items again and again until all are there; tell of odd counts, and of counts that fall."""
    store = SqliteStore(path)
    wrong, last = [], 0
    while last < 2 * pairs:
        now = asyncio.run(store.find_items(ItemSearch(1000)))
        if len(now.items) % 2 or len(now.items) < last or now.matched != len(now.items):
            wrong.append((last, len(now.items), now.matched))
        last = len(now.items)
    store.close()
    results.put(wrong)


def test_processes_read_whole_transactions_while_another_writes(tmp_path):
    path, pairs = tmp_path / "catalogue.sqlite", 60
    SqliteStore(path).close()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    readers = [context.Process(target=watch_pairs, args=(path, pairs, results)) for _ in range(2)]
    writer = context.Process(target=write_pairs, args=(path, pairs))
    for process in (*readers, writer):
        process.start()
    assert [results.get(timeout=60) for _ in readers] == [[], []]
    for process in (*readers, writer):
        process.join(timeout=30)
        assert process.exitcode == 0


def test_writers_of_two_processes_wait_for_each_other(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_pairs, args=(path, 25)) for _ in range(2)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(timeout=60)
        assert process.exitcode == 0
    store = SqliteStore(path)
    assert count(store) == 50
    store.close()
