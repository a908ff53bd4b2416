"""The embedded store: one SQLite file in WAL mode, that many processes read while one writes.

What is found soon for certain is read on the event loop: handing it to a thread costs more than the reading
(measured: 1.4 times the requests per second). All else, and each change, has a thread.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import anyio.to_thread

from geoscope.catalogue.areas import Box, meets
from geoscope.catalogue.models import CollectionPage, CollectionSearch, ItemPage, ItemSearch
from geoscope.catalogue.store import Transaction
from geoscope.catalogue.store.sqlite_search import (
    find_collection,
    find_collections,
    find_item,
    find_items,
    find_items_soon,
)
from geoscope.catalogue.store.sqlite_transaction import SqliteTransaction
from geoscope.errors import SetupError, UnavailableError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10.0
SEARCH_DEADLINE_S = 5.0

_INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK = 20_000


class SqliteStore:
    """A `CatalogueStore` in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made if they are not there.

    Raises
    ------
    SetupError
        If the file belongs to a newer version of the platform, or is no catalogue.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[_Reader] = []
        self._writing = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            _prepare(self._writer, path)
        except (OSError, sqlite3.Error) as error:
            raise SetupError(f"The catalogue {path} cannot be opened: {error}.") from error

    async def collection(self, id_: str) -> bytes | None:
        """Return a collection's document, or None if there is no such collection."""
        with self._read() as connection:
            return find_collection(connection, id_)

    async def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document, or None if there is no such item."""
        with self._read() as connection:
            return find_item(connection, collection, id_)

    async def collection_titles(self) -> list[tuple[str, str]]:
        """Return id and title of every collection, in order of id."""
        with self._read() as connection:
            return connection.execute("SELECT id, title FROM collections ORDER BY id").fetchall()

    async def find_collections(self, search: CollectionSearch) -> CollectionPage:
        """Return the page of collections that a search asks for."""
        with self._read() as connection:
            return find_collections(connection, search)

    async def find_items(self, search: ItemSearch) -> ItemPage:
        """Return the page of items that a search asks for."""
        with self._read(search) as connection:
            page = find_items_soon(connection, search)
        if page is None:
            page = await anyio.to_thread.run_sync(self._find_items, search)
        return page

    def _find_items(self, search: ItemSearch) -> ItemPage:
        with self._read(search) as connection:
            return find_items(connection, search)

    async def change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that is kept when it returns and undone when it raises."""
        return await anyio.to_thread.run_sync(self._change, work)

    def _change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    result = work(SqliteTransaction(self._writer))
                    self._writer.execute("COMMIT")
                finally:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                raise UnavailableError(
                    f"The catalogue cannot be written now: {error}.", "Nothing was changed; try again later."
                ) from error
            return result

    def close(self) -> None:
        """Close every connection."""
        while self._readers:
            self._readers.pop().connection.close()
        self._writer.close()

    @contextmanager
    def _read(self, search: ItemSearch | None = None) -> Iterator[sqlite3.Connection]:
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = _Reader(self._connect())
        try:
            with reader.snapshot(search) as connection:
                yield connection
        finally:
            self._readers.append(reader)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )


class _Reader:
    """A connection that only reads, for one task at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._search: ItemSearch | None = None
        self._deadline_s = 0.0
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA mmap_size = 1073741824")
        connection.create_function("meets_area", 5, self._meets_area)
        connection.create_function("meets_filter", 1, self._meets_filter)
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK)

    @contextmanager
    def snapshot(self, search: ItemSearch | None) -> Iterator[sqlite3.Connection]:
        """Read one state of the catalogue, for a limited time.

        `meets_area` and `meets_filter` in a query mean the area and the filter of this search.
        """
        self._search = search
        self._deadline_s = time.monotonic() + SEARCH_DEADLINE_S
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise UnavailableError(
                f"The search took longer than {SEARCH_DEADLINE_S:.0f} seconds.",
                "Narrow it by collection, place or time.",
            ) from error
        finally:
            self.connection.execute("ROLLBACK")

    def _meets_area(self, west: float, south: float, east: float, north: float, shape: bytes | None) -> bool:
        area = self._search.area if self._search else None
        return area is not None and meets(area, Box(west, south, east, north), shape)

    def _meets_filter(self, document: bytes) -> bool:
        if self._is_late():
            # So much is done for one document that SQLite itself looks at the clock too seldom.
            self.connection.interrupt()
            return False
        condition = self._search.filter if self._search else None
        return condition is not None and condition.matches(document)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline_s


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise SetupError(
            f"The catalogue {path} has schema {version}; this platform knows {SCHEMA_VERSION}.",
            "A newer version wrote it: use that version, or another data folder.",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version < SCHEMA_VERSION:
        connection.executescript(files(__package__).joinpath("schema.sql").read_text())
