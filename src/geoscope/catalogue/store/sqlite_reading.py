"""One state of the embedded store, read by one task for a limited time."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from geoscope.catalogue.store.sqlite_directory import Directory
from geoscope.catalogue.store.sqlite_documents import DocumentReader


class DeadlineError(Exception):
    """The time is over."""


@dataclass(frozen=True)
class Reading:
    """What a search reads from.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction, so that all it reads is of one state.
    directory : Directory
        Of that state.
    documents : DocumentReader
        Of this connection.
    deadline_s : float
        When reading is to end, of `time.monotonic`; the connection is interrupted then by itself.
    """

    connection: sqlite3.Connection
    directory: Directory
    documents: DocumentReader
    deadline_s: float

    def check_time(self) -> None:
        """Look at the clock, between pieces of work that are not SQLite's."""
        if time.monotonic() > self.deadline_s:
            raise DeadlineError

    def item_documents(self, keys: Sequence[int]) -> dict[int, bytes]:
        """Return the documents of items by their keys."""
        rows = self.connection.execute(
            "SELECT key, dictionary, document FROM item_documents"
            " WHERE key IN (SELECT value FROM json_each(?))",
            (orjson.dumps(keys).decode(),),
        )
        read = self.documents.read
        return {key: read(dictionary, stored) for key, dictionary, stored in rows}
