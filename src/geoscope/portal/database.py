"""The portal's database: brought up to date only when the code asks for more than is recorded."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from geoscope.errors import SetupError


def migrate_if_needed() -> None:
    """Apply the migrations that are not recorded yet.

    Raises
    ------
    SetupError
        If the database was made by a newer version.
    """
    executor = MigrationExecutor(connection)
    loader = executor.loader
    own_apps = {"accounts", "audit", "entities", "grants", "identity", "letters", "registry", "storage"}
    unknown = sorted(
        key for key in loader.applied_migrations if key not in loader.graph.nodes and key[0] in own_apps
    )
    if unknown:
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        raise SetupError(
            f"The portal's database was made by a newer version of Geoscope: it holds {names}.",
            "Start that version, or a newer one.",
        )
    if executor.migration_plan(loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
