import signal
import sqlite3
import subprocess
import time
from dataclasses import replace

import anyio
import orjson
import psutil
import pytest
from catalogue_documents import make_collection
from loading_documents import COLLECTION, large_items, make_items, names

from geoscope.catalogue.models import ItemSearch, Reader
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.store.sqlite_transaction import SqliteTransaction
from geoscope.errors import ConflictError, UnavailableError

ITEMS = 2000


@pytest.fixture
def many_items(tmp_path):
    path = tmp_path / "many.ndjson"
    with path.open("wb") as file:
        file.write(orjson.dumps(make_collection()) + b"\n")
        for item in large_items(ITEMS):
            file.write(orjson.dumps(item) + b"\n")
    return path


def test_a_killed_load_goes_on_and_leaves_nothing_behind(start_load, data_dir, many_items):
    killed = start_load(many_items)
    wait_for_items(data_dir)
    checkers = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = ids_in(data_dir)
    assert 0 < len(before) < ITEMS
    _, alive = psutil.wait_procs(checkers, timeout=10)
    assert alive == []

    output, errors = start_load(many_items).communicate(timeout=120)
    assert f"{ITEMS:,} items loaded ({len(before):,} of them by an earlier run)" in output.decode(), errors
    assert ids_in(data_dir) == sorted(names(ITEMS))
    assert checkpoints_in(data_dir) == []


def test_an_interrupted_load_goes_on(start_load, data_dir, many_items):
    interrupted = start_load(many_items)
    wait_for_items(data_dir)
    interrupted.send_signal(signal.SIGINT)
    _, errors = interrupted.communicate(timeout=30)
    assert interrupted.returncode == 130
    assert b"goes on from here" in errors
    assert b"Traceback" not in errors
    before = len(ids_in(data_dir))
    assert 0 < before < ITEMS

    going_on = start_load(many_items)
    output, _ = going_on.communicate(timeout=120)
    assert going_on.returncode == 0
    assert f"({before:,} of them by an earlier run)" in output.decode()
    assert ids_in(data_dir) == sorted(names(ITEMS))


def test_a_load_that_waits_for_its_input_can_be_interrupted(start_load, data_dir):
    waiting = start_load("-")
    deadline = time.monotonic() + 120
    while not list((data_dir / "catalogue" / "loads").glob("*.lock")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.5)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=30) == 130


def test_a_killed_strict_load_goes_on(start_load, data_dir, many_items):
    killed = start_load(many_items, "--strict")
    wait_for_items(data_dir)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert start_load(many_items, "--strict").wait(timeout=120) == 0
    assert ids_in(data_dir) == sorted(names(ITEMS))
    assert not list((data_dir / "catalogue" / "loads").glob("*.stage"))


def test_the_same_source_is_loaded_once_at_a_time(start_load, data_dir, many_items):
    first = start_load("-")
    body = many_items.read_bytes()
    first.stdin.write(body[: len(body) // 2])
    first.stdin.flush()
    wait_for_items(data_dir)
    second = start_load("-")
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "Another load of the same source is running" in errors.decode()
    first.communicate(body[len(body) // 2 :], timeout=120)
    assert first.returncode == 0
    assert ids_in(data_dir) == sorted(names(ITEMS))


def test_two_sources_are_loaded_at_the_same_time(start_load, data_dir, tmp_path):
    for name in ("one", "two"):
        documents = [make_collection(name), *large_items(1000, collection=name)]
        (tmp_path / f"{name}.ndjson").write_bytes(b"\n".join(map(orjson.dumps, documents)))
    loads = [start_load(tmp_path / f"{name}.ndjson") for name in ("one", "two")]
    for load in loads:
        _, errors = load.communicate(timeout=120)
        assert load.returncode == 0, errors
    assert ids_in(data_dir) == sorted(names(1000, "one") | names(1000, "two"))


def test_a_full_disk_stops_a_load_which_goes_on_when_there_is_room(
    start_load, small_disk, many_items, tmp_path
):
    disk = small_disk("size=4m")
    full = start_load(many_items, "--data-dir", disk)
    _, errors = full.communicate(timeout=120)
    assert full.returncode == 1
    assert b"Traceback" not in errors
    assert b"full" in errors

    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    going_on = start_load(many_items, "--data-dir", disk)
    _, errors = going_on.communicate(timeout=120)
    assert going_on.returncode == 0, errors
    assert ids_in(disk) == sorted(names(ITEMS))


def test_a_report_goes_on_where_it_was(load_into, problems, write_lines, monkeypatch):
    """A problem that was written for a batch that was not stored is not written twice."""
    path = write_lines(make_collection(), *make_items(3), b"{garbage", name="items.ndjson")
    monkeypatch.setattr("geoscope.catalogue.loading.loader.PAUSE_BEFORE_NEXT_TRY_S", 0.0)
    put = SqliteTransaction.put_checkpoint
    failures = iter([True])

    def fail_once(transaction, name, state):
        if state is not None and b'"items":3' in state and next(failures, False):
            raise UnavailableError("The disk is full.")
        put(transaction, name, state)

    monkeypatch.setattr(SqliteTransaction, "put_checkpoint", fail_once)
    done = load_into(path)
    assert (done.items, done.refused) == (3, 1)
    assert len(problems(done)) == 1


def test_a_file_that_has_changed_is_loaded_from_its_beginning(load_into, stored, write_lines):
    path = write_lines(make_collection(), *large_items(ITEMS))

    def stop(progress):
        if progress.items:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_into(path, on_progress=stop)
    write_lines(make_collection(), *make_items(50, first=5000))
    done = load_into(path)
    assert (done.items, done.items_before) == (50, 0)
    assert (COLLECTION, "item-5049") in stored()


def test_a_load_can_begin_anew(load_into, write_lines):
    path = write_lines(make_collection(), *large_items(ITEMS))

    def stop(progress):
        if progress.items:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_into(path, on_progress=stop)
    assert load_into(path, restart=True).items_before == 0


def test_a_load_that_was_overtaken_stops(load_into, store, write_lines):
    """Another machine may load the same source into the same database: nothing is stored twice."""
    path = write_lines(make_collection(), *large_items(ITEMS))
    connection = sqlite3.connect(store._path)

    def overtake(progress):
        connection.execute("UPDATE checkpoints SET state = CAST(state || ' ' AS BLOB)")
        connection.commit()

    with pytest.raises(ConflictError, match="Another load"):
        load_into(path, on_progress=overtake)


def wait_for_items(data_dir):
    """Wait until the first batch is stored."""
    deadline = time.monotonic() + 120
    while query(data_dir, "SELECT count(*) FROM items") in ([], [(0,)]):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ids_in(data_dir):
    async def read():
        store = SqliteStore(data_dir / "catalogue" / "catalogue.sqlite")
        try:
            search = ItemSearch(limit=5000, reader=Reader(sees_all=True))
            ids, end = [], None
            while page := await store.find_items(replace(search, after=end)):
                ids += [(item.collection, item.id) for item in page.items]
                if (end := page.end) is None:
                    return sorted(ids)
        finally:
            store.close()

    return anyio.run(read)


def checkpoints_in(data_dir):
    return query(data_dir, "SELECT name FROM checkpoints")


def query(data_dir, sql):
    path = data_dir / "catalogue" / "catalogue.sqlite"
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.OperationalError:  # the tables are not there yet
        return []
    finally:
        connection.close()
