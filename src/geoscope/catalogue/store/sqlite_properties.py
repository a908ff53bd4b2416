"""Indexed properties of the embedded store: adding one, and filling in the items that were there before."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from geoscope.catalogue.store.sqlite_directory import (
    PROPERTIES_WITHOUT_INDEX,
    IndexedProperty,
    count_up,
    read_properties,
)
from geoscope.catalogue.store.sqlite_documents import DocumentReader
from geoscope.catalogue.store.sqlite_values import OPAQUE, Stored, property_value, value_writer

# Each costs a column and an index; further properties are found too, document by document.
MAX_PROPERTIES = 200

ITEMS_OF_A_STEP = 500

# Members of an item beside its properties, that filters name too.
_NO_PROPERTIES = frozenset({"id", "collection", "geometry"})


def add_properties(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Give properties a column and an index, inside a transaction; what is in stock is filled in by steps."""
    known = {each.name for each in read_properties(connection)}
    (has_items,) = connection.execute("SELECT EXISTS (SELECT 1 FROM items)").fetchone()
    for name in dict.fromkeys(names):
        if name in known or name.split(".")[0] in _NO_PROPERTIES or len(known) >= MAX_PROPERTIES:
            continue
        known.add(name)
        [(key,)] = connection.execute(
            "INSERT INTO indexed_properties (name, filled_to) VALUES (?, ?) RETURNING key",
            (name, 0 if has_items else None),
        ).fetchall()
        added = IndexedProperty(key, name, is_complete=not has_items, is_exact=True)
        connection.execute(f"ALTER TABLE items ADD COLUMN {added.column} ANY")
        _make_index(connection, added)
        count_up(connection)


def drop_indexes(connection: sqlite3.Connection) -> None:
    """Drop the indexes that hold anything, inside a transaction; `fill_step` makes them again."""
    for known in read_properties(connection):
        is_used = (
            known.is_complete
            and connection.execute(
                f"SELECT 1 FROM items INDEXED BY {known.index_name} WHERE {known.column} IS NOT NULL LIMIT 1"
            ).fetchone()
        )
        if is_used:
            connection.execute(f"DROP INDEX {known.index_name}")
    count_up(connection)


def is_waiting(connection: sqlite3.Connection) -> bool:
    """Tell whether items have still to be filled in, or indexes to be made."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM indexed_properties"
        f" WHERE filled_to IS NOT NULL OR key IN ({PROPERTIES_WITHOUT_INDEX}))"
    )
    return bool(connection.execute(sql).fetchone()[0])


def fill_step(connection: sqlite3.Connection) -> bool:
    """Make an index or fill in some more items, inside a transaction; tell whether there was work to do."""
    missing = connection.execute(f"{PROPERTIES_WITHOUT_INDEX} LIMIT 1").fetchone()
    if missing is None:
        return _fill_in_some(connection)
    for known in read_properties(connection):
        if known.key == missing[0]:
            _make_index(connection, known)
    count_up(connection)
    return True


def _make_index(connection: sqlite3.Connection, known: IndexedProperty) -> None:
    connection.execute(
        f"CREATE INDEX {known.index_name} ON items (collection_key, {known.column})"
        f" WHERE {known.column} IS NOT NULL"
    )


def _fill_in_some(connection: sqlite3.Connection) -> bool:
    waiting = connection.execute(
        "SELECT filled_to, key FROM indexed_properties WHERE filled_to IS NOT NULL"
    ).fetchall()
    if not waiting:
        return False
    start = min(filled_to for filled_to, _ in waiting)
    keys = {key for filled_to, key in waiting if filled_to == start}
    properties = [known for known in read_properties(connection) if known.key in keys]
    rows = connection.execute(
        "SELECT key, dictionary, document FROM item_documents WHERE key > ? ORDER BY key LIMIT ?",
        (start, ITEMS_OF_A_STEP),
    ).fetchall()
    documents = DocumentReader(connection)
    reader = ValueReader(properties)
    inexact: set[int] = set()
    for key, dictionary, stored in rows:
        document = orjson.loads(documents.read(dictionary, stored))
        values = reader.read(document.get("properties") or {})
        inexact |= inexact_keys(properties, [values])
        columns = ", ".join(f"{known.column} = ?" for known in properties)
        connection.execute(f"UPDATE items SET {columns} WHERE key = ?", (*values, key))
    mark_inexact(connection, inexact)
    end = rows[-1][0] if len(rows) == ITEMS_OF_A_STEP else None
    connection.executemany(
        "UPDATE indexed_properties SET filled_to = ? WHERE key = ?", [(end, key) for key in keys]
    )
    if end is None:
        count_up(connection)
    return True


class ValueReader:
    """Reads what is kept of items' properties.

    Parameters
    ----------
    wanted : sequence of IndexedProperty
        In the order of the values of a row.
    """

    def __init__(self, wanted: Sequence[IndexedProperty]) -> None:
        self._count = len(wanted)
        self._places = {known.name: (n, value_writer(known.name)) for n, known in enumerate(wanted)}
        self._paths = [name for name in self._places if "." in name]

    def read(self, properties: Mapping[str, Any]) -> list[Stored]:
        """Return a row of values."""
        row: list[Stored] = [None] * self._count
        places = self._places
        for name, value in properties.items():
            if value is not None and name in places:
                place, write = places[name]
                row[place] = write(value)
        for name in self._paths:
            place, write = places[name]
            value = property_value(properties, name)
            row[place] = None if value is None else write(value)
        return row


def inexact_keys(properties: Sequence[IndexedProperty], rows: Iterable[Sequence[Stored]]) -> set[int]:
    """Return the keys of the properties of which a value could not be kept exactly."""
    return {
        known.key
        for row in rows
        if OPAQUE in row
        for known, value in zip(properties, row, strict=True)
        if value == OPAQUE and known.is_exact
    }


def mark_inexact(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Remember of properties that not all their values are kept exactly."""
    for key in keys:
        connection.execute("UPDATE indexed_properties SET is_exact = 0 WHERE key = ?", (key,))
        count_up(connection)
