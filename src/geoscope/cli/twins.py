"""`geoscope twins`: model output into the platform's cubes, and what is there."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import orjson
import typer

from geoscope.access import ADMINISTRATOR
from geoscope.catalogue.publishing.uploading import checked
from geoscope.cli import twins_fdb, twins_keys, twins_live
from geoscope.cli.following import Token, execute, platform_of
from geoscope.cli.options import AsJson, DataDir, PlatformUrl
from geoscope.cli.twins_tables import console, print_expiry, print_outcome, print_twin, print_twins
from geoscope.cube_items import is_growing
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.twins.fdb.requests import SCHEME as FDB
from geoscope.twins.ingest.wish import FINEST_LEVEL

application = typer.Typer(
    help="Digital twins: model output as cubes that grow.", no_args_is_help=True, add_completion=False
)
application.add_typer(twins_live.application)
application.add_typer(twins_fdb.application, name="fdb")
application.add_typer(twins_keys.application, name="keys")

SOME_WERE_SET_ASIDE = 3

type Json = dict[str, Any]


class Method(StrEnum):
    """How fields come to another grid."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CONSERVATIVE = "conservative"


@application.command("ingest")
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, patterns, s3://BUCKET/FOLDER of the platform, or fdb:CONFIG?REQUEST."
        ),
    ],
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY=VALUE", help="MARS key that the files lack or have wrong."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--id", help="Id of the collection.", show_default="made of the MARS keys")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the collection.")] = None,
    description: Annotated[str | None, typer.Option(help="What it holds.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX identifier, as CC-BY-4.0.")] = None,
    provider: Annotated[str | None, typer.Option(help="Who made the data.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Whom the data is for: public, registered, role:NAME or entity:ID.",
            show_default="public, if it is new",
        ),
    ] = None,
    max_error: Annotated[
        list[str] | None,
        typer.Option("--max-error", metavar="VARIABLE=VALUE", help="Largest absolute error of a variable."),
    ] = None,
    healpix: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=FINEST_LEVEL,
            metavar="LEVEL",
            help="Regrid to nested HEALPix of this level; its cells have 58.6 / 2^LEVEL degrees.",
            show_default="as the files are",
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="How to regrid.", show_default="conservative to a coarser grid, bilinear to a finer one"
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace fields that are there otherwise.")
    ] = False,
    decoders: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that decode.", show_default="one a core")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be stored.")] = False,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Store the fields of GRIB, NetCDF and Zarr files; what is there already is not stored again."""
    places = [_absolute(each) for each in sources]
    inputs: Json = {
        "sources": places,
        "keys": _pairs(keys),
        "collection": collection,
        "title": title,
        "description": description,
        "licence": licence,
        "provider": provider,
        "policy": policy,
        "max_error": {name: _number(name, value) for name, value in _pairs(max_error).items()},
        "healpix": healpix,
        "method": method.value if method else None,
        "replace": replace,
        "decoders": decoders,
        "dry_run": dry_run,
    }
    # Level 0 is a level: `0 in (None, False, {})` would be true.
    inputs = {name: value for name, value in inputs.items() if value or (value == 0 and value is not False)}
    if method is not None and healpix is None:
        raise InvalidInputError("--method is for regridding.", "Say also to which level: --healpix LEVEL.")
    with platform_of(url, data_dir, token) as http:
        outputs = execute(
            http,
            _process(http, places),
            inputs,
            "what was committed until now stays; run the command again to go on",
        )
    if as_json:
        typer.echo(orjson.dumps(outputs, option=orjson.OPT_INDENT_2))
    else:
        print_outcome(outputs, dry_run=dry_run)
    if outputs["set_aside_count"] and not dry_run:
        raise typer.Exit(SOME_WERE_SET_ASIDE)


@application.command("list")
def list_twins(
    token: Token = None, url: PlatformUrl = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List the twins of a platform: collection, item, variables, period."""
    with platform_of(url, data_dir, token) as http:
        found = [item for collection in _collections(http) for item in _items(http, collection["id"])]
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    if not found:
        console.print("There is no twin yet. `geoscope twins ingest FILES` makes one.")
        return
    print_twins(found)


@application.command("show")
def show(
    twin: Annotated[
        str, typer.Argument(metavar="COLLECTION/ITEM", help="As `geoscope twins list` shows it.")
    ],
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a twin: its keys, variables and levels, and its versions."""
    collection, slash, name = twin.partition("/")
    if not slash:
        raise _no_twin_name(twin)
    with platform_of(url, data_dir, token) as http:
        answer = http.get(f"/stac/collections/{collection}/items/{name}")
        if answer.status_code == 404:
            raise NotFoundError(f"There is no twin {twin}.", "`geoscope twins list` shows those that are.")
        item = checked(answer)
    if as_json:
        typer.echo(orjson.dumps(item, option=orjson.OPT_INDENT_2))
        return
    print_twin(item)


@application.command("expire")
def expire(
    twin: Annotated[
        str | None,
        typer.Argument(
            metavar="COLLECTION/ITEM", help="As `geoscope twins list` shows it.", show_default="all twins"
        ),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="DAYS",
            help="Forget versions that another has followed more than so many days ago.",
            show_default="setting twins.keep_versions_days",
        ),
    ] = None,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Forget old versions of twins, and free what only they have; the newest of each always stays."""
    if twin is not None and twin.count("/") != 1:
        raise _no_twin_name(twin)
    inputs: Json = {"twin": twin, "older_than_days": older_than}
    with platform_of(url, data_dir, token) as http:
        outputs = execute(
            http,
            "expire-twin-versions",
            {name: value for name, value in inputs.items() if value is not None},
            "what was forgotten until now stays so; run the command again to go on",
        )
    if as_json:
        typer.echo(orjson.dumps(outputs, option=orjson.OPT_INDENT_2))
    else:
        print_expiry(outputs)
    if outputs["problem_count"]:
        raise typer.Exit(1)


def _absolute(source: str) -> str:
    if source.startswith("s3://"):
        return source
    scheme = FDB if source.startswith(FDB) else ""
    path, question, request = source.removeprefix(scheme).partition("?") if scheme else (source, "", "")
    return f"{scheme}{Path(path).absolute()}{question}{request}"


def _no_twin_name(text: str) -> InvalidInputError:
    return InvalidInputError(f"{text!r} is no COLLECTION/ITEM.", "`geoscope twins list` shows them.")


def _process(http: httpx.Client, places: list[str]) -> str:
    """Return the process to ask: administrators may name any place, others objects of their own."""
    only_objects = all(place.startswith("s3://") for place in places)
    return "ingest-twin-objects" if only_objects and not _is_administrator(http) else "ingest-twin"


def _is_administrator(http: httpx.Client) -> bool:
    """Look into one's own token; the platform decides by itself."""
    try:
        token = http.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return False
    return ADMINISTRATOR in claims.get("realm_access", {}).get("roles", [])


def _collections(http: httpx.Client) -> list[Json]:
    found = checked(http.get("/stac/collections", params={"limit": 500}))["collections"]
    return [each for each in found if is_growing(each.get("item_assets", {}).get("cube", {}))]


def _items(http: httpx.Client, collection: str) -> list[Json]:
    items: list[Json] = []
    address: str | None = f"/stac/collections/{collection}/items?limit=500"
    while address is not None:
        page = checked(http.get(address))
        items += page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        address = (
            f"/stac/collections/{collection}/items?{following[0].partition('?')[2]}" if following else None
        )
    return items


def _pairs(texts: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InvalidInputError(f"{text!r} is no NAME=VALUE.")
        pairs[name] = value
    return pairs


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(f"The largest error of {name}, {text!r}, is no number.") from None
