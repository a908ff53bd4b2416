"""Which versions of pgstac and of the catalogue's own schema a database has, and which are needed."""

import psycopg

from geoscope.catalogue.store.pgstac_connections import value_of
from geoscope.errors import SetupError

PGSTAC_VERSION = "0.10.0"
SCHEMA_VERSION = 2


def check_versions(connection: psycopg.Connection) -> None:
    """Refuse a database that is not migrated to what this platform needs.

    Raises
    ------
    SetupError
        Saying which command to run.
    """
    check_not_newer(connection)
    pgstac, own = versions(connection)
    if pgstac != PGSTAC_VERSION or own != SCHEMA_VERSION:
        raise SetupError(
            f"The catalogue's database has pgstac {pgstac or 'not at all'} and schema {own};"
            f" this platform needs {PGSTAC_VERSION} and {SCHEMA_VERSION}.",
            "Run `geoscope catalogue migrate`.",
        )


def check_not_newer(connection: psycopg.Connection) -> None:
    """Refuse a database that a newer version of the platform has migrated."""
    pgstac, own = versions(connection)
    if own > SCHEMA_VERSION or _numbers(pgstac) > _numbers(PGSTAC_VERSION):
        raise SetupError(
            f"The catalogue's database has pgstac {pgstac} and schema {own};"
            f" this platform knows {PGSTAC_VERSION} and {SCHEMA_VERSION}.",
            "A newer version wrote it: use that version, or another database.",
        )


def versions(connection: psycopg.Connection) -> tuple[str, int]:
    """Return the versions of pgstac and of the own schema; empty and 0 where they are not there."""
    pgstac, own = "", 0
    if value_of(connection, "SELECT to_regclass('pgstac.migrations') IS NOT NULL"):
        pgstac = value_of(connection, "SELECT pgstac.get_version()") or ""
    if value_of(connection, "SELECT to_regclass('geoscope.migrations') IS NOT NULL"):
        own = value_of(connection, "SELECT coalesce(max(version), 0) FROM geoscope.migrations")
    return pgstac, own


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers; an unreleased one is as old as can be, and is refused by name."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
