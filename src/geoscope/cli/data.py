"""Commands of the data user: search, series, open. They speak to any platform by its public APIs."""

import csv
import io
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.table import Table

from geoscope.cli.options import AsJson, DataDir, PlatformUrl, settings_of
from geoscope.cli.panels import USE
from geoscope.credentials import access_token, find_sign_in
from geoscope.cube_items import is_growing
from geoscope.errors import InvalidInputError, NotFoundError, NotSignedInError, UnavailableError
from geoscope.runtime.state import read_state

application = typer.Typer()
console = Console(highlight=False)

TIMEOUT_S = 30.0
CHART_HEIGHT = 18


@application.command("search", rich_help_panel=USE)
def search(
    text: Annotated[str, typer.Argument(help="Words to look for; a comma means or.")] = "",
    bbox: Annotated[str | None, typer.Option(help="West,south,east,north in degrees.")] = None,
    time: Annotated[
        str | None, typer.Option("--datetime", help="An instant or an interval, as 2006-01-01/..")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many items at most.")] = 20,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Find items in the catalogue by text, box and time."""
    given = {"q": text or None, "bbox": bbox, "datetime": time, "limit": limit}
    query = {name: value for name, value in given.items() if value is not None}
    found = _get(_platform_url(url, data_dir), "/stac/search", query).json()
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    if not found["features"]:
        console.print("Nothing was found. Try fewer words, a larger box or a longer time.")
        return
    table = Table("Item", "Title", "From", "To", box=None, pad_edge=False, header_style="dim")
    for item in found["features"]:
        properties = item["properties"]
        start = properties.get("start_datetime") or properties.get("datetime") or ""
        end = properties.get("end_datetime") or properties.get("datetime") or ""
        table.add_row(f"{item['collection']}/{item['id']}", properties.get("title", ""), start[:10], end[:10])
    console.print(table)


# A longitude such as -100 is a value, not an option.
@application.command("series", rich_help_panel=USE, context_settings={"ignore_unknown_options": True})
def series(
    collection: Annotated[str, typer.Argument(help="Id of a collection.")],
    variable: Annotated[str, typer.Argument(help="Name of a variable.")],
    longitude: Annotated[float, typer.Argument(min=-180, max=360, help="Degrees east.")],
    latitude: Annotated[float, typer.Argument(min=-90, max=90, help="Degrees north.")],
    time: Annotated[
        str | None, typer.Option("--datetime", help="An interval, as 1960-01-01/2000-12-31.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help="Levels in the unit of the data, as 850 or 500/1000.", show_default="all"),
    ] = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Read the time series of a variable at a point, and draw it."""
    query = {
        "coords": f"POINT({longitude} {latitude})",
        "parameter-name": variable,
        "f": "CoverageJSON" if as_json else "CSV",
    }
    query |= {"datetime": time} if time else {}
    query |= {"z": level} if level else {}
    base = _platform_url(url, data_dir)
    response = _get(base, f"/edr/collections/{collection}/position", query)
    if as_json or as_csv:
        typer.echo(response.text.rstrip("\n"))
        return
    _draw(response.text, f"{collection} at {longitude:g}, {latitude:g}")


@application.command("open", rich_help_panel=USE)
def open_item(
    item: Annotated[str, typer.Argument(help="COLLECTION/ITEM, or the id of an item.")],
    url: PlatformUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Print the lines of Python that open an item."""
    base = _platform_url(url, data_dir)
    document = _item(base, item)
    cubes = [asset for asset in document["assets"].values() if "zarr" in asset.get("type", "")]
    if not cubes:
        raise NotFoundError(
            f"The item {item!r} holds no Zarr asset.", "Its assets can be downloaded as files."
        )
    href = cubes[0]["href"]
    if is_growing(cubes[0]):  # the plain Zarr has an address of its own
        href = f"{base}/twins/zarr/{document['collection']}/{document['id']}"
    typer.echo("import xarray\n")
    typer.echo(f'dataset = xarray.open_zarr("{href}", consolidated=True)')
    typer.echo("print(dataset)")


def _item(base: str, name: str) -> dict[str, Any]:
    collection, separator, item_id = name.rpartition("/")
    if separator:
        document: dict[str, Any] = _get(base, f"/stac/collections/{collection}/items/{item_id}", {}).json()
        return document
    found: list[dict[str, Any]] = _get(base, "/stac/search", {"ids": item_id, "limit": 10}).json()["features"]
    if not found:
        raise NotFoundError(f"There is no item {name!r}.", "`geoscope search` finds items.")
    if len(found) > 1:
        choices = ", ".join(f"{each['collection']}/{each['id']}" for each in found)
        raise InvalidInputError(f"Several items are called {name!r}.", f"Say which: {choices}.")
    return found[0]


def _draw(text: str, title: str) -> None:
    """Draw each instance of a series, and each of its levels, as a line over the years."""
    rows = csv.reader(io.StringIO(text))
    *heads, quantity = next(rows)
    unit_of_level = next(
        (head.removeprefix("level").strip(" ()") for head in heads if head[:5] == "level"), ""
    )
    lines: dict[str, tuple[list[str], list[float]]] = defaultdict(lambda: ([], []))
    for instance, time, *level, _longitude, _latitude, value in rows:
        if value:
            name = " ".join((instance, *(f"{float(one):g} {unit_of_level}" for one in level)))
            times, values = lines[name]
            times.append(time)
            values.append(float(value))
    if not lines:
        console.print(
            "Every value there is missing: the point lies outside the data, on land or under a cloud."
        )
        return
    first = min(time for times, _ in lines.values() for time in times)
    last = max(time for times, _ in lines.values() for time in times)
    # Parts of a year say little, and plotext does not tell 2001.01 from 2001.02.
    in_days = _year(last) - _year(first) < 1
    title += f", days since {first[:16]}" if in_days else ""
    import plotext  # noqa: PLC0415 (takes a quarter of a second, and only this command needs it)

    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(console.width, 110), CHART_HEIGHT)
    figure.title(f"{quantity}: {title}")
    for instance, (times, values) in lines.items():
        places = [365 * (_year(time) - _year(first)) if in_days else _year(time) for time in times]
        line = figure.signal(places, values, marker="braille")
        line.lines()
        line.label(instance)
        figure.draw(line)
    figure.show(colorless=not console.is_terminal)


def _year(time: str) -> float:
    """Return a time as years; a calendar of its own (30 February) is near enough for a chart."""
    year, month, day = int(time[:4]), int(time[5:7]), int(time[8:10])
    hour = datetime.strptime(time[11:19], "%H:%M:%S").hour if len(time) >= 19 else 0  # noqa: DTZ007 (a time of day)
    return year + (month - 1) / 12 + (day - 1 + hour / 24) / 365


def _platform_url(url: str | None, data_dir: Path | None) -> str:
    if url:
        return url.rstrip("/")
    settings = settings_of(data_dir)
    state = read_state(settings.data_dir)
    return state.address if state else settings.public_url


def _get(base: str, path: str, query: dict[str, Any]) -> httpx.Response:
    try:
        response = httpx.get(
            base + path, params=query, headers=_own_token(base), timeout=TIMEOUT_S, follow_redirects=True
        )
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"No platform answers at {base}.", "Start it with `geoscope up`, or name another with --url."
        ) from error
    if response.is_error:
        raise InvalidInputError(_problem(response))
    return response


def _own_token(base: str) -> dict[str, str]:
    """Return the header of somebody who has run `geoscope login`; strangers find what is public."""
    try:
        return {"Authorization": f"Bearer {access_token(base)}"} if find_sign_in(base) else {}
    except NotSignedInError:
        return {}


def _problem(response: httpx.Response) -> str:
    try:
        document = response.json()
    except ValueError:
        return f"The platform answered {response.status_code}."
    return str(document.get("detail") or document.get("description") or document)
