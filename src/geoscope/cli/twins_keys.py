"""`geoscope twins keys`: keys that live long and only read data, for Polytope clients and the like."""

from typing import Annotated, Any
from urllib.parse import quote

import httpx
import orjson
import typer
from rich.console import Console
from rich.table import Column, Table

from geoscope.catalogue.publishing.uploading import checked
from geoscope.cli.following import Json, Token, platform_of
from geoscope.cli.options import AsJson, DataDir, PlatformUrl
from geoscope.errors import InvalidInputError, NotFoundError

application = typer.Typer(help="Keys that only read data, for Polytope clients.", no_args_is_help=True)
console = Console(highlight=False)

ADDRESS = "/account/keys"


@application.command("make")
def make(
    name: Annotated[str, typer.Argument(help="What it is for, such as: nightly run.")],
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day, in UTC.", show_default="in a year")
    ] = None,
    no_end: Annotated[bool, typer.Option("--no-end", help="Good until it is revoked.")] = False,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: this once. Sign in with `geoscope login` before."""
    if until and no_end:
        raise InvalidInputError("--until and --no-end exclude each other.")
    asked: dict[str, Any] = {"name": name}
    if until or no_end:
        asked["until"] = until
    with platform_of(url, data_dir, token) as http:
        key = checked(http.post(ADDRESS, json=asked))
    if as_json:
        typer.echo(orjson.dumps(key, option=orjson.OPT_INDENT_2))
        return
    # The key alone goes to standard output, for `POLYTOPE_USER_KEY=$(geoscope twins keys make ...)`.
    typer.echo(key["user_key"])
    last_day = f"until {key['until']}" if key["until"] else "until you revoke it"
    typer.echo(
        f"Good {last_day}. Keep it in ~/.polytopeapirc as user_key, or in POLYTOPE_USER_KEY.", err=True
    )


@application.command("list")
def list_keys(
    token: Token = None, url: PlatformUrl = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List your keys: what each is called, its last day, when it was used last. Never the keys themselves."""
    with platform_of(url, data_dir, token) as http:
        keys: list[Json] = [key for key in _listed(http) if key["only_reads"]]
    if as_json:
        typer.echo(orjson.dumps(keys, option=orjson.OPT_INDENT_2))
        return
    if not keys:
        console.print("You have no keys that read data. `geoscope twins keys make NAME` makes one.")
        return
    whole_id = Column("Key", no_wrap=True, min_width=max(len(key["id"]) for key in keys))
    table = Table(whole_id, "Name", "Until", "Last used", box=None, pad_edge=False, header_style="dim")
    for key in keys:
        used = (key["last_used"] or "never")[:16].replace("T", " ")
        table.add_row(key["id"], key["name"], key["until"] or "revoked", used)
    console.print(table)


@application.command("revoke")
def revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its id, as `geoscope twins keys list` shows it.")
    ],
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key: within a minute, nobody reads with it any more."""
    with platform_of(url, data_dir, token) as http:
        answer = http.delete(f"{ADDRESS}/{quote(key, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFoundError(
                f"You have no key {key!r}.", "`geoscope twins keys list` shows those that are."
            )
        checked(answer)
    console.print("The key is revoked.")


def _listed(http: httpx.Client) -> Any:  # noqa: ANN401 (a list, where most answers are objects)
    return checked(http.get(ADDRESS))
