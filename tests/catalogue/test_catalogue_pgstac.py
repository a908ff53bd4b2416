"""The scale store on a real PostgreSQL: documents, other clients of the same database, faults."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
import orjson
import psycopg
import pytest
from catalogue_documents import make_collection, make_item, rectangle
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from geoscope.catalogue.models import ANYBODY, ItemSearch, Reader, Sharing
from geoscope.catalogue.records import collection_record, item_record
from geoscope.catalogue.store import pgstac as pgstac_module
from geoscope.catalogue.store import pgstac_search
from geoscope.catalogue.store.pgstac import PgstacStore
from geoscope.catalogue.words import Phrase
from geoscope.errors import InvalidInputError, SetupError, UnavailableError
from geoscope.runtime.ports import free_ports
from postgresql_server import add_template, running_server
from running import until

COLLECTION = "sea-surface-temperature"


@pytest.fixture
def url(new_database):
    return new_database()


@pytest.fixture
def store(url):
    store = PgstacStore(url)
    yield store
    store.close()


def add(store, *items, collection=None):
    def work(transaction):
        transaction.put_collection(collection_record(collection or make_collection()))
        transaction.put_items([item_record(item, COLLECTION) for item in items])

    asyncio.run(store.change(work))


def ids(store, **search):
    page = asyncio.run(store.find_items(ItemSearch(100, **search)))
    return sorted(item.id for item in page.items)


def count(store, **search):
    return asyncio.run(store.find_items(ItemSearch(1, **search))).matched


DIFFICULT_ITEMS = [
    make_item("plain"),
    make_item("no-place", bbox=None),
    make_item("interval", when="2026-03-01T00:00:00Z/2026-04-01T00:00:00Z"),
    make_item(
        "nulls", properties={"title": None, "deep": {"er": [None, {"x": None}]}, "empty": {}, "list": []}
    ),
    make_item("numbers", properties={"whole": 10.0, "small": 1e-300, "large": 1.7e308, "long": 2**63}),
    make_item("finer-than-a-microsecond", when="2026-03-01T23:59:59.9999999Z"),
    make_item("text", properties={"title": 'Ångström \u2028 " \\ 🌍 \u0001', "𒍟※": "𒍟※"}),
    make_item("third-dimension", geometry={"type": "Point", "coordinates": [10.5, 40.5, 1234.5678]}),
    make_item(
        "floats", geometry=rectangle(10.1, 40.123456789012345, 10.7, 40.2), bbox=[10.1, 40.12, 10.7, 40.2]
    ),
    make_item(
        "antimeridian",
        bbox=[170.0, -10.0, -170.0, 10.0],
        geometry={
            "type": "Polygon",
            "coordinates": [[[170, -10], [-170, -10], [-170, 10], [170, 10], [170, -10]]],
        },
    ),
    make_item(
        "bow-tie",
        geometry={
            "type": "Polygon",
            "coordinates": [[[10, 40], [11, 41], [11, 40], [10, 41], [10, 40]]],
        },
    ),
    make_item(
        "collection",
        geometry={
            "type": "GeometryCollection",
            "geometries": [{"type": "Point", "coordinates": [10, 40]}, rectangle(10, 40, 11, 41)],
        },
    ),
    make_item("no-asset", assets={}),
    make_item("same-asset", assets={"data": {"href": "a.nc", "roles": ["data"], "title": "Data"}}),
    make_item("links", links=[{"rel": "via", "href": "https://example.org/x", "title": None}]),
]
# What pgstac would leave out of items, and put back.
WITH_ASSETS = make_collection(
    item_assets={"data": {"roles": ["data"], "title": "Data"}, "thumbnail": {"title": "Thumbnail"}}
)


def test_documents_come_back_as_they_were_sent(store):
    records = [item_record(item, COLLECTION) for item in DIFFICULT_ITEMS]
    add(store, *DIFFICULT_ITEMS, collection=WITH_ASSETS)
    for record in records:
        document = asyncio.run(store.item(COLLECTION, record.id))
        sent, stored = orjson.loads(record.document), orjson.loads(document)
        for each in (sent, stored):
            del each["properties"]["created"], each["properties"]["updated"]
        assert stored == sent
        assert document.endswith(b"]}")
        assert list(stored)[-1] == "links"
    page = asyncio.run(store.find_items(ItemSearch(100)))
    documents = {item.id: item.document for item in page.items}
    assert documents == {
        item["id"]: asyncio.run(store.item(COLLECTION, item["id"])) for item in DIFFICULT_ITEMS
    }


def test_item_that_postgresql_cannot_keep_is_refused_and_nothing_is_stored(store):
    add(store)
    with pytest.raises(InvalidInputError, match="NUL"):
        add(store, make_item("good"), make_item("bad", properties={"title": "a\0b"}))
    assert ids(store) == []


@pytest.fixture
def reference(url):
    """Address of a stac-fastapi-pgstac over the same database."""
    port = free_ports(("stac-fastapi",))["stac-fastapi"]
    user, place = url.removeprefix("postgresql://").split("@")
    host, database = place.split("/")
    environment = {
        **os.environ,
        "PGUSER": user,
        "PGPASSWORD": "none",
        "PGHOST": host.split(":")[0],
        "PGPORT": host.split(":")[1],
        "PGDATABASE": database,
        "ENABLE_TRANSACTIONS_EXTENSIONS": "true",
    }
    command = ["-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app", "--port", str(port)]
    process = subprocess.Popen([sys.executable, *command, "--log-level", "warning"], env=environment)
    address = f"http://127.0.0.1:{port}"

    def answers():
        assert process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(answers, what="stac-fastapi-pgstac")
    yield address
    process.terminate()
    process.wait(timeout=20)


def without_links(document):
    return {name: value for name, value in document.items() if name != "links"}


def test_another_client_of_pgstac_sees_the_same_items(store, reference):
    add(store, *DIFFICULT_ITEMS, collection=WITH_ASSETS)
    with httpx.Client(base_url=reference, timeout=30) as client:
        collection = client.get(f"/collections/{COLLECTION}").raise_for_status().json()
        own = orjson.loads(asyncio.run(store.collection(COLLECTION)))
        assert without_links(collection) == without_links(own)
        searched = client.get("/search", params={"limit": 100}).raise_for_status().json()["features"]
        assert sorted(item["id"] for item in searched) == ids(store)
        for item in searched:
            own = orjson.loads(asyncio.run(store.item(COLLECTION, item["id"])))
            assert without_links(item) == without_links(own)
        box = client.get("/search", params={"bbox": "175,-5,180,5"}).json()["features"]
        assert [item["id"] for item in box] == ["antimeridian"]


def test_what_another_client_writes_is_found_and_counted(store, reference):
    add(store, make_item("ours", properties={"title": "Sea ice"}))
    with httpx.Client(base_url=reference, timeout=30) as client:
        items = f"/collections/{COLLECTION}/items"
        theirs = make_item("theirs", properties={"title": "Drifting buoys"}) | {"collection": COLLECTION}
        client.post(items, json=theirs).raise_for_status()
        assert ids(store) == ["ours", "theirs"]
        assert count(store) == 2
        assert ids(store, text=Phrase("drifting buoys")) == ["theirs"]
        ours = make_item("ours", properties={"title": "Open water"}) | {"collection": COLLECTION}
        client.put(f"{items}/ours", json=ours).raise_for_status()
        assert ids(store, text=Phrase("sea ice")) == []
        assert ids(store, text=Phrase("open water")) == ["ours"]
        client.delete(f"{items}/theirs").raise_for_status()
        assert ids(store) == ["ours"]
        client.post("/collections", json=make_collection("new", title="Gletscher")).raise_for_status()
    assert [id_ for id_, _ in asyncio.run(store.collection_titles())] == ["new", COLLECTION]


def test_items_of_the_bulk_loader_of_pgstac_are_found_by_words_and_replaced(store, url):
    add(store, make_item("ours", properties={"title": "Sea ice"}), collection=WITH_ASSETS)
    theirs = [
        make_item(id_, properties={"title": "Drifting buoys"}) | {"collection": COLLECTION}
        for id_ in ("ours", "b")
    ]
    with PgstacDB(url) as database:
        Loader(database).load_items(iter(theirs), insert_mode=Methods.upsert)
    assert ids(store, text=Phrase("buoys")) == ["b", "ours"]
    assert ids(store, text=Phrase("sea ice")) == []
    item = orjson.loads(asyncio.run(store.item(COLLECTION, "b")))
    assert item["assets"]["data"]["href"] == "geoscope://base/data/demo/b.zarr"
    add(store, make_item("b", properties={"title": "Sea ice"}), collection=WITH_ASSETS)
    assert ids(store, text=Phrase("sea ice")) == ["b"]


def test_hidden_collections_are_there_only_for_their_readers(store):
    add(store, make_item("a"))
    sharing = Sharing("user:anna", frozenset({"user:anna", "entity:met"}))
    asyncio.run(store.change(lambda transaction: transaction.put_sharing(COLLECTION, sharing)))
    for reader, expected in (
        (ANYBODY, []),
        (Reader(frozenset({"user:bert"})), []),
        (Reader(frozenset({"entity:met", "user:bert"})), ["a"]),
        (Reader(sees_all=True), ["a"]),
    ):
        assert ids(store, reader=reader) == expected
        assert (asyncio.run(store.collection(COLLECTION, reader)) is not None) == bool(expected)
        assert (asyncio.run(store.item(COLLECTION, "a", reader)) is not None) == bool(expected)
        assert bool(asyncio.run(store.collection_titles(reader))) == bool(expected)
    add(store, make_item("b"))
    assert asyncio.run(store.sharing(COLLECTION)) == sharing


def test_change_that_fails_leaves_nothing_behind_in_pgstac(store):
    add(store, make_item("kept"))

    def fail(transaction):
        transaction.put_item(item_record(make_item("lost"), COLLECTION))
        assert transaction.item(COLLECTION, "lost") is not None
        transaction.delete_item(COLLECTION, "kept")
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(store.change(fail))
    assert ids(store) == ["kept"]
    assert count(store) == 1


def test_writers_wait_for_each_other_and_lose_nothing(url):
    stores = [PgstacStore(url) for _ in range(3)]
    add(stores[0], make_item("a", properties={"n": 0}))

    def increase(transaction):
        item = orjson.loads(transaction.item(COLLECTION, "a"))
        item["properties"]["n"] += 1
        transaction.put_item(item_record(item, COLLECTION))

    async def work(store):
        for _ in range(10):
            await store.change(increase)

    threads = [threading.Thread(target=asyncio.run, args=(work(store),)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert orjson.loads(asyncio.run(stores[0].item(COLLECTION, "a")))["properties"]["n"] == 30
    assert count(stores[0]) == 1
    for store in stores:
        store.close()


def test_change_does_not_wait_for_others_for_ever(store, url, monkeypatch):
    monkeypatch.setattr(pgstac_module, "BUSY_TIMEOUT_S", 0.1)
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [pgstac_module._WRITING_LOCK])
        with pytest.raises(UnavailableError, match="others write"):
            add(store, make_item("a"))
    add(store, make_item("a"))
    assert ids(store) == ["a"]


def test_search_of_pgstac_that_takes_too_long_is_ended(url, monkeypatch):
    add(filled := PgstacStore(url), *(make_item(f"i{n}") for n in range(50)))
    filled.close()
    monkeypatch.setattr(pgstac_module, "SEARCH_DEADLINE_S", 0.05)
    store = PgstacStore(url)
    with psycopg.connect(url) as other:
        # Nothing is slower than what waits for a lock.
        other.execute("LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UnavailableError, match="took longer"):
            ids(store)
    monkeypatch.setattr(pgstac_module, "SEARCH_DEADLINE_S", 0.0)
    with pytest.raises(UnavailableError, match="took longer"):
        ids(store)
    monkeypatch.undo()
    assert len(ids(store)) == 50
    store.close()


def test_large_pages_end_early_rather_than_grow_without_limit(store, monkeypatch):
    monkeypatch.setattr(pgstac_search, "MAX_PAGE_BYTES", 3000)
    monkeypatch.setattr(pgstac_search, "FETCHED_AT_ONCE", 2)
    add(store, *(make_item(f"i{n}", properties={"x": "y" * 1000}) for n in range(7)))
    found, after = [], None
    while True:
        page = asyncio.run(store.find_items(ItemSearch(100, after=after)))
        found.append([item.id for item in page.items])
        after = page.end
        if after is None:
            break
    assert [id_ for page in found for id_ in page] == [f"i{n}" for n in range(7)]
    assert len(found) > 1
    assert max(map(len, found)) <= 3


def test_database_that_stops_and_starts_again_is_told_and_then_used_again():
    with running_server() as server:
        store = PgstacStore(server.new_database(add_template(server)))
        add(store, make_item("a"))
        server.stop()
        for _ in range(3):
            started_s = time.monotonic()
            with pytest.raises(UnavailableError, match="does not answer"):
                ids(store)
            with pytest.raises(UnavailableError, match="does not answer"):
                add(store, make_item("b"))
            assert time.monotonic() - started_s < 5
        server.start()
        assert ids(store) == ["a"]
        add(store, make_item("b"))
        assert ids(store) == ["a", "b"]
        store.close()


def test_store_opens_while_its_database_is_away():
    with running_server() as server:
        url = server.new_database(add_template(server))
        server.stop()
        store = PgstacStore(url)
        with pytest.raises(UnavailableError, match="does not answer"):
            ids(store)
        server.start()
        assert ids(store) == []
        store.close()


def test_password_is_said_nowhere(caplog):
    port = free_ports(("nobody",))["nobody"]
    store = PgstacStore(f"postgresql://anna:S3cret@127.0.0.1:{port}/x")
    with pytest.raises(UnavailableError) as away:
        ids(store)
    store.close()
    with pytest.raises(SetupError) as malformed:
        PgstacStore("postgresql://anna:S3cret@[::1/x?nothing")
    for text in (caplog.text, str(away.value), str(malformed.value), repr(malformed.value.__cause__)):
        assert "S3cret" not in text
