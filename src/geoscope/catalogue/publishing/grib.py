"""Reading GRIB 1 and 2 with ecCodes: what the messages of a file say, and a picture of the first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, NamedTuple

import eccodes
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.catalogue.publishing.descriptions import Description
from geoscope.catalogue.publishing.gridded import describe_gridded
from geoscope.catalogue.publishing.pictures import LONGEST_SIDE, picture_of_field
from geoscope.cubes.longitudes import covering_arc
from geoscope.errors import InvalidInputError

GRIB = "application/wmo-GRIB2"
MOST_MESSAGES = 100_000
MOST_POINTS_READ = 36_000_000
NOT_KNOWN = ("unknown", "~", "")


@dataclass(frozen=True)
class _Field:
    """One message, as far as it is needed."""

    variable: str
    title: str
    unit: str
    level: float
    level_type: str
    time: np.datetime64


class _Places(NamedTuple):
    """Degrees of each point of a grid."""

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]


def describe_grib(file: BinaryIO) -> Description:
    """Describe the messages of a GRIB file; the grid is that of the first.

    Raises
    ------
    InvalidInputError
        If it holds no message, or more than can be described.
    """
    fields: list[_Field] = []
    axes: dict[str, Any] = {}
    places: _Places | None = None
    for message in _messages(file):
        if not fields:
            places = _places(message)
            axes = _axes(message, places)
        fields.append(_field(message))
        if len(fields) > MOST_MESSAGES:
            raise InvalidInputError(
                f"It holds more than {MOST_MESSAGES} messages.", "Split it into several files."
            )
    if places is None:
        raise InvalidInputError("It holds no GRIB message.")
    if not axes:
        return _describe_points(places, fields)
    return describe_gridded(_dataset(fields, axes), GRIB, None)


def draw_grib(file: BinaryIO) -> bytes | None:
    """Draw the first message; None if its points do not stand in rows, or nothing is to be seen."""
    for message in _messages(file):
        shape = _shape(message)
        if shape is None or shape[0] * shape[1] > MOST_POINTS_READ:
            return None
        eccodes.codes_set(message, "missingValue", 9e20)
        values = eccodes.codes_get_values(message).reshape(shape)
        values[values == 9e20] = np.nan
        if eccodes.codes_get(message, "jScansPositively"):
            values = values[::-1]
        every = max(max(shape) // (2 * LONGEST_SIDE), 1)
        return picture_of_field(values[::every, ::every])
    return None


def _messages(file: BinaryIO) -> Iterator[int]:
    file.seek(0)
    while (message := eccodes.codes_grib_new_from_file(file)) is not None:
        try:
            yield message
        finally:
            eccodes.codes_release(message)


def _field(message: int) -> _Field:
    date, time = int(_number(message, "validityDate")), int(_number(message, "validityTime"))
    try:
        moment = datetime(date // 10_000, date // 100 % 100, date % 100, time // 100, time % 100, tzinfo=UTC)
    except ValueError as error:
        raise InvalidInputError(f"A message says the date {date} and the time {time}.") from error
    short_name = _text(message, "shortName")
    known = short_name not in NOT_KNOWN
    return _Field(
        variable=short_name if known else f"param{_number(message, 'paramId'):g}",
        title=_text(message, "name"),
        unit=_text(message, "units"),
        level=_number(message, "level"),
        level_type=_text(message, "typeOfLevel"),
        time=np.datetime64(moment.replace(tzinfo=None), "ns"),
    )


def _text(message: int, key: str) -> str:
    return str(eccodes.codes_get_string(message, key)) if eccodes.codes_is_defined(message, key) else ""


def _number(message: int, key: str) -> float:
    return float(eccodes.codes_get_double(message, key)) if eccodes.codes_is_defined(message, key) else 0.0


def _shape(message: int) -> tuple[int, int] | None:
    """Return the number of rows and columns of a grid that has them."""
    if eccodes.codes_is_missing(message, "Ni") if eccodes.codes_is_defined(message, "Ni") else True:
        return None
    columns, rows = eccodes.codes_get(message, "Ni"), eccodes.codes_get(message, "Nj")
    points = eccodes.codes_get(message, "numberOfDataPoints")
    return (rows, columns) if rows * columns == points and points > 0 else None


def _axes(message: int, places: _Places) -> dict[str, Any]:
    """Return the coordinates of the grid as xarray takes them; none if the points stand in no rows."""
    shape = _shape(message)
    if shape is None or shape[0] * shape[1] > MOST_POINTS_READ:
        return {}
    latitude, longitude = places
    north = {"standard_name": "latitude", "units": "degrees_north"}
    east = {"standard_name": "longitude", "units": "degrees_east"}
    if eccodes.codes_get(message, "gridType") in ("regular_ll", "regular_gg"):
        return {
            "latitude": ("latitude", latitude.reshape(shape)[:, 0], north),
            "longitude": ("longitude", longitude.reshape(shape)[0], east),
        }
    return {
        "latitude": (("y", "x"), latitude.reshape(shape), north),
        "longitude": (("y", "x"), longitude.reshape(shape), east),
    }


def _places(message: int) -> _Places:
    return _Places(
        eccodes.codes_get_double_array(message, "latitudes"),
        eccodes.codes_get_double_array(message, "longitudes"),
    )


def _dataset(fields: list[_Field], axes: dict[str, Any]) -> xr.Dataset:
    """Return a dataset of the fields' shape: their values stand for themselves and take no memory."""
    rows, columns = axes["latitude"][0], axes["longitude"][0]
    grid = (rows, columns) if isinstance(rows, str) else rows
    sizes = [len(axes["latitude"][1]), len(axes["longitude"][1])]
    if not isinstance(rows, str):
        sizes = list(axes["latitude"][1].shape)
    times = np.unique([field.time for field in fields])
    coordinates = axes | {"time": ("time", times, {"standard_name": "time"})}
    variables: dict[str, Any] = {}
    for name in dict.fromkeys(field.variable for field in fields):
        same = [field for field in fields if field.variable == name]
        levels = sorted({field.level for field in same})
        dimensions, shape = ["time"], [len(times)]
        if len(levels) > 1:
            level = same[0].level_type
            taken = coordinates.get(level)
            if taken is not None and list(taken[1]) != levels:
                level = f"{level}_of_{name}"
            coordinates[level] = (level, np.array(levels), {"axis": "Z"})
            dimensions, shape = [*dimensions, level], [*shape, len(levels)]
        values = np.broadcast_to(np.float32(0), [*shape, *sizes])
        about = {"long_name": same[0].title, "units": same[0].unit}
        variables[name] = ((*dimensions, *grid), values, about)
    return xr.Dataset(variables, coordinates)


def _describe_points(places: _Places, fields: list[_Field]) -> Description:
    """Describe fields whose points stand in no rows, such as those of a reduced Gaussian grid."""
    latitude, longitude = places
    step = 180.0 / max(np.sqrt(latitude.size), 1.0)
    west, east = covering_arc(longitude, 2 * step)
    south, north = max(float(latitude.min()) - step / 2, -90.0), min(float(latitude.max()) + step / 2, 90.0)
    boxes = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    rings = [[[[w, south], [e, south], [e, north], [w, north], [w, south]]] for w, e in boxes]
    times = sorted({field.time for field in fields})
    variables = {
        field.variable: {
            "type": "data",
            "dimensions": ["time", "point"],
            "description": field.title,
            "unit": field.unit,
        }
        for field in fields
    }
    start, end = (f"{np.datetime_as_string(time, 's')}Z" for time in (times[0], times[-1]))
    return Description(
        geometry={"type": "Polygon", "coordinates": rings[0]}
        if len(rings) == 1
        else {"type": "MultiPolygon", "coordinates": rings},
        bbox=[west, south, east, north],
        media_type=GRIB,
        start=start,
        end=end,
        properties={
            "cube:dimensions": {
                "time": {"type": "temporal", "extent": [start, end]},
                "point": {"type": "index", "extent": [0, int(latitude.size) - 1]},
            },
            "cube:variables": variables,
        },
        extensions=("datacube",),
    )
