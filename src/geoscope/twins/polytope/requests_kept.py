"""Requests in one SQLite file, so that none is lost: a queue, and what became of each."""

import secrets
import sqlite3
from base64 import b32encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import time
from typing import Any

import orjson

from geoscope.access import Principal
from geoscope.errors import SetupError, TooManyError, UnavailableError
from geoscope.twins.polytope.kept_request import KeptRequest, Status, written_principal

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10.0
# What ends this process each time it is tried is not tried for ever.
MOST_ATTEMPTS = 3

_SCHEMA = """
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    principal TEXT NOT NULL,
    request TEXT NOT NULL,
    submitted REAL NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    download TEXT UNIQUE,
    media_type TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,
    ended REAL,
    expires REAL
) STRICT;
CREATE INDEX requests_by_owner ON requests (owner, status);
CREATE INDEX requests_by_status ON requests (status, submitted);
"""

_IS_LIVE = "status IN ('queued', 'processing')"


class RequestStore:
    """The requests of an installation.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made if they are not there.

    Raises
    ------
    SetupError
        If the file cannot be opened, or belongs to a newer version of the platform.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                _prepare(connection, path)
        except (OSError, sqlite3.Error) as error:
            raise SetupError(f"The requests {path} cannot be opened: {error}.") from error

    def add(self, principal: Principal, request: Mapping[str, Any], most_live: int) -> KeptRequest:
        """Keep a new request at the end of the queue.

        Raises
        ------
        TooManyError
            If its owner has as many that are not answered yet.
        """
        id_ = b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
        with self._change() as connection:
            if _live_of(connection, principal.subject) >= most_live:
                raise TooManyError(
                    f"{most_live} of your requests are not answered yet.", "Wait for one, or revoke one."
                )
            connection.execute(
                "INSERT INTO requests (id, owner, principal, request, submitted, status) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    id_,
                    principal.subject,
                    written_principal(principal),
                    orjson.dumps(request).decode(),
                    time(),
                    Status.QUEUED,
                ),
            )
            return KeptRequest.from_row(
                connection.execute("SELECT * FROM requests WHERE id = ?", (id_,)).fetchone()
            )

    def find(self, id_: str, owner: str) -> KeptRequest | None:
        """Return a request of an owner; somebody else's is none."""
        with self._read() as connection:
            row = connection.execute(
                "SELECT * FROM requests WHERE id = ? AND owner = ?", (id_, owner)
            ).fetchone()
        return KeptRequest.from_row(row) if row else None

    def of_download(self, secret: str) -> KeptRequest | None:
        """Return the processed request whose result a secret opens, until it expires."""
        with self._read() as connection:
            row = connection.execute(
                "SELECT * FROM requests WHERE download = ? AND status = 'processed' AND expires > ?",
                (secret, time()),
            ).fetchone()
        return KeptRequest.from_row(row) if row else None

    def of_owner(self, owner: str) -> list[KeptRequest]:
        """Return an owner's requests, oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT * FROM requests WHERE owner = ? AND status != 'expired' ORDER BY submitted", (owner,)
            ).fetchall()
        return [KeptRequest.from_row(row) for row in rows]

    def live_of(self, owner: str) -> int:
        """Return how many of an owner's requests are not answered yet."""
        with self._read() as connection:
            return _live_of(connection, owner)

    def bytes_of(self, owner: str) -> int:
        """Return the size of all results that are kept for an owner."""
        with self._read() as connection:
            (size,) = connection.execute(
                "SELECT coalesce(sum(bytes), 0) FROM requests WHERE owner = ? AND status = 'processed'",
                (owner,),
            ).fetchone()
        return int(size)

    def claim(self) -> KeptRequest | None:
        """Take the next request out of the queue: of those with fewest at work the one that waits longest."""
        with self._change() as connection:
            row = connection.execute(
                "SELECT id FROM requests AS waiting WHERE status = 'queued' ORDER BY (SELECT count(*) "
                "FROM requests AS other WHERE other.owner = waiting.owner AND other.status = 'processing'), "
                "submitted LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE requests SET status = 'processing', attempts = attempts + 1 WHERE id = ?",
                (row["id"],),
            )
            return KeptRequest.from_row(
                connection.execute("SELECT * FROM requests WHERE id = ?", (row["id"],)).fetchone()
            )

    def finish(self, id_: str, media_type: str, size: int, keep_s: float) -> bool:
        """Note that a result is there; False if the request was revoked meanwhile."""
        now = time()
        with self._change() as connection:
            changed = connection.execute(
                "UPDATE requests SET status = 'processed', download = ?, media_type = ?, bytes = ?, "
                "ended = ?, expires = ? WHERE id = ? AND status = 'processing'",
                (secrets.token_urlsafe(32), media_type, size, now, now + keep_s, id_),
            )
        return changed.rowcount == 1

    def fail(self, id_: str, message: str, keep_s: float) -> None:
        """Note that a request cannot be answered, and why."""
        now = time()
        with self._change() as connection:
            connection.execute(
                "UPDATE requests SET status = 'failed', message = ?, ended = ?, expires = ? WHERE id = ? AND "
                "status = 'processing'",
                (message, now, now + keep_s, id_),
            )

    def take_back(self) -> None:
        """Put what was at work when the process ended at its old place in the queue."""
        with self._change() as connection:
            connection.execute(
                "UPDATE requests SET status = 'failed', message = ?, ended = ?, expires = ? WHERE status = "
                "'processing' AND attempts >= ?",
                ("It was interrupted several times.", time(), time() + 86_400, MOST_ATTEMPTS),
            )
            connection.execute("UPDATE requests SET status = 'queued' WHERE status = 'processing'")

    def remove(self, id_: str, owner: str) -> bool:
        """Forget a request of an owner; False if there is none."""
        with self._change() as connection:
            removed = connection.execute("DELETE FROM requests WHERE id = ? AND owner = ?", (id_, owner))
        return removed.rowcount == 1

    def remove_waiting(self, owner: str) -> list[str]:
        """Forget an owner's requests that are still in the queue, and return their ids."""
        with self._change() as connection:
            rows = connection.execute(
                "DELETE FROM requests WHERE owner = ? AND status = 'queued' RETURNING id", (owner,)
            ).fetchall()
        return [row["id"] for row in rows]

    def expire(self, forget_after_s: float) -> set[str]:
        """Close what is too old, forget it some time later; return the ids whose files are still needed."""
        now = time()
        with self._change() as connection:
            connection.execute(
                "UPDATE requests SET status = 'expired', download = NULL, bytes = 0 WHERE expires < ?", (now,)
            )
            connection.execute("DELETE FROM requests WHERE expires < ?", (now - forget_after_s,))
            rows = connection.execute(f"SELECT id FROM requests WHERE status = 'processed' OR {_IS_LIVE}")  # noqa: S608 (constant)
            return {row["id"] for row in rows}

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as connection:
                yield connection
        except sqlite3.Error as error:
            raise UnavailableError(f"The requests cannot be read now: {error}.") from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise SetupError(f"{path} belongs to a newer version of the platform.", "Start that one.")
    if version == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _live_of(connection: sqlite3.Connection, owner: str) -> int:
    (live,) = connection.execute(
        f"SELECT count(*) FROM requests WHERE owner = ? AND {_IS_LIVE}",  # noqa: S608 (constant)
        (owner,),
    ).fetchone()
    return int(live)
