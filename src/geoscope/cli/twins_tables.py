"""What `geoscope twins` prints: twins, one twin, and what became of an ingest."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

MOST_PRINTED = 20
MOST_NAMES = 6
REGRIDDED_FROM, REGRIDDED_BY = "geoscope:regridded_from", "geoscope:regridded_by"
# Wider than any table: a file or a program gets each row on one line.
UNBOUNDED = 10_000

type Json = dict[str, Any]

console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)


def print_twins(items: Sequence[Json]) -> None:
    """Print a line for each twin; no identifier is cut."""
    rows = []
    for item in items:
        about = item["properties"]
        rows.append(
            (
                f"{item['collection']}/{item['id']}",
                grid_of(item),
                _shortened(sorted(about["cube:variables"])),
                (about["start_datetime"] or "")[:16],
                (about["end_datetime"] or "")[:16],
            )
        )
    _print_rows(("Twin", "Grid", "Variables", "From", "To"), rows)


def print_outcome(outputs: Json, *, dry_run: bool) -> None:
    """Print what became of the fields of an ingest."""
    rows = [
        (
            f"{each['collection']}/{each['item']}",
            each["grid"],
            _shortened(each["variables"]),
            str(each["steps"]),
            each["start"][:16],
            each["end"][:16],
            f"{each['fields']:,}",
            f"{each['present']:,}",
            _size(each["bytes"]),
        )
        for each in outputs["repositories"][:MOST_PRINTED]
    ]
    _print_rows(("Twin", "Grid", "Variables", "Steps", "From", "To", "Fields", "There", "Size"), rows)
    if len(outputs["repositories"]) > MOST_PRINTED:
        console.print(f"... and {len(outputs['repositories']) - MOST_PRINTED} more; --json lists them all.")
    ways = [
        f"Regridded ({e[REGRIDDED_BY]}) from {e[REGRIDDED_FROM]}."
        for e in outputs["repositories"]
        if REGRIDDED_BY in e
    ]
    for words in dict.fromkeys(ways):
        console.print(words, markup=False, soft_wrap=True)
    if dry_run:
        console.print(
            f"{_counted(outputs['fields'], 'field')} of {_counted(outputs['files'], 'file')} would be read."
        )
    else:
        console.print(
            f"{_counted(outputs['stored'], 'field')} stored, {outputs['duplicates']:,} were there already, "
            f"{outputs['conflicts']:,} were there with other values."
        )
    for warning in outputs["warnings"][:MOST_PRINTED]:
        messages.print(f"Warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    for each in outputs["set_aside"][:MOST_PRINTED]:
        where = f"{each['file']}, byte {each['offset']:,}" if each["length"] else each["file"]
        messages.print(f"{where}: {each['reason']}", style="yellow", markup=False, soft_wrap=True)
    more = outputs["set_aside_count"] - min(len(outputs["set_aside"]), MOST_PRINTED)
    if more > 0:
        messages.print(f"... and {more:,} more were set aside; --json lists them.", style="yellow")


def print_expiry(outputs: Json) -> None:
    """Print what became of old versions."""
    forgotten, twins = _counted(outputs["versions"], "version"), _counted(outputs["twins"], "twin")
    console.print(
        f"{forgotten} of {twins} forgotten, {_size(outputs['bytes'])} freed; what was the newest on "
        f"{outputs['older_than'][:16].replace('T', ' ')} UTC or later can still be opened.",
        soft_wrap=True,
    )
    for each in outputs["problems"]:
        messages.print(f"{each['twin']}: {each['problem']}", style="yellow", markup=False, soft_wrap=True)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def print_twin(item: Json) -> None:
    """Print a twin: its keys, variables and levels, and its versions."""
    about = item["properties"]
    console.print(f"{item['collection']}/{item['id']}: {about['title']}", markup=False, soft_wrap=True)
    console.print(f"{about['start_datetime']} to {about['end_datetime']}, grid {grid_of(item)}")
    if REGRIDDED_FROM in about:
        words = f"Regridded ({about[REGRIDDED_BY]}) from {about[REGRIDDED_FROM]}."
        console.print(words, markup=False, soft_wrap=True)
    console.print(item["assets"]["cube"]["href"], soft_wrap=True)
    keys = {key.removeprefix("mars:"): value for key, value in about.items() if key.startswith("mars:")}
    console.print(", ".join(f"{key}={value}" for key, value in keys.items()), markup=False, soft_wrap=True)
    variables = []
    for name, variable in about["cube:variables"].items():
        param = str(variable.get("attrs", {}).get("mars:param", ""))
        what = variable.get("description", "")
        variables.append((name, param, variable.get("unit", ""), ", ".join(variable["dimensions"]), what))
    _print_rows(("Variable", "Param", "Unit", "Dimensions", "What"), variables)
    versions = [
        (version["id"], version["when"][:19], str(version["steps"]), version["message"])
        for version in about.get("geoscope:versions", [])
    ]
    if versions:
        _print_rows(("Version", "When", "Steps", "What was done"), versions)


def grid_of(item: Json) -> str:
    """Return the short name of a twin's grid, as `h64`: as the item says it, or from its dimensions."""
    about = item["properties"]
    if said := about.get("geoscope:grid"):
        return str(said)
    horizontal = [
        each
        for each in about.get("cube:dimensions", {}).values()
        if each["type"] == "index" or each.get("axis") in ("x", "y")
    ]
    nside = next(
        (found[1] for each in horizontal if (found := _NSIDE.search(each.get("description", "")))), ""
    )
    return f"h{nside}" if nside else "x".join(_length(each) for each in horizontal)


_NSIDE = re.compile(r"nside (\d+)")


def _length(dimension: Json) -> str:
    first, last = dimension["extent"]
    step = 1 if dimension["type"] == "index" else dimension.get("step")
    return str(round(abs((last - first) / step)) + 1) if step else "?"


def _print_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; where a terminal is too narrow for it, what would be columns stands below the first."""
    table = Table(*heads, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*map(escape, row))
    unbounded = Console(width=UNBOUNDED, highlight=False)
    width = Measurement.get(unbounded, unbounded.options, table).maximum
    if not console.is_terminal or width <= console.width:
        unbounded.print(table)
        return
    for name, *others in rows:
        console.print(name, markup=False, soft_wrap=True)
        said = (
            f"[dim]{head}[/dim] {escape(value)}"
            for head, value in zip(heads[1:], others, strict=True)
            if value
        )
        console.print("  " + "  ".join(said), soft_wrap=True)


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
