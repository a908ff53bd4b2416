"""What `geoscope catalogue migrate` and `copy` do: a database made ready, a catalogue copied and compared."""

import hashlib

import anyio
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from geoscope.catalogue.copying import MAX_TOLD, CopyProgress, Difference, copy_catalogue
from geoscope.catalogue.store import open_store_at
from geoscope.cli.progress import progress_bar
from geoscope.errors import SetupError
from geoscope.settings import Settings

console = Console(highlight=False)
messages = Console(highlight=False, stderr=True)

SOMETHING_DIFFERS = 1
INTERRUPTED = 130


def run_migration(settings: Settings, database_url: str | None) -> None:
    """Migrate the database that is named, or else that of the settings.

    Raises
    ------
    SetupError
        If none is named, or it cannot be migrated.
    """
    if database_url is None and settings.catalogue.database_url is not None:
        database_url = settings.catalogue.database_url.get_secret_value()
    if database_url is None:
        raise SetupError(
            "No database is named: the catalogue is a file, which needs no migration.",
            "Give --database-url, or set catalogue.database_url.",
        )
    try:
        from geoscope.catalogue.store.pgstac_migration import migrate  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise SetupError(
            "A catalogue in PostgreSQL needs the package pypgstac.",
            "Install it with `pip install 'geoscope[postgresql]'`.",
        ) from error
    migrate(database_url, lambda done: messages.print(done, markup=False))
    console.print("The database is ready to be a catalogue.")


def run_copy(source: str, target: str) -> None:
    """Copy, and exit with the code that tells whether everything is the same afterwards."""
    try:
        differences = anyio.run(_copy, source, target)
    except KeyboardInterrupt:
        messages.print("Stopped. The same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    for place, problem in differences:
        messages.print(f"{place}: {problem}", markup=False)
    if differences:
        more = " or more" if len(differences) >= MAX_TOLD else ""
        messages.print(f"{len(differences)}{more} differences.")
        raise typer.Exit(SOMETHING_DIFFERS)
    console.print("Everything was copied, and is the same in both.")


async def _copy(source: str, target: str) -> list[Difference]:
    # The place may hold a password.
    name = f"copy-{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    from_store = open_store_at(source)
    try:
        to_store = open_store_at(target)
        try:
            with progress_bar(messages) as bar:
                task = bar.add_task("Copying", total=None, words="")
                return await copy_catalogue(
                    from_store, to_store, name, lambda progress: _show(bar, task, progress)
                )
        finally:
            to_store.close()
    finally:
        from_store.close()


def _show(bar: Progress, task: TaskID, progress: CopyProgress) -> None:
    bar.update(
        task,
        description=progress.phase.capitalize(),
        total=progress.total,
        completed=progress.items,
        words=f"{progress.collection}: {progress.items:,} items",
    )
