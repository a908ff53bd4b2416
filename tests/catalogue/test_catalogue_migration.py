"""Making databases ready, and copying catalogues, by the command line."""

import asyncio
import os
import subprocess
import sys

import orjson
import psycopg
import pytest
from catalogue_documents import make_collection, make_item

from geoscope.catalogue.models import ItemSearch, Reader, Sharing
from geoscope.catalogue.records import collection_record, item_record
from geoscope.catalogue.store import open_store_at
from geoscope.catalogue.store.pgstac import PgstacStore
from geoscope.catalogue.store.pgstac_migration import migrate
from geoscope.catalogue.store.pgstac_versions import SCHEMA_VERSION
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.words import Phrase
from geoscope.errors import SetupError

EVERYBODY = Reader(sees_all=True)


@pytest.fixture
def empty_database(postgresql):
    return postgresql[0].new_database()


def geoscope(*arguments, **environment):
    command = [sys.executable, "-m", "geoscope", "catalogue", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, env=os.environ | environment, check=False
    )


def test_database_is_migrated_once_and_again(empty_database, tmp_path):
    with pytest.raises(SetupError, match="geoscope catalogue migrate"):
        PgstacStore(empty_database)
    variable = {"GEOSCOPE_CATALOGUE__DATABASE_URL": empty_database, "GEOSCOPE_DATA_DIR": str(tmp_path)}
    for _ in range(2):
        done = geoscope("migrate", **variable)
        assert done.returncode == 0, done.stderr
        assert "ready" in done.stdout
    PgstacStore(empty_database).close()


def test_no_database_to_migrate_is_told(tmp_path):
    done = geoscope("migrate", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "catalogue.database_url" in done.stderr


def test_newer_database_is_refused_and_left_alone(new_database):
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO geoscope.migrations (version) VALUES (%s)", [SCHEMA_VERSION + 1])
    for use in (PgstacStore, migrate):
        with pytest.raises(SetupError, match="newer version"):
            use(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM geoscope.migrations WHERE version > %s", [SCHEMA_VERSION])
        connection.execute("INSERT INTO pgstac.migrations (version) VALUES ('0.11.0')")
    with pytest.raises(SetupError, match=r"pgstac 0\.11\.0"):
        migrate(url)


def test_user_who_may_not_migrate_is_told(postgresql):
    server, _ = postgresql
    url = server.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS visitor")
        connection.execute("CREATE ROLE visitor LOGIN")
    visitor = url.replace("geoscope@", "visitor@")
    with pytest.raises(SetupError, match="permission denied"):
        migrate(visitor)


def test_role_that_may_only_ingest_is_enough_to_run(postgresql):
    server, template = postgresql
    url = server.new_database(template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS runner")
        connection.execute("CREATE ROLE runner LOGIN IN ROLE pgstac_ingest")
    store = PgstacStore(url.replace("geoscope@", "runner@"))
    asyncio.run(store.change(fill))
    page = asyncio.run(store.find_items(ItemSearch(10, text=Phrase("sea ice"))))
    assert [item.id for item in page.items] == ["a"]
    asyncio.run(store.change(lambda transaction: transaction.delete_item("one", "a")))
    asyncio.run(store.change(lambda transaction: transaction.delete_collection("one")))
    assert [id_ for id_, _ in asyncio.run(store.collection_titles(EVERYBODY))] == ["two"]
    store.close()


def test_catalogue_of_another_client_is_completed(empty_database):
    """Collections and items that were there before this platform's own schema."""
    migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA geoscope CASCADE")
        document = orjson.dumps(make_collection()).decode()
        connection.execute("SELECT pgstac.create_collection(%s)", [document])
        for n in range(3):
            item = make_item(f"i{n}", properties={"title": f"Drift {n}"}) | {
                "collection": "sea-surface-temperature"
            }
            connection.execute("SELECT pgstac.create_item(%s)", [orjson.dumps(item).decode()])
    migrate(empty_database)
    store = PgstacStore(empty_database)
    page = asyncio.run(store.find_items(ItemSearch(1)))
    assert page.matched == 3
    page = asyncio.run(store.find_items(ItemSearch(10, text=Phrase("drift 1"))))
    assert [item.id for item in page.items] == ["i1"]
    store.close()


def fill(transaction):
    for id_ in ("one", "two"):
        transaction.put_collection(collection_record(make_collection(id_)))
    items = [
        make_item("a", properties={"title": "Sea ice", "whole": 10.0, "deep": {"null": None}}),
        make_item("b", bbox=None),
        make_item("c", when="2026-03-01T00:00:00Z/2026-04-01T00:00:00Z"),
        make_item(
            "d", bbox=[170.0, -10.0, -170.0, 10.0], geometry={"type": "Point", "coordinates": [175, 0]}
        ),
        *(make_item(f"i{n}") for n in range(1200)),
    ]
    transaction.put_items([item_record(item, "one") for item in items])
    transaction.put_sharing("two", Sharing("user:anna", frozenset({"user:anna"})))


def contents(location):
    store = open_store_at(location)
    items, after = {}, None
    while True:
        page = asyncio.run(store.find_items(ItemSearch(1000, reader=EVERYBODY, after=after)))
        items |= {(item.collection, item.id): orjson.loads(item.document) for item in page.items}
        after = page.end
        if after is None:
            break
    titles = asyncio.run(store.collection_titles(EVERYBODY))
    collections = {
        id_: (orjson.loads(asyncio.run(store.collection(id_, EVERYBODY))), asyncio.run(store.sharing(id_)))
        for id_, _ in titles
    }
    store.close()
    return collections, items


def test_catalogue_is_copied_to_the_other_kind_and_back(new_database, tmp_path):
    url = new_database()
    origin, back = tmp_path / "origin.sqlite", tmp_path / "data"
    store = SqliteStore(origin)
    asyncio.run(store.change(fill))
    store.close()
    for source, target in ((origin, url), (url, back)):
        done = geoscope("copy", "--from", source, "--to", target)
        assert done.returncode == 0, done.stderr
        assert "the same in both" in done.stdout
    expected = contents(str(origin))
    assert len(expected[1]) == 1204
    assert contents(url) == expected
    assert contents(str(back)) == expected


def test_copy_that_was_stopped_goes_on_and_differences_are_told(new_database, tmp_path):
    """The copy is killed after its first batch, so the second run must bring the rest."""
    url, origin = new_database(), tmp_path / "origin.sqlite"
    store = SqliteStore(origin)
    asyncio.run(store.change(fill))
    store.close()
    command = [sys.executable, "-m", "geoscope", "catalogue", "copy", "--from", str(origin), "--to", url]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT count(*) FROM geoscope.checkpoints").fetchone() == (0,):
            assert process.poll() is None
        process.kill()
        process.wait()
    done = geoscope("copy", "--from", origin, "--to", url)
    assert done.returncode == 0, done.stderr
    assert contents(url) == contents(str(origin))


def test_item_that_cannot_be_copied_is_named(new_database, tmp_path):
    url, origin = new_database(), tmp_path / "origin.sqlite"
    store = SqliteStore(origin)

    def fill_badly(transaction):
        transaction.put_collection(collection_record(make_collection("one")))
        transaction.put_item(item_record(make_item("bad", properties={"x": "a\0b"}), "one"))
        transaction.put_item(item_record(make_item("good"), "one"))

    asyncio.run(store.change(fill_badly))
    store.close()
    done = geoscope("copy", "--from", origin, "--to", url)
    assert done.returncode == 1
    assert "one/bad" in done.stderr
    assert [id_ for _, id_ in contents(url)[1]] == ["good"]
