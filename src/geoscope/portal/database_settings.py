"""Where the portal's tables are, as Django wants it said."""

from typing import Any

from geoscope.errors import SetupError
from geoscope.settings import Settings


def database_settings(settings: Settings) -> dict[str, Any]:
    """Return Django's settings of the portal's database: a file, or PostgreSQL where an address is set.

    Raises
    ------
    SetupError
        If the address cannot be read, or the driver is not installed.
    """
    if settings.portal.database_url is None:
        # Readers go on while one writes; a writer takes its lock at the start of the transaction, so that
        # two writers wait for each other instead of failing half-way.
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": settings.data_dir / "portal" / "portal.sqlite",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    options = _connection_options(settings.portal.database_url.get_secret_value())
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{ours: str(options.pop(theirs, "")) for ours, theirs in names.items()},
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def _connection_options(address: str) -> dict[str, Any]:
    try:
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise SetupError(
            "portal.database_url needs PostgreSQL's driver.",
            "Install it: `pip install 'geoscope[postgresql]'`.",
        ) from error
    try:
        return dict(conninfo.conninfo_to_dict(address))
    except ProgrammingError as error:
        # The address itself is not said: it may hold a password.
        raise SetupError("The address portal.database_url cannot be read.") from error
