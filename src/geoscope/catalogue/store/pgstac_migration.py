"""Making a PostgreSQL database ready to be a catalogue: pgstac, then the little that stands beside it."""

from collections.abc import Callable
from importlib.resources import files

import psycopg
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate

from geoscope.catalogue.store.pgstac_connections import connect, describe, value_of
from geoscope.catalogue.store.pgstac_versions import (
    PGSTAC_VERSION,
    SCHEMA_VERSION,
    check_not_newer,
    versions,
)
from geoscope.errors import SetupError

_OLDEST_SERVER = 150_000
_EXTENSIONS = ("postgis", "btree_gist", "unaccent")

# An arbitrary number, the same in every version: two migrations wait for each other.
_MIGRATION_LOCK = 0x67656F73636F7065

# Version 1 did not say whom data is for.
_INTO_2 = """
ALTER TABLE geoscope.collections ADD COLUMN policy text;
CREATE INDEX limited_collections ON geoscope.collections (id) WHERE policy IS NOT NULL;
"""


def migrate(url: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Bring a database to the version of pgstac and of the catalogue's own schema that this platform needs.

    Safe to run again, and while the catalogue is read. Items that other clients have written before become
    searchable by words.

    Parameters
    ----------
    url : str
        Of a user who may create extensions, roles and schemas: a superuser, or the database's owner where the
        extensions are there already.
    report : callable
        Is told what is done.

    Raises
    ------
    SetupError
        If the server is too old, lacks PostGIS, the user lacks a right, or the database is newer.
    """
    with connect(url, timeout_ms=0) as connection:
        _check_server(connection)
        check_not_newer(connection)
        try:
            report(f"pgstac {PGSTAC_VERSION}")
            _migrate_pgstac(url)
            report(f"schema geoscope {SCHEMA_VERSION}")
            _migrate_own_schema(connection)
            _complete(connection, report)
        except psycopg.errors.InsufficientPrivilege as error:
            raise SetupError(
                f"The database cannot be migrated: {describe(error)}.",
                "Migrate as its owner or as a superuser; the platform itself needs the role pgstac_ingest.",
            ) from error
        except psycopg.Error as error:
            raise SetupError(f"The database cannot be migrated: {describe(error)}.") from error


def _check_server(connection: psycopg.Connection) -> None:
    version = connection.info.server_version
    if version < _OLDEST_SERVER:
        raise SetupError(
            f"The database's server is PostgreSQL {version // 10_000}.",
            f"PostgreSQL {_OLDEST_SERVER // 10_000} or newer is needed.",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SetupError(f"The database is encoded in {encoding}.", "Create it with ENCODING 'UTF8'.")
    missing = value_of(
        connection,
        "SELECT array(SELECT unnest(%s::text[]) EXCEPT SELECT name::text FROM pg_available_extensions)",
        list(_EXTENSIONS),
    )
    if missing:
        raise SetupError(
            f"The database's server lacks {', '.join(sorted(missing))}.",
            "Install PostGIS and PostgreSQL's contrib modules on it, for Debian `postgresql-postgis`.",
        )
    if not value_of(connection, "SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')"):
        raise SetupError("The database's server was built without ICU.", "Use one that was built with it.")


def _migrate_pgstac(url: str) -> None:
    # A connection of its own: it is left with another role.
    connection = connect(url, timeout_ms=0)
    database = PgstacDB(connection=connection)
    try:
        Migrate(database).run_migration(PGSTAC_VERSION)
    except psycopg.Error:
        raise
    except Exception as error:
        raise SetupError(f"pgstac cannot be migrated: {error}") from error
    finally:
        # It opens a pool, which stays empty, even where it is given a connection.
        database.close()
        connection.close()


def _migrate_own_schema(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        before = versions(connection)[1]
        if before == SCHEMA_VERSION:
            return
        connection.execute("CREATE SCHEMA IF NOT EXISTS geoscope AUTHORIZATION pgstac_admin")
        connection.execute("SET LOCAL ROLE pgstac_admin")
        if before == 1:
            connection.execute(_INTO_2)
        else:
            connection.execute(
                "CREATE TABLE geoscope.migrations (version int PRIMARY KEY, made timestamptz DEFAULT now())"
            )
            connection.execute(files(__package__).joinpath("pgstac.sql").read_text())
        connection.execute("INSERT INTO geoscope.migrations (version) VALUES (%s)", [SCHEMA_VERSION])


def _complete(connection: psycopg.Connection, report: Callable[[str], None]) -> None:
    """Fill in what the triggers would have, and count, partition by partition."""
    connection.execute("SET ROLE pgstac_admin")
    connection.execute("SET geoscope.own_write = 'on'")
    with connection.transaction():
        added = connection.execute(
            "UPDATE pgstac.collections SET content = content"
            " WHERE id NOT IN (SELECT id FROM geoscope.collections) RETURNING id"
        ).fetchall()
        uncounted = [id_ for (id_,) in added]
        connection.execute(
            "UPDATE geoscope.collections SET item_count = NULL WHERE id = ANY (%s)", [uncounted]
        )
    partitions = connection.execute(
        "SELECT partition FROM pgstac.partition_stats ORDER BY partition"
    ).fetchall()
    for (partition,) in partitions:
        name = psycopg.sql.Identifier("pgstac", partition)
        completed = connection.execute(
            psycopg.sql.SQL(
                "UPDATE {} SET private = coalesce(private, '{{}}') || geoscope.private_of(id, content)"
                " WHERE NOT coalesce(private, '{{}}') ? 'words'"
            ).format(name)
        ).rowcount
        if completed:
            report(f"{completed} items of {partition}")
    with connection.transaction():
        connection.execute("LOCK TABLE pgstac.items IN SHARE MODE")
        connection.execute(
            "UPDATE geoscope.collections AS kept SET item_count ="
            " (SELECT count(*) FROM pgstac.items WHERE collection = kept.id) WHERE item_count IS NULL"
        )
