"""Changes of the embedded store, inside one SQLite transaction."""

import sqlite3
from collections.abc import Mapping, Sequence

import orjson

from geoscope.access import PUBLIC, Policy
from geoscope.catalogue.models import CollectionRecord, ItemRecord, Sharing
from geoscope.catalogue.store import PackedItem, SentItem
from geoscope.catalogue.store.sqlite_directory import count_up, read_properties, read_revision
from geoscope.catalogue.store.sqlite_documents import (
    SAMPLE_ITEMS,
    WITHOUT_DICTIONARY,
    DocumentReader,
    DocumentWriters,
    NoDictionaryError,
    is_time_to_train,
    train_dictionary,
)
from geoscope.catalogue.store.sqlite_packing import CollectionPacker, ItemRows
from geoscope.catalogue.store.sqlite_properties import add_properties, inexact_keys, mark_inexact
from geoscope.errors import ConflictError, NotFoundError

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
        """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
        return find_sharing(self._connection, collection)

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay."""
        [(key,)] = self._connection.execute(
            """
            INSERT INTO collections (id, title, west, south, east, north, start_us, end_us, document,
                backends, owner, readers, policy)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, nullif(?13, 'public'))
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, west = excluded.west,
                south = excluded.south, east = excluded.east,
                north = excluded.north, start_us = excluded.start_us,
                end_us = excluded.end_us, document = excluded.document, backends = excluded.backends,
                owner = coalesce(excluded.owner, owner), readers = coalesce(excluded.readers, readers),
                policy = CASE WHEN ?13 IS NULL THEN policy ELSE excluded.policy END
            RETURNING key
            """,
            (
                *(record.id, record.title, *record.box, *record.time, record.document),
                *(_names(record.backends), record.owner, _names(record.readers)),
                None if record.policy is None else str(record.policy),
            ),
        ).fetchall()
        self._connection.execute(
            "REPLACE INTO collection_text (rowid, text) VALUES (?, ?)", (key, record.text)
        )
        add_properties(self._connection, record.indexed)
        count_up(self._connection)

    def put_sharing(self, collection: str, sharing: Sharing) -> None:
        """Say who owns, finds and has the data of a collection that exists; its document stays as it is."""
        self._connection.execute(
            "UPDATE collections SET owner = ?, readers = ?, policy = nullif(?, 'public') WHERE id = ?",
            (sharing.owner, _names(sharing.readers), str(sharing.policy), collection),
        )
        count_up(self._connection)

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        self.put_items([record])

    def put_items(self, items: Sequence[SentItem]) -> None:
        """Add or replace many items of collections that exist; of those with the same id, the last stays."""
        by_collection: dict[str, dict[str, SentItem]] = {}
        for item in items:
            by_collection.setdefault(item.collection, {})[item.id] = item
        for collection, by_id in by_collection.items():
            self._put_items(collection, by_id)

    def _put_items(self, collection: str, by_id: dict[str, SentItem]) -> None:
        collection_key, count, dictionary = self._row_of_collection(collection)
        known: dict[str, int] = dict(
            self._connection.execute(
                "SELECT id, key FROM items WHERE collection_key = ?"
                " AND id IN (SELECT value FROM json_each(?))",
                (collection_key, orjson.dumps(list(by_id)).decode()),
            )
        )
        added = len(by_id) - len(known)
        if is_time_to_train(count, count + added):
            dictionary = self._train(collection_key, list(by_id.values())) or dictionary
        rows = self._rows(collection_key, by_id, dictionary)
        (last,) = self._connection.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()
        new = (each for each in rows.items() if each[0] not in known)
        self._insert("INSERT", collection_key, [(key, *each) for key, each in enumerate(new, last + 1)])
        if known:
            replaced = [(key, id_, rows[id_]) for id_, key in known.items()]
            self._insert("REPLACE", collection_key, replaced)
        self._connection.execute(
            "UPDATE collections SET item_count = item_count + ?, longest_us = max(longest_us, ?)"
            " WHERE key = ?",
            (added, max(each.length_us for each in rows.values()), collection_key),
        )

    def _row_of_collection(self, collection: str) -> tuple[int, int, int | None]:
        row = self._connection.execute(
            "SELECT key, item_count, dictionary FROM collections WHERE id = ?", (collection,)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"There is no collection {collection!r}.")
        key, count, dictionary = row
        return key, count, dictionary

    def _rows(
        self, collection_key: int, by_id: Mapping[str, SentItem], dictionary: int | None
    ) -> dict[str, ItemRows]:
        """Return the rows of items; those that were packed for another state of the store are made anew."""
        revision = read_revision(self._connection)
        writer = self._writers.writer(self._connection, dictionary)
        packer = CollectionPacker(revision, read_properties(self._connection), writer)
        usable = {None, WITHOUT_DICTIONARY} if dictionary is None else self._dictionaries(collection_key)

        def is_usable(rows: ItemRows) -> bool:
            return rows.revision == revision and rows.document[0] in usable

        return {
            id_: item.content
            if isinstance(item, PackedItem) and is_usable(item.content)
            else packer.rows(self._record(item))
            for id_, item in by_id.items()
        }

    def _dictionaries(self, collection_key: int) -> set[int | None]:
        rows = self._connection.execute(
            "SELECT key FROM dictionaries WHERE collection_key = ?", (collection_key,)
        )
        return {None, *(key for (key,) in rows)}

    def _record(self, item: SentItem) -> ItemRecord:
        if isinstance(item, ItemRecord):
            return item
        rows: ItemRows = item.content
        try:
            document = self._documents.read(*rows.document)
        except NoDictionaryError as error:
            raise ConflictError(
                f"The collection {item.collection!r} was replaced while items were made ready for it.",
                "Run the same again.",
            ) from error
        return rows.record(item.collection, item.id, document)

    def _insert(self, verb: str, collection_key: int, keyed: Sequence[tuple[int, str, ItemRows]]) -> None:
        """Write rows into each table, in order of keys and statement by statement, which is quickest."""
        properties = read_properties(self._connection)
        mark_inexact(self._connection, inexact_keys(properties, (rows.values for *_, rows in keyed)))
        many = self._connection.executemany
        columns = "".join(f", {known.column}" for known in properties)
        many(
            f"{verb} INTO items (key, collection_key, id, start_us, end_us, west, south, east, north, shape"
            f"{columns}) VALUES (?{', ?' * (9 + len(properties))})",
            ((key, collection_key, id_, *rows.place_and_time, *rows.values) for key, id_, rows in keyed),
        )
        many(
            f"{verb} INTO item_documents VALUES (?, ?, ?)", ((key, *rows.document) for key, _, rows in keyed)
        )
        many(
            f"{verb} INTO item_space VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((key, *rows.extent) for key, _, rows in keyed),
        )
        many(
            f"{verb} INTO item_text (rowid, text) VALUES (?, ?)", ((key, rows.text) for key, _, rows in keyed)
        )

    def _train(self, collection_key: int, items: Sequence[SentItem]) -> int | None:
        sample = items[:: max(1, len(items) // SAMPLE_ITEMS)]
        documents = [self._record(item).document for item in sample]
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
    """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
    row = connection.execute(
        "SELECT owner, readers, policy FROM collections WHERE id = ?", (collection,)
    ).fetchone()
    if row is None:
        return None
    owner, readers, policy = row
    return Sharing(
        owner,
        None if readers is None else frozenset(orjson.loads(readers)),
        PUBLIC if policy is None else Policy.parse(policy),
    )


def _names(names: Sequence[str] | frozenset[str] | None) -> str | None:
    return None if names is None else orjson.dumps(sorted(names)).decode()
