"""Series as a CSV table (RFC 4180): one row a time, missing values left empty."""

import csv
import io
from collections.abc import Iterable
from itertools import repeat

import numpy as np
import orjson
from numpy.typing import NDArray

from geoscope.cuts.position import Series


def csv_table(found: list[Series]) -> str:
    """Write series below each other.

    Columns: instance, time (UTC), longitude and latitude of the cell's centre in degrees, then each variable
    with its unit.
    """
    units = {variable.name: variable.unit for series in found for variable in series.variables}
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        ["instance", "time", "longitude", "latitude", *(_heading(*column) for column in units.items())]
    )
    for series in found:
        table.writerows(_rows(series, units))
    return text.getvalue()


def _rows(series: Series, names: Iterable[str]) -> Iterable[tuple[str, ...]]:
    times = series.times or [""]
    nothing = [""] * len(times)
    columns = (_decimals(series.values[name]) if name in series.values else nothing for name in names)
    longitude, latitude = map(str, series.place)
    return zip(repeat(series.instance), times, repeat(longitude), repeat(latitude), *columns, strict=False)


def _heading(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _decimals(values: NDArray[np.float32]) -> list[str]:
    """Return the shortest decimals that give back each value; empty for one that is missing."""
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return ["" if number == "null" else number for number in text[1:-1].split(",")]
