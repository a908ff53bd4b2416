"""What an operator wants to know of the embedded store: how large it is, and whether it is whole."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import zstandard

from geoscope.catalogue.store.sqlite_directory import IndexedProperty, read_properties
from geoscope.catalogue.store.sqlite_documents import DocumentReader, NoDictionaryError
from geoscope.errors import SetupError

# Each table that must hold a row for every item, and no other row.
_TABLES_OF_ITEMS = {
    "document": ("item_documents", "key"),
    "row for place and time": ("item_space", "key"),
    "row for words": ("item_text", "rowid"),
}
_MAX_TOLD = 20

_DOCUMENTS = """
SELECT collection.id, item.id, kept.dictionary, kept.document
FROM item_documents AS kept CROSS JOIN items AS item USING (key)
    CROSS JOIN collections AS collection ON collection.key = item.collection_key
"""


def describe(path: Path) -> list[tuple[str, str]]:
    """Return names and values of what there is to tell.

    Raises
    ------
    SetupError
        If the file cannot be read.
    """
    with closing(_open(path)) as connection:
        one = connection.execute
        (version,) = one("PRAGMA user_version").fetchone()
        (dictionaries,) = one("SELECT count(*) FROM dictionaries").fetchone()
        (compressed,) = one("SELECT count(*) FROM item_documents WHERE dictionary IS NOT NULL").fetchone()
        (unfinished,) = one("SELECT count(*) FROM checkpoints").fetchone()
        indexed = sorted(read_properties(connection), key=lambda known: known.name)
    files = [path, path.with_name(f"{path.name}-wal")]
    size = sum(file.stat().st_size for file in files if file.exists())
    return [
        ("File", str(path)),
        ("Size", f"{size / 1024**2:,.1f} MiB"),
        ("Schema", str(version)),
        ("Compressed documents", f"{compressed:,}, with {dictionaries:,} dictionaries"),
        ("Indexed properties", ", ".join(map(_index_state, indexed)) or "none"),
        ("Unfinished loads and copies", str(unfinished)),
    ]


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with the file and between its tables; documents are not read.

    Raises
    ------
    SetupError
        If the file cannot be read.
    """
    with closing(_open(path)) as connection:
        try:
            yield from _file_problems(connection)
            yield from _table_problems(connection)
        except sqlite3.DatabaseError as error:
            yield f"The file is damaged: {error}."


def documents(path: Path) -> Iterator[tuple[str | None, str, bytes]]:
    """Yield collection, id and document of all that is kept; a document that cannot be unpacked is empty.

    Raises
    ------
    SetupError
        If the file cannot be read to its end.
    """
    with closing(_open(path)) as connection:
        reader = DocumentReader(connection)
        try:
            for id_, document in connection.execute("SELECT id, document FROM collections"):
                yield None, id_, document
            for collection, id_, dictionary, stored in connection.execute(_DOCUMENTS):
                try:
                    document = reader.read(dictionary, stored)
                except (zstandard.ZstdError, NoDictionaryError):
                    document = b""
                yield collection, id_, document
        except sqlite3.DatabaseError as error:
            raise SetupError(f"The catalogue {path} cannot be read to its end: {error}.") from error


def _file_problems(connection: sqlite3.Connection) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({_MAX_TOLD})"):
        if said != "ok":
            yield f"The file is damaged: {said}."
    for (said,) in connection.execute("SELECT rtreecheck('item_space')"):
        if said != "ok":
            yield f"The index of places is damaged: {said}."


def _table_problems(connection: sqlite3.Connection) -> Iterator[str]:
    for what, (table, key) in _TABLES_OF_ITEMS.items():
        for (id_,) in connection.execute(
            f"SELECT id FROM items WHERE key NOT IN (SELECT {key} FROM {table}) LIMIT {_MAX_TOLD}"
        ):
            yield f"The item {id_!r} has no {what}."
        (orphans,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE {key} NOT IN (SELECT key FROM items)"
        ).fetchone()
        if orphans:
            yield f"{orphans:,} rows of {table} belong to no item."
    for (id_,) in connection.execute(
        f"SELECT id FROM items WHERE collection_key NOT IN (SELECT key FROM collections) LIMIT {_MAX_TOLD}"
    ):
        yield f"The item {id_!r} belongs to no collection."
    for id_, said, counted in connection.execute(
        "SELECT id, item_count,"
        " (SELECT count(*) FROM items WHERE collection_key = collections.key) AS counted"
        " FROM collections WHERE item_count <> counted"
    ):
        yield f"The collection {id_!r} says that it has {said:,} items, and has {counted:,}."


def _index_state(known: IndexedProperty) -> str:
    return known.name if known.is_complete else f"{known.name} (being built)"


def _open(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        connection.execute("PRAGMA user_version")
    except sqlite3.Error as error:
        raise SetupError(f"The catalogue {path} cannot be opened: {error}.") from error
    return connection
