"""The scale store: PostgreSQL with pgstac, that many processes of many machines read and write.

Queries run in threads, each with a connection of its own: a connection that waits holds up nobody else, and
one that breaks is made anew. What is written goes into pgstac's own tables, for any client of pgstac to read.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial

import psycopg

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
from geoscope.catalogue.store.pgstac_connections import ThreadConnections, connect, describe
from geoscope.catalogue.store.pgstac_search import (
    Deadline,
    collection_titles,
    find_collection,
    find_collections,
    find_item,
    find_items,
)
from geoscope.catalogue.store.pgstac_summaries import aggregate, values
from geoscope.catalogue.store.pgstac_transaction import PgstacTransaction, find_policies, find_sharing
from geoscope.catalogue.store.pgstac_versions import check_versions
from geoscope.errors import InvalidInputError, UnavailableError

SEARCH_DEADLINE_S = 5.0
BUSY_TIMEOUT_S = 10.0

_READING_CONNECTIONS = 8
_WRITING_CONNECTIONS = 2

# They are announced with each page of a search, which must not cost a question of its own.
_POLICIES_KEPT_S = 5.0

# An arbitrary number: writers of all processes wait for each other at this lock.
_WRITING_LOCK = 0x67656F73636F7066

logger = logging.getLogger(__name__)


class PgstacStore:
    """A `CatalogueStore` in a PostgreSQL database that `geoscope catalogue migrate` has made ready.

    Parameters
    ----------
    url : str
        `postgresql://...`; a password may stand in a file instead (`PGPASSFILE`, or `?passfile=PATH`).

    Raises
    ------
    SetupError
        If the database is not migrated, or the address is malformed. A database that does not answer is no
        reason: each request says so until it does.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            self._connect(timeout_s=SEARCH_DEADLINE_S).close()
        except psycopg.OperationalError as error:
            logger.warning("The catalogue's database does not answer yet: %s.", describe(error))
        self._policies: tuple[float, Mapping[str, Policy]] = (float("-inf"), {})
        self._readers = ThreadPoolExecutor(_READING_CONNECTIONS, "catalogue-reader")
        self._writers = ThreadPoolExecutor(_WRITING_CONNECTIONS, "catalogue-writer")
        self._reading = ThreadConnections(
            lambda: self._connect(timeout_s=SEARCH_DEADLINE_S), is_repeatable=True
        )
        self._writing = ThreadConnections(self._connect_to_write, is_repeatable=False)

    async def collection(self, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return a collection's document, or None if there is no such collection."""
        return await self._read(lambda connection, _: find_collection(connection, id_, reader))

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return an item's document, or None if there is no such item."""
        return await self._read(lambda connection, _: find_item(connection, collection, id_, reader))

    async def sharing(self, collection: str) -> Sharing | None:
        """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
        return await self._read(lambda connection, _: find_sharing(connection, collection))

    async def policies(self) -> Mapping[str, Policy]:
        """Return the policies of all collections whose data is not for everybody; kept for some seconds."""
        read_s, policies = self._policies
        if time.monotonic() - read_s > _POLICIES_KEPT_S:
            policies = await self._read(lambda connection, _: find_policies(connection))
            self._policies = time.monotonic(), policies
        return policies

    async def collection_titles(self, reader: Reader = ANYBODY) -> list[tuple[str, str]]:
        """Return id and title of every collection, in order of id."""
        return await self._read(lambda connection, _: collection_titles(connection, reader))

    async def find_collections(self, search: CollectionSearch) -> CollectionPage:
        """Return the page of collections that a search asks for."""
        return await self._read(lambda connection, deadline: find_collections(connection, search, deadline))

    async def find_items(self, search: ItemSearch) -> ItemPage:
        """Return the page of items that a search asks for."""
        return await self._read(lambda connection, deadline: find_items(connection, search, deadline))

    async def aggregate(
        self, search: ItemSearch, aggregations: Sequence[Aggregation]
    ) -> list[AggregationAnswer]:
        """Answer questions about all items that a search finds; its limit, order and page do not count."""
        return await self._read(
            lambda connection, deadline: aggregate(connection, search, aggregations, deadline)
        )

    async def values(self, search: ItemSearch) -> ValueSummaries:
        """Tell which values the properties have among the items that a search finds."""
        return await self._read(lambda connection, deadline: values(connection, search, deadline))

    async def change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that is kept when it returns and undone when it raises."""
        changing = partial(self._writing.run, partial(_change, work))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writers, changing)
        finally:
            self._policies = float("-inf"), {}

    async def packer(self, collections: Iterable[str]) -> None:
        """Return None: PostgreSQL makes of items what it keeps."""

    def bulk_load(self) -> AbstractAsyncContextManager[None]:
        """Be told that very many items are put in, which changes nothing here."""
        return nullcontext()

    def close(self) -> None:
        """Close every connection."""
        for executor, connections in ((self._readers, self._reading), (self._writers, self._writing)):
            executor.shutdown(cancel_futures=True)
            connections.close()

    async def _read[Result](self, work: Callable[[psycopg.Connection, Deadline], Result]) -> Result:
        deadline = Deadline(SEARCH_DEADLINE_S)
        reading = partial(self._reading.run, lambda connection: work(connection, deadline))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, reading)
        except psycopg.errors.QueryCanceled as error:
            raise deadline.error() from error
        except psycopg.DataError as error:
            raise InvalidInputError(f"What is looked for cannot be: {describe(error)}.") from error

    def _connect(self, timeout_s: float) -> psycopg.Connection:
        connection = connect(self._url, timeout_ms=int(timeout_s * 1000))
        check_versions(connection)
        return connection

    def _connect_to_write(self) -> psycopg.Connection:
        connection = self._connect(timeout_s=0)
        connection.execute("SET geoscope.own_write = 'on'")
        # Read twice as fast as what PostgreSQL compresses by itself, for a fifth more space.
        connection.execute(
            "SELECT set_config(name, 'lz4', false) FROM pg_settings"
            " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
        )
        return connection


def _change[Result](work: Callable[[Transaction], Result], connection: psycopg.Connection) -> Result:
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITING_LOCK])
            transaction = PgstacTransaction(connection)
            result = work(transaction)
            transaction.flush()
            return result
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise UnavailableError(
            "The catalogue cannot be written now: others write.", "Nothing was changed; try again later."
        ) from error
