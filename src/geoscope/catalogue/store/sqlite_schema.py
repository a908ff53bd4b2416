"""The tables of the embedded store: made, or brought up to date from those of an older version."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from geoscope.catalogue.store.sqlite_properties import add_properties
from geoscope.errors import SetupError

SCHEMA_VERSION = 3

_WRITER_CACHE_KIB = 64 * 1024
_PAGES_BETWEEN_CHECKPOINTS = 8000

# Version 1 kept a collection's id with each item, and documents as they are.
_FROM_1 = """
DROP TRIGGER item_added;
DROP TRIGGER item_removed;
DROP INDEX items_by_id;
DROP INDEX items_in_order;
DROP INDEX items_of_collection;
ALTER TABLE collections RENAME TO old_collections;
ALTER TABLE items RENAME TO old_items;
ALTER TABLE item_documents RENAME TO old_documents;
"""
_INTO_2 = """
INSERT INTO collections
    (key, id, title, west, south, east, north, start_us, end_us, item_count, longest_us, document)
SELECT key, id, title, west, south, east, north, start_us, end_us, item_count,
    (SELECT coalesce(max(item.end_us - item.start_us), 0) FROM old_items AS item
        WHERE item.collection = old.id),
    document
FROM old_collections AS old;
INSERT INTO items (key, collection_key, id, start_us, end_us, west, south, east, north, shape)
SELECT item.key, collection.key, item.id, item.start_us, item.end_us,
    item.west, item.south, item.east, item.north, item.shape
FROM old_items AS item JOIN old_collections AS collection ON collection.id = item.collection;
INSERT INTO item_documents (key, dictionary, document) SELECT key, NULL, document FROM old_documents;
DROP TABLE old_documents;
DROP TABLE old_items;
DROP TABLE old_collections;
"""
# Version 2 did not say whom data is for.
_INTO_3 = """
ALTER TABLE collections ADD COLUMN policy TEXT;
CREATE INDEX limited_collections ON collections (key) WHERE policy IS NOT NULL;
"""


def prepare(connection: sqlite3.Connection, path: Path, indexed: Sequence[str]) -> None:
    """Make the tables if they are not there, bring them up to date, and index properties.

    Raises
    ------
    SetupError
        If the file belongs to a newer version of the platform.
    """
    _check_version(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    # A change that was answered survives the loss of power.
    connection.execute("PRAGMA synchronous = FULL")
    # A large load writes pages of all indexes again and again: in memory, and less often into the file.
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _check_version(connection, path)
        if version < SCHEMA_VERSION:
            _make_tables(connection, version)
        add_properties(connection, indexed)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise SetupError(
            f"The catalogue {path} has schema {version}; this platform knows {SCHEMA_VERSION}.",
            "A newer version wrote it: use that version, or another data folder.",
        )
    return version


def _make_tables(connection: sqlite3.Connection, version: int) -> None:
    if version == 2:
        _run(connection, _INTO_3)
    else:
        if version == 1:
            _run(connection, _FROM_1)
        _run(connection, files(__package__).joinpath("schema.sql").read_text())
        if version == 1:
            _run(connection, _INTO_2)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Run statements inside a transaction, which `executescript` would end."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
