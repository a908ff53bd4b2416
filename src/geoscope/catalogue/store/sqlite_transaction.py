"""Changes of the embedded store, inside one SQLite transaction."""

import sqlite3

from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.store.sqlite_search import MICROSECONDS_OF_DAY, find_collection, find_item

# Beyond every longitude and latitude: an item without geometry is found by time, and never by place.
_NOWHERE = 1000.0


class SqliteTransaction:
    """A `Transaction` on a connection where one has begun."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def collection(self, id_: str) -> bytes | None:
        """Return a collection's document."""
        return find_collection(self._connection, id_)

    def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document."""
        return find_item(self._connection, collection, id_)

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay."""
        [(key,)] = self._connection.execute(
            """
            INSERT INTO collections (id, title, west, south, east, north, start_us, end_us, document)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, west = excluded.west,
                south = excluded.south, east = excluded.east,
                north = excluded.north, start_us = excluded.start_us,
                end_us = excluded.end_us, document = excluded.document
            RETURNING key
            """,
            (record.id, record.title, *record.box, *record.time, record.document),
        ).fetchall()
        self._connection.execute(
            "REPLACE INTO collection_text (rowid, text) VALUES (?, ?)", (key, record.text)
        )

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        box, shape = record.footprint or ((None,) * 4, None)
        [(key,)] = self._connection.execute(
            """
            INSERT INTO items (collection, id, start_us, end_us, west, south, east, north, shape)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id, collection) DO UPDATE SET start_us = excluded.start_us, end_us = excluded.end_us,
                west = excluded.west, south = excluded.south, east = excluded.east, north = excluded.north,
                shape = excluded.shape
            RETURNING key
            """,
            (record.collection, record.id, *record.time, *box, shape),
        ).fetchall()
        self._connection.execute("REPLACE INTO item_documents VALUES (?, ?)", (key, record.document))
        self._connection.execute(
            "REPLACE INTO item_space VALUES (?, ?, ?, ?, ?, ?, ?)", (key, *_extent(record))
        )
        self._connection.execute("REPLACE INTO item_text (rowid, text) VALUES (?, ?)", (key, record.text))

    def delete_collection(self, id_: str) -> None:
        """Remove a collection and all its items."""
        self._connection.execute(
            "DELETE FROM collection_text WHERE rowid IN (SELECT key FROM collections WHERE id = ?)", (id_,)
        )
        self._connection.execute("DELETE FROM collections WHERE id = ?", (id_,))
        for table, key in (("item_documents", "key"), ("item_space", "key"), ("item_text", "rowid")):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT key FROM items WHERE collection = ?)",  # noqa: S608 (constants)
                (id_,),
            )
        self._connection.execute("DELETE FROM items WHERE collection = ?", (id_,))

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item."""
        for row in self._connection.execute(
            "DELETE FROM items WHERE id = ? AND collection = ? RETURNING key", (id_, collection)
        ).fetchall():
            self._connection.execute("DELETE FROM item_documents WHERE key = ?", row)
            self._connection.execute("DELETE FROM item_space WHERE key = ?", row)
            self._connection.execute("DELETE FROM item_text WHERE rowid = ?", row)


def _extent(record: ItemRecord) -> tuple[float, ...]:
    if record.footprint is None:
        west = east = south = north = _NOWHERE
    else:
        box = record.footprint.box
        west, east = (-180.0, 180.0) if box.crosses_antimeridian else (box.west, box.east)
        south, north = box.south, box.north
    start_us, end_us = record.time
    return west, east, south, north, start_us / MICROSECONDS_OF_DAY, end_us / MICROSECONDS_OF_DAY
