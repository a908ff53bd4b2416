"""`geoscope publish` and `geoscope unpublish`: collections of one's own, over the public APIs."""

import re
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from geoscope.catalogue.publishing.uploading import find_files, remove_others, upload_files
from geoscope.cli.following import Token, execute, platform_of
from geoscope.cli.options import AsJson, DataDir, PlatformUrl
from geoscope.cli.panels import USE
from geoscope.errors import InvalidInputError

application = typer.Typer()
console = Console(stderr=True, highlight=False)

MOST_PRINTED = 20

type Json = dict[str, Any]


@application.command("publish", rich_help_panel=USE)
def publish(
    place: Annotated[str, typer.Argument(help="A folder, a file, or s3://BUCKET/FOLDER of your own.")],
    collection: Annotated[
        str | None, typer.Option("--id", help="Id of the collection.", show_default="the folder's name")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Its title.")] = None,
    description: Annotated[str | None, typer.Option(help="What it holds.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX identifier, as CC-BY-4.0.")] = None,
    visibility: Annotated[
        str | None, typer.Option(help="private, entity:ID or public.", show_default="private, if it is new")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Whom its data is for among those who find it: public, registered, role:NAME or entity:ID.",
            show_default="public, if it is new",
        ),
    ] = None,
    datetime: Annotated[str | None, typer.Option(help="Time of the files that name none (RFC 3339).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")] = False,
    strict: Annotated[bool, typer.Option(help="Publish nothing if a file cannot be used.")] = False,
    prune: Annotated[bool, typer.Option(help="Remove the items whose files are gone.")] = False,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish GeoTIFF, NetCDF, Zarr, GRIB or STAC files as a collection of your own."""
    from_bucket = place.startswith("s3://")
    inputs: Json = {
        "collection": collection or _id_of(place),
        "source": place if from_bucket else None,
        "title": title,
        "description": description,
        "licence": licence,
        **_visibility(visibility),
        "policy": policy,
        "datetime": datetime,
        "dry_run": dry_run,
        "strict": strict,
        "prune": prune,
    }
    with platform_of(url, data_dir, token) as http:
        if not from_bucket:
            _upload(http, inputs["collection"], Path(place), prune=prune and not dry_run)
        inputs = {name: value for name, value in inputs.items() if value not in (None, False)}
        outputs = execute(http, "publish-collection", inputs)
    if as_json:
        typer.echo(orjson.dumps(outputs, option=orjson.OPT_INDENT_2))
    else:
        _print(outputs, dry_run=dry_run)


@application.command("unpublish", rich_help_panel=USE)
def unpublish(
    collection: Annotated[str, typer.Argument(help="Id of a collection of your own.")],
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Remove a collection of your own, with the files that were uploaded for it."""
    with platform_of(url, data_dir, token) as http:
        execute(http, "unpublish-collection", {"collection": collection})
    console.print(f"{collection} is removed.", markup=False)


def _upload(http: httpx.Client, collection: str, path: Path, *, prune: bool) -> None:
    if not path.exists():
        raise InvalidInputError(f"There is no file or folder {path}.")
    files = find_files(path)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"Sending {len(files)} files", total=sum(file.size for file in files))
        sent = upload_files(http, collection, files, lambda count: progress.advance(bar, count))
    removed = remove_others(http, collection, files) if prune else 0
    console.print(f"{sent.sent} files sent, {sent.present} were there already, {removed} removed.")


def _print(outputs: Json, *, dry_run: bool) -> None:
    if dry_run:
        table = Table("Item", "From", "To", "Files", box=None, pad_edge=False, header_style="dim")
        for item in outputs["items"][:MOST_PRINTED]:
            table.add_row(item["id"], item["start"], item["end"], ", ".join(item["assets"]))
        console.print(table)
        console.print(f"{len(outputs['items'])} items would be published.")
    else:
        console.print(
            f"{outputs['collection']}: {outputs['published']} items published, "
            f"{outputs['unchanged']} unchanged, {outputs['removed']} removed.",
            markup=False,
        )
    for each in outputs["set_aside"][:MOST_PRINTED]:
        console.print(f"{each['file']}: {each['problem']}", style="yellow", markup=False, soft_wrap=True)
    if len(outputs["set_aside"]) > MOST_PRINTED:
        console.print(f"... and {len(outputs['set_aside']) - MOST_PRINTED} more; --json lists them all.")
    if outputs["gone"] and not outputs["removed"]:
        console.print(f"The files of {len(outputs['gone'])} items are gone; --prune removes these items.")


def _visibility(text: str | None) -> Json:
    if text is None:
        return {}
    word, _, entity = text.partition(":")
    if word not in ("private", "entity", "public") or (word == "entity") != bool(entity):
        raise InvalidInputError(
            f"The visibility {text!r} is not known.", "Expected private, entity:ID or public."
        )
    return {"visibility": word} | ({"entity": entity} if entity else {})


def _id_of(place: str) -> str:
    name = place.rstrip("/").rpartition("/")[2] if place.startswith("s3://") else Path(place).resolve().stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
