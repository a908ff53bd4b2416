"""Changes of the embedded store, inside one SQLite transaction."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from geoscope.catalogue.models import CollectionRecord, ItemRecord, Sharing
from geoscope.catalogue.store.sqlite_conditions import MICROSECONDS_OF_DAY
from geoscope.catalogue.store.sqlite_directory import IndexedProperty, count_up, read_properties
from geoscope.catalogue.store.sqlite_documents import (
    SAMPLE_ITEMS,
    DocumentReader,
    DocumentWriters,
    is_time_to_train,
    train_dictionary,
)
from geoscope.catalogue.store.sqlite_properties import ValueReader, add_properties, inexact_keys, mark_inexact
from geoscope.catalogue.store.sqlite_values import Stored
from geoscope.errors import NotFoundError

# Beyond every longitude and latitude: an item without geometry is found by time, and never by place.
_NOWHERE = 1000.0

_OF_COLLECTION = "(SELECT key FROM items WHERE collection_key = ?)"
_TABLES = (("item_documents", "key"), ("item_space", "key"), ("item_text", "rowid"))


class SqliteTransaction:
    """A `Transaction` on a connection where one has begun.

    Parameters
    ----------
    connection : sqlite3.Connection
        The one that writes.
    writers : DocumentWriters
        Of this connection.
    """

    def __init__(self, connection: sqlite3.Connection, writers: DocumentWriters) -> None:
        self._connection = connection
        self._writers = writers
        self._documents = DocumentReader(connection)

    def collection(self, id_: str) -> bytes | None:
        """Return a collection's document."""
        row = self._connection.execute("SELECT document FROM collections WHERE id = ?", (id_,)).fetchone()
        return None if row is None else bytes(row[0])

    def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document."""
        row = self._connection.execute(
            "SELECT dictionary, document FROM item_documents WHERE key ="
            " (SELECT key FROM items WHERE id = ?"
            " AND collection_key = (SELECT key FROM collections WHERE id = ?))",
            (id_, collection),
        ).fetchone()
        return None if row is None else self._documents.read(*row)

    def sharing(self, collection: str) -> Sharing | None:
        """Return who owns a collection and who finds it, or None if there is no such collection."""
        return find_sharing(self._connection, collection)

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay."""
        [(key,)] = self._connection.execute(
            """
            INSERT INTO collections (id, title, west, south, east, north, start_us, end_us, document,
                backends, owner, readers)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, west = excluded.west,
                south = excluded.south, east = excluded.east,
                north = excluded.north, start_us = excluded.start_us,
                end_us = excluded.end_us, document = excluded.document, backends = excluded.backends,
                owner = coalesce(excluded.owner, owner), readers = coalesce(excluded.readers, readers)
            RETURNING key
            """,
            (
                *(record.id, record.title, *record.box, *record.time, record.document),
                *(_names(record.backends), record.owner, _names(record.readers)),
            ),
        ).fetchall()
        self._connection.execute(
            "REPLACE INTO collection_text (rowid, text) VALUES (?, ?)", (key, record.text)
        )
        add_properties(self._connection, record.indexed)
        count_up(self._connection)

    def put_sharing(self, collection: str, sharing: Sharing) -> None:
        """Say who owns a collection that exists and who finds it; its document stays as it is."""
        self._connection.execute(
            "UPDATE collections SET owner = ?, readers = ? WHERE id = ?",
            (sharing.owner, _names(sharing.readers), collection),
        )
        count_up(self._connection)

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        self.put_items([record])

    def put_items(self, records: Sequence[ItemRecord]) -> None:
        """Add or replace many items of collections that exist; of those with the same id, the last stays."""
        by_collection: dict[str, dict[str, ItemRecord]] = {}
        for record in records:
            by_collection.setdefault(record.collection, {})[record.id] = record
        properties = read_properties(self._connection)
        for collection, by_id in by_collection.items():
            self._put_items(collection, by_id, properties)

    def _put_items(
        self, collection: str, by_id: dict[str, ItemRecord], properties: Sequence[IndexedProperty]
    ) -> None:
        collection_key, count, dictionary = self._row_of_collection(collection)
        known: dict[str, int] = dict(
            self._connection.execute(
                "SELECT id, key FROM items WHERE collection_key = ?"
                " AND id IN (SELECT value FROM json_each(?))",
                (collection_key, orjson.dumps(list(by_id)).decode()),
            )
        )
        added = [record for record in by_id.values() if record.id not in known]
        if is_time_to_train(count, count + len(added)):
            dictionary = self._train(collection_key, added) or dictionary
        self._insert("INSERT", collection_key, dictionary, self._with_new_keys(added), properties)
        if known:
            replaced = [(key, by_id[id_]) for id_, key in known.items()]
            self._insert("REPLACE", collection_key, dictionary, replaced, properties)
        longest_us = max(record.time.end_us - record.time.start_us for record in by_id.values())
        self._connection.execute(
            "UPDATE collections SET item_count = item_count + ?, longest_us = max(longest_us, ?)"
            " WHERE key = ?",
            (len(added), longest_us, collection_key),
        )

    def _row_of_collection(self, collection: str) -> tuple[int, int, int | None]:
        row = self._connection.execute(
            "SELECT key, item_count, dictionary FROM collections WHERE id = ?", (collection,)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"There is no collection {collection!r}.")
        key, count, dictionary = row
        return key, count, dictionary

    def _with_new_keys(self, records: Sequence[ItemRecord]) -> list[tuple[int, ItemRecord]]:
        (last,) = self._connection.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()
        return list(enumerate(records, last + 1))

    def _insert(
        self,
        verb: str,
        collection_key: int,
        dictionary: int | None,
        keyed: Sequence[tuple[int, ItemRecord]],
        properties: Sequence[IndexedProperty],
    ) -> None:
        """Write rows into each table, in order of keys and statement by statement, which is quickest."""
        reader = ValueReader(properties)
        values = [reader.read(_properties(record)) for _, record in keyed]
        mark_inexact(self._connection, inexact_keys(properties, values))
        write = self._writers.writer(self._connection, dictionary).write
        many = self._connection.executemany
        columns = "".join(f", {known.column}" for known in properties)
        many(
            f"{verb} INTO items (key, collection_key, id, start_us, end_us, west, south, east, north, shape"
            f"{columns}) VALUES (?{', ?' * (9 + len(properties))})",
            (
                _item_row(key, collection_key, record, held)
                for (key, record), held in zip(keyed, values, strict=True)
            ),
        )
        many(
            f"{verb} INTO item_documents VALUES (?, ?, ?)",
            ((key, *write(record.document)) for key, record in keyed),
        )
        many(
            f"{verb} INTO item_space VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((key, *_extent(record)) for key, record in keyed),
        )
        many(
            f"{verb} INTO item_text (rowid, text) VALUES (?, ?)",
            ((key, record.text) for key, record in keyed),
        )

    def _train(self, collection_key: int, added: Sequence[ItemRecord]) -> int | None:
        documents = [record.document for record in added]
        if len(documents) < SAMPLE_ITEMS:
            rows = self._connection.execute(
                "SELECT dictionary, document FROM item_documents WHERE key IN"
                " (SELECT key FROM items WHERE collection_key = ? ORDER BY random() LIMIT ?)",
                (collection_key, SAMPLE_ITEMS),
            )
            documents += [self._documents.read(*row) for row in rows]
        return train_dictionary(self._connection, collection_key, documents)

    def delete_collection(self, id_: str) -> None:
        """Remove a collection and all its items."""
        for (key,) in self._connection.execute("SELECT key FROM collections WHERE id = ?", (id_,)).fetchall():
            for table, column in _TABLES:
                self._connection.execute(f"DELETE FROM {table} WHERE {column} IN {_OF_COLLECTION}", (key,))
            for statement in (
                "DELETE FROM items WHERE collection_key = ?",
                "DELETE FROM dictionaries WHERE collection_key = ?",
                "DELETE FROM collection_text WHERE rowid = ?",
                "DELETE FROM collections WHERE key = ?",
            ):
                self._connection.execute(statement, (key,))
        count_up(self._connection)

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item."""
        for key, collection_key in self._connection.execute(
            "DELETE FROM items WHERE id = ? AND collection_key = (SELECT key FROM collections WHERE id = ?)"
            " RETURNING key, collection_key",
            (id_, collection),
        ).fetchall():
            for table, column in _TABLES:
                self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))
            self._connection.execute(
                "UPDATE collections SET item_count = item_count - 1 WHERE key = ?", (collection_key,)
            )

    def checkpoint(self, name: str) -> bytes | None:
        """Return how far some long work has come."""
        row = self._connection.execute("SELECT state FROM checkpoints WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def put_checkpoint(self, name: str, state: bytes | None) -> None:
        """Keep how far some long work has come; None forgets it."""
        if state is None:
            self._connection.execute("DELETE FROM checkpoints WHERE name = ?", (name,))
        else:
            self._connection.execute("REPLACE INTO checkpoints VALUES (?, ?)", (name, state))


def find_sharing(connection: sqlite3.Connection, collection: str) -> Sharing | None:
    """Return who owns a collection and who finds it, or None if there is no such collection."""
    row = connection.execute("SELECT owner, readers FROM collections WHERE id = ?", (collection,)).fetchone()
    if row is None:
        return None
    owner, readers = row
    return Sharing(owner, None if readers is None else frozenset(orjson.loads(readers)))


def _names(names: Sequence[str] | frozenset[str] | None) -> str | None:
    return None if names is None else orjson.dumps(sorted(names)).decode()


def _properties(record: ItemRecord) -> Mapping[str, Any]:
    if record.properties is not None:
        return record.properties
    properties: dict[str, Any] = orjson.loads(record.document).get("properties") or {}
    return properties


def _item_row(key: int, collection_key: int, record: ItemRecord, values: Sequence[Stored]) -> tuple[Any, ...]:
    box, shape = record.footprint or ((None,) * 4, None)
    return (key, collection_key, record.id, *record.time, *box, shape, *values)


def _extent(record: ItemRecord) -> tuple[float, ...]:
    if record.footprint is None:
        west = east = south = north = _NOWHERE
    else:
        box = record.footprint.box
        west, east = (-180.0, 180.0) if box.crosses_antimeridian else (box.west, box.east)
        south, north = box.south, box.north
    start_us, end_us = record.time
    return west, east, south, north, start_us / MICROSECONDS_OF_DAY, end_us / MICROSECONDS_OF_DAY
