"""Indexed properties of the embedded store: adding one, and filling in the items that were there before."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from geoscope.catalogue.store.sqlite_directory import IndexedProperty, count_up, read_properties
from geoscope.catalogue.store.sqlite_documents import DocumentReader
from geoscope.catalogue.store.sqlite_values import OPAQUE, Stored, property_value, stored_value

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
        connection.execute(
            f"CREATE INDEX {added.index_name} ON items (collection_key, {added.column})"
            f" WHERE {added.column} IS NOT NULL"
        )
        count_up(connection)


def is_waiting(connection: sqlite3.Connection) -> bool:
    """Tell whether items have still to be filled in."""
    sql = "SELECT EXISTS (SELECT 1 FROM indexed_properties WHERE filled_to IS NOT NULL)"
    return bool(connection.execute(sql).fetchone()[0])


def fill_step(connection: sqlite3.Connection) -> bool:
    """Fill in some more items, inside a transaction; return whether there was something to do."""
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
        self._places = {known.name: n for n, known in enumerate(wanted)}
        self._paths = [name for name in self._places if "." in name]

    def read(self, properties: Mapping[str, Any]) -> list[Stored]:
        """Return a row of values."""
        row: list[Stored] = [None] * self._count
        places = self._places
        for name in properties.keys() & places.keys():
            row[places[name]] = stored_value(name, properties[name])
        for name in self._paths:
            row[places[name]] = stored_value(name, property_value(properties, name))
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
