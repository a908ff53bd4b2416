"""`geoscope twins fdb`: fields into an FDB, out of it, and what it holds."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geoscope.twins.fdb.archive import FdbArchive, new_local_fdb
from geoscope.twins.fdb.requests import read_request

application = typer.Typer(help="Fields in ECMWF's own store, FDB.", no_args_is_help=True)
console = Console(highlight=False)
messages = Console(highlight=False, stderr=True)

SOME_WERE_REFUSED = 3
MOST_REFUSALS_PRINTED = 10

Configuration = Annotated[
    Path, typer.Option("--config", exists=True, dir_okay=False, help="FDB's configuration, a YAML file.")
]
RequestText = Annotated[
    str, typer.Argument(metavar="REQUEST", help="class=d1,dataset=climate-dt,date=20200101/to/20200131")
]


@application.command("new")
def new(folder: Annotated[Path, typer.Argument(help="Where it shall lie.")]) -> None:
    """Make an FDB of one's own in a folder, with a schema for digital twins."""
    console.print(str(new_local_fdb(folder)), soft_wrap=True)


@application.command("archive")
def archive(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="GRIB files.")],
    configuration: Configuration,
) -> None:
    """Archive the messages of GRIB files; whoever reads sees a file's when all of them are there."""
    refused = 0
    with FdbArchive(configuration) as fdb:
        for file in files:
            done = fdb.archive(file)
            refused += done.refused
            console.print(f"{file}: {done.fields} archived, {done.refused} refused", soft_wrap=True)
            for refusal in done.refusals[:MOST_REFUSALS_PRINTED]:
                messages.print(f"  at byte {refusal.offset}: {refusal.reason}", soft_wrap=True)
    if refused:
        raise typer.Exit(SOME_WERE_REFUSED)


@application.command("list")
def list_fields(request: RequestText, configuration: Configuration) -> None:
    """Show which values of each key there are among the fields that fit a request."""
    values: dict[str, Counter[str]] = {}
    fields = size_bytes = 0
    with FdbArchive(configuration) as fdb:
        for field in fdb.list(read_request(request)):
            fields += 1
            size_bytes += field.size_bytes
            for key, value in field.keys.items():
                values.setdefault(key, Counter())[value] += 1
    table = Table("Key", "Values", box=None)
    for key, found in sorted(values.items()):
        table.add_row(key, _in_short(sorted(found)))
    console.print(table)
    console.print(f"{fields} fields, {size_bytes / 1e6:.1f} MB")


@application.command("retrieve")
def retrieve(
    request: RequestText,
    file: Annotated[Path, typer.Argument(help="GRIB file to write.")],
    configuration: Configuration,
) -> None:
    """Copy the fields that fit a request into a GRIB file."""
    with FdbArchive(configuration) as fdb, messages.status("Copying") as status:
        done = fdb.retrieve(
            read_request(request),
            file,
            lambda fields, size: status.update(f"Copying: {fields} fields, {size / 1e6:.1f} MB"),
        )
    console.print(f"{file}: {done.fields} fields, {done.size_bytes / 1e6:.1f} MB", soft_wrap=True)


def _in_short(values: list[str], most: int = 8) -> str:
    if len(values) <= most:
        return ", ".join(values)
    return f"{', '.join(values[: most // 2])} ... {values[-1]} ({len(values)})"
