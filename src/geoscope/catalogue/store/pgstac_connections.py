"""Connections to the catalogue's database: one for each thread, made anew when it breaks."""

import threading
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import set_json_loads

from geoscope.errors import SetupError, UnavailableError

CONNECT_TIMEOUT_S = 3


def connect(url: str, timeout_ms: int) -> psycopg.Connection:
    """Connect to a database.

    Parameters
    ----------
    url : str
        `postgresql://...`; it is said nowhere, as it may hold a password.
    timeout_ms : int
        Longest time that a statement may take; 0 is for ever.

    Raises
    ------
    SetupError
        If the address is malformed.
    psycopg.OperationalError
        If the database does not answer.
    """
    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="geoscope"
        )
    except psycopg.ProgrammingError:
        # The error's text holds the address.
        raise SetupError(
            "The address of the catalogue's database is malformed.",
            "Expected catalogue.database_url such as postgresql://USER@HOST:5432/DATABASE.",
        ) from None
    # Plans are made for each search, as what is narrow in one is wide in another. Searches are short and
    # many: neither compiling them nor dividing one among processes pays.
    connection.execute(
        "SET search_path = pgstac, public; SET timezone = 'UTC'; SET plan_cache_mode = force_custom_plan;"
        " SET jit = off; SET max_parallel_workers_per_gather = 0;"
        f" SET statement_timeout = {timeout_ms}"
    )
    # JSON is passed on as bytes, never parsed.
    set_json_loads(_as_bytes, connection)
    return connection


def _as_bytes(json: str | bytes) -> bytes:
    return json.encode() if isinstance(json, str) else json


def value_of(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> Any:  # noqa: ANN401 (of any type)
    """Return what a query for one value returns."""
    [(value,)] = connection.execute(query, parameters).fetchall()
    return value


def describe(error: psycopg.Error) -> str:
    """Return the first line of what the server says, which holds no password."""
    return (error.diag.message_primary or str(error)).strip().partition("\n")[0].rstrip(".")


class ThreadConnections:
    """A connection for each thread that asks for one.

    A connection that broke while nobody used it is made anew, so that nobody notices that the database was
    started again.

    Parameters
    ----------
    connect : callable
        Makes a connection.
    is_repeatable : bool
        Whether work may be done twice. If not, a connection is tried out before the work begins.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], *, is_repeatable: bool) -> None:
        self._connect = connect
        self._is_repeatable = is_repeatable
        self._local = threading.local()
        self._listing = threading.Lock()
        self._all: list[psycopg.Connection] = []

    def run[Result](self, work: Callable[[psycopg.Connection], Result]) -> Result:
        """Run `work` with this thread's connection.

        Raises
        ------
        UnavailableError
            If the database does not answer.
        """
        try:
            connection: psycopg.Connection | None = getattr(self._local, "connection", None)
            if connection is not None and self._is_repeatable:
                try:
                    return work(connection)
                except psycopg.OperationalError:
                    if not connection.closed:
                        raise
            elif connection is not None and _answers(connection):
                return work(connection)
            return work(self._new_connection())
        except psycopg.OperationalError as error:
            if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable):
                raise
            raise UnavailableError(
                f"The catalogue's database does not answer: {describe(error)}.", "Try again later."
            ) from error

    def close(self) -> None:
        """Close every connection."""
        while self._all:
            self._all.pop().close()

    def _new_connection(self) -> psycopg.Connection:
        connection = self._local.connection = self._connect()
        with self._listing:
            self._all = [connection, *(each for each in self._all if not each.closed)]
        return connection


def _answers(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
