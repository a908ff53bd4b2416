"""Where jobs are kept: one SQLite file, written by the job worker and by the API."""

import sqlite3
import time

from dbos import DBOS
from sqlalchemy import Engine, event

from geoscope.settings import Settings

# Both sides of the queue name these; a job is only ever run by a worker of the same names.
APPLICATION = "geoscope"
QUEUE = "jobs"
WORKFLOW = "run_process"
PROGRESS = "progress"

# A job begun under another version is not taken up again: raise it only when kept jobs could not go on.
JOBS_VERSION = "1"


def prepare_database(settings: Settings) -> str:
    """Make the file and its tables if they are not there, and return its SQLAlchemy address.

    Safe to call from several processes at once: the migration takes the write lock first.
    """
    folder = settings.data_dir / "jobs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "jobs.sqlite"
    connection = sqlite3.connect(path, timeout=30)
    # Kept in the file; with it, reading a job's state never waits for the worker's writes.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    if sqlite3.sqlite_version_info < (3, 42):
        event.listen(Engine, "connect", _add_subsecond_clock)
    address = f"sqlite:///{path}"
    DBOS.migrate(address)
    return address


def _add_subsecond_clock(connection: object, _record: object) -> None:
    """Give an older SQLite (Debian 12 has 3.40) the clock of 3.42 that DBOS asks for: unixepoch('subsec')."""
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", 1, lambda _modifier: round(time.time(), 3))
