"""`geoscope catalogue ...`: fill the catalogue, and look after it. The platform may run meanwhile.

What the commands need is imported when they run: it takes a second, which all other commands would wait for.
"""

# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from geoscope.cli.options import DataDir, settings_of

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        help="postgresql://USER@HOST/DATABASE; a password better stands in PGPASSFILE or in the variable.",
        envvar="GEOSCOPE_CATALOGUE__DATABASE_URL",
        show_envvar=True,
        show_default="setting catalogue.database_url",
    ),
]

application = typer.Typer(
    help="Fill the catalogue, and look after it.", no_args_is_help=True, add_completion=False
)


@application.command("load")
def load(
    source: Annotated[
        str, typer.Argument(help="A file, a folder, - for standard input, or an address with https://.")
    ],
    collection: Annotated[
        list[str] | None,
        typer.Option(
            help="Load only this collection; items that do not name theirs belong to it. Repeatable."
        ),
    ] = None,
    collection_file: Annotated[
        list[Path] | None, typer.Option(help="A collection to add first, as JSON. Repeatable.")
    ] = None,
    update_collections: Annotated[
        bool, typer.Option("--update-collections", help="Replace collections that are there already.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Store nothing if any document is refused.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart/--resume", help="Begin anew, or go on where the last run has stopped.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many items.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Where a local folder is published; relative addresses are made such as lead there."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write what is refused here, as JSON lines.", show_default="data folder"),
    ] = None,
    authorization: Annotated[
        str | None,
        typer.Option(
            help="Header of that name for the source's server; better given by the variable.",
            envvar="GEOSCOPE_LOAD_AUTHORIZATION",
            show_envvar=True,
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Load collections and items from a file, a static catalogue or another STAC API.

    Files are newline-delimited JSON (plain, .gz or .zst), a GeoJSON FeatureCollection, or stac-geoparquet.
    Items that are there already are replaced; of several with one id the last counts. What is not valid is
    left out and written to a report, and the exit code is 3. A load that was stopped goes on where it was
    when it is run again.
    """
    from geoscope.catalogue.loading.loader import LoadOptions
    from geoscope.catalogue.loading.opening import SourceOptions
    from geoscope.cli.catalogue_inspection import store_location
    from geoscope.cli.catalogue_loading import run_load

    settings = settings_of(data_dir)
    folder = settings.data_dir / "catalogue" / "loads"
    options = LoadOptions(
        folder=folder,
        report=report,
        collections=frozenset(collection or ()),
        update_collections=update_collections,
        limit=limit,
        strict=strict,
        restart=restart,
    )
    how = SourceOptions(
        downloads=folder,
        collections=options.collections,
        base_url=base_url,
        authorization=authorization,
    )
    run_load(store_location(settings, database_url), source, collection_file or [], options, how)


@application.command("info")
def info(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Tell what the catalogue holds, how large it is, and how many items each collection has."""
    from geoscope.cli.catalogue_inspection import print_info, store_location

    print_info(store_location(settings_of(data_dir), database_url))


@application.command("check")
def check(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Look through the whole catalogue: the file, the tables, and each document.

    The exit code is 1 if something is wrong.
    """
    from geoscope.cli.catalogue_inspection import run_check, store_location

    run_check(store_location(settings_of(data_dir), database_url))


@application.command("migrate")
def migrate(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Make a PostgreSQL database ready to be the catalogue, or bring it to this version.

    It needs PostGIS, and a user who may create extensions, roles and schemas. Safe to run again.
    """
    from geoscope.cli.catalogue_databases import run_migration

    run_migration(settings_of(data_dir), database_url)


@application.command("copy")
def copy(
    source: Annotated[str, typer.Option("--from", help="A data folder, an SQLite file, or postgresql://...")],
    target: Annotated[
        str, typer.Option("--to", help="Likewise; what is there besides stays, the same ids are replaced.")
    ],
) -> None:
    """Copy all collections and items from one catalogue to another, and compare them item by item.

    A copy that was stopped goes on where it was when it is run again. The exit code is 1 if something is not
    the same afterwards.
    """
    from geoscope.cli.catalogue_databases import run_copy

    run_copy(source, target)
