"""The embedded store: one SQLite file in WAL mode, that many processes read while one writes.

What is found soon for certain is read on the event loop: handing it to a thread costs more than the reading
(measured: 1.4 times the requests per second). All else, and each change, has a thread.
"""

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Concatenate

import anyio.to_thread
import zstandard

from geoscope.access import Policy
from geoscope.catalogue.models import (
    ANYBODY,
    Aggregation,
    AggregationAnswer,
    CollectionPage,
    CollectionSearch,
    ItemPage,
    ItemSearch,
    Reader,
    Sharing,
    ValueSummaries,
)
from geoscope.catalogue.store import Transaction
from geoscope.catalogue.store.sqlite_collections import collection_titles, find_collection, find_collections
from geoscope.catalogue.store.sqlite_directory import Directory, read_directory, read_revision
from geoscope.catalogue.store.sqlite_documents import DocumentReader, DocumentWriters, NoDictionaryError
from geoscope.catalogue.store.sqlite_packing import SqlitePacker, make_packer
from geoscope.catalogue.store.sqlite_properties import drop_indexes, fill_step, is_waiting
from geoscope.catalogue.store.sqlite_reading import DeadlineError, Reading
from geoscope.catalogue.store.sqlite_schema import prepare
from geoscope.catalogue.store.sqlite_search import find_item, find_items, find_items_soon
from geoscope.catalogue.store.sqlite_summaries import aggregate, values
from geoscope.catalogue.store.sqlite_transaction import SqliteTransaction, find_sharing
from geoscope.errors import SetupError, UnavailableError
from geoscope.settings import CatalogueSettings

BUSY_TIMEOUT_S = 10.0
SEARCH_DEADLINE_S = 5.0

# A larger store keeps its indexes while many items are put in.
MAX_ITEMS_WITHOUT_INDEXES = 50_000

_INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK = 20_000
_MAPPED_BYTES = 16 * 1024**3

_FAULTS_OF_THE_MACHINE = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
    }
)

# Between steps of filling in, so that other writers have their turn.
_PAUSE_S = 0.02


class SqliteStore:
    """A `CatalogueStore` in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made if they are not there.
    indexed : sequence of str, optional
        Properties of items that are indexed in every collection; by default those of the settings.

    Raises
    ------
    SetupError
        If the file belongs to a newer version of the platform, or is no catalogue.
    """

    def __init__(self, path: Path, indexed: Sequence[str] | None = None) -> None:
        self._path = path
        self._directory: Directory | None = None
        self._readers: list[_ReadingConnection] = []
        self._writing = threading.Lock()
        self._document_writers = DocumentWriters()
        self._closing = threading.Event()
        self._filling: threading.Thread | None = None
        self._is_bulk_load = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            prepare(
                self._writer, path, CatalogueSettings().indexed_properties if indexed is None else indexed
            )
        except (OSError, sqlite3.Error) as error:
            raise SetupError(f"The catalogue {path} cannot be opened: {error}.") from error
        self._fill_in_background()

    async def collection(self, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return a collection's document, or None if there is no such collection."""
        with self._read() as reading:
            return find_collection(reading, id_, reader)

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return an item's document, or None if there is no such item."""
        with self._read() as reading:
            return find_item(reading, collection, id_, reader)

    async def sharing(self, collection: str) -> Sharing | None:
        """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
        with self._read() as reading:
            return find_sharing(reading.connection, collection)

    async def policies(self) -> Mapping[str, Policy]:
        """Return the policies of all collections whose data is not for everybody, as of the last reading."""
        directory = self._directory
        if directory is None:
            with self._read() as reading:
                directory = reading.directory
        return directory.policies

    async def collection_titles(self, reader: Reader = ANYBODY) -> list[tuple[str, str]]:
        """Return id and title of every collection, in order of id."""
        with self._read() as reading:
            return collection_titles(reading, reader)

    async def find_collections(self, search: CollectionSearch) -> CollectionPage:
        """Return the page of collections that a search asks for."""
        if search.filter is None:
            return self._ask(find_collections, search)
        return await anyio.to_thread.run_sync(self._ask, find_collections, search)

    async def find_items(self, search: ItemSearch) -> ItemPage:
        """Return the page of items that a search asks for."""
        page = self._ask(find_items_soon, search)
        if page is None:
            page = await anyio.to_thread.run_sync(self._ask, find_items, search)
        return page

    async def aggregate(
        self, search: ItemSearch, aggregations: Sequence[Aggregation]
    ) -> list[AggregationAnswer]:
        """Answer questions about all items that a search finds; its limit, order and page do not count."""
        return await anyio.to_thread.run_sync(self._ask, aggregate, search, aggregations)

    async def values(self, search: ItemSearch) -> ValueSummaries:
        """Tell which values the indexed properties have among the items that a search finds."""
        return await anyio.to_thread.run_sync(self._ask, values, search)

    def _ask[**Asked, Answer](
        self, question: "Question[Asked, Answer]", *asked: Asked.args, **more: Asked.kwargs
    ) -> Answer:
        with self._read() as reading:
            return question(reading, *asked, **more)

    async def packer(self, collections: Iterable[str]) -> SqlitePacker:
        """Return what packs items of some collections for the store as it is now."""
        with self._read() as reading:
            return make_packer(reading, collections)

    async def change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that is kept when it returns and undone when it raises."""
        return await anyio.to_thread.run_sync(self._change_and_fill, work)

    def _change_and_fill[Result](self, work: Callable[[Transaction], Result]) -> Result:
        def changing(connection: sqlite3.Connection) -> tuple[Result, int]:
            return work(SqliteTransaction(connection, self._document_writers)), read_revision(connection)

        result, revision = self._change(changing)
        if self._directory is not None and self._directory.revision != revision:
            self._directory = None
        self._fill_in_background()
        return result

    def _change[Result](self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    result = work(self._writer)
                    self._writer.execute("COMMIT")
                finally:
                    if self._writer.in_transaction:
                        self._document_writers.forget()
                        self._writer.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if not _will_pass(error):
                    raise
                raise UnavailableError(
                    f"The catalogue cannot be written now: {error}.", "Nothing was changed; try again later."
                ) from error
            return result

    @asynccontextmanager
    async def bulk_load(self) -> AsyncIterator[None]:
        """Put very many items in: what is indexed of them is sorted at the end, all at once.

        Only while the store is small: a large one would be without its indexes for too long. Where a load is
        ended before its time, they are made later, in the background.
        """
        self._is_bulk_load = await anyio.to_thread.run_sync(self._change, _drop_indexes_if_small)
        try:
            yield
            if self._is_bulk_load:
                await anyio.to_thread.run_sync(self._make_indexes)
        finally:
            self._is_bulk_load = False

    def _make_indexes(self) -> None:
        while self._change(fill_step):
            pass

    def _fill_in_background(self) -> None:
        """Fill in properties that were indexed later than items were put in, while others read and write."""
        if self._is_bulk_load or (self._filling is not None and self._filling.is_alive()):
            return
        with self._writing:
            if not is_waiting(self._writer):
                return
        self._filling = threading.Thread(target=self._fill, name="catalogue-indexing", daemon=True)
        self._filling.start()

    def _fill(self) -> None:
        is_done = False
        while not is_done and not self._closing.wait(_PAUSE_S):
            try:
                is_done = not self._change(fill_step)
            except UnavailableError:
                # Others write, or the disk is full: later is soon enough.
                self._closing.wait(1.0)

    def close(self) -> None:
        """Close every connection."""
        self._closing.set()
        if self._filling is not None:
            self._filling.join()
        while self._readers:
            self._readers.pop().connection.close()
        self._writer.close()

    @contextmanager
    def _read(self) -> Iterator[Reading]:
        reader = self._free_reader()
        try:
            with reader.snapshot(self._directory) as reading:
                self._directory = reading.directory
                yield reading
        finally:
            self._readers.append(reader)

    def _free_reader(self) -> "_ReadingConnection":
        try:
            return self._readers.pop()
        except IndexError:
            pass
        try:
            return _ReadingConnection(self._connect())
        except sqlite3.OperationalError as error:
            raise _unreadable(error) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )


type Question[**Asked, Answer] = Callable[Concatenate[Reading, Asked], Answer]


class _ReadingConnection:
    """A connection that only reads, for one task at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._documents = DocumentReader(connection)
        self._deadline_s = 0.0
        connection.execute("PRAGMA query_only = 1")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK)

    @contextmanager
    def snapshot(self, known: Directory | None) -> Iterator[Reading]:
        """Read one state of the catalogue, for a limited time; `known` is the directory of a state before."""
        self._deadline_s = time.monotonic() + SEARCH_DEADLINE_S
        try:
            self.connection.execute("BEGIN")
            directory = known
            if directory is None or directory.revision != read_revision(self.connection):
                directory = read_directory(self.connection)
            yield Reading(self.connection, directory, self._documents, self._deadline_s)
        except (DeadlineError, sqlite3.OperationalError) as error:
            is_late = isinstance(error, DeadlineError) or error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
            if not is_late and _will_pass(error):
                raise _unreadable(error) from error
            if not is_late:
                raise
            raise UnavailableError(
                f"The search took longer than {SEARCH_DEADLINE_S:.0f} seconds.",
                "Narrow it by collection, place or time.",
            ) from error
        except (sqlite3.DatabaseError, zstandard.ZstdError, NoDictionaryError) as error:
            raise SetupError(
                f"The catalogue's file is damaged: {error}.", "Restore it from a copy."
            ) from error
        finally:
            # After some errors SQLite has ended it by itself.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline_s


def _drop_indexes_if_small(connection: sqlite3.Connection) -> bool:
    (items,) = connection.execute("SELECT coalesce(sum(item_count), 0) FROM collections").fetchone()
    is_small = items <= MAX_ITEMS_WITHOUT_INDEXES
    if is_small:
        drop_indexes(connection)
    return bool(is_small)


def _will_pass(error: Exception) -> bool:
    """Tell whether it is the machine that fails: a full disk, a lock; not the statement."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _FAULTS_OF_THE_MACHINE


def _unreadable(error: Exception) -> UnavailableError:
    return UnavailableError(f"The catalogue cannot be read now: {error}.", "Try again later.")
