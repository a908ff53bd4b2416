"""The kinds of queries and their parameters, as OGC API - EDR 1.1 names them."""

from dataclasses import dataclass
from enum import StrEnum

from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.forms import Form

METRES = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "nmi": 1852.0, "ft": 0.3048}
UNIT_NAMES = {
    "metre": "m", "metres": "m", "meter": "m", "meters": "m",
    "kilometre": "km", "kilometres": "km", "kilometer": "km", "kilometers": "km",
    "mile": "mi", "miles": "mi", "foot": "ft", "feet": "ft",
}  # fmt: skip


class Kind(StrEnum):
    """The kinds of queries; the value stands in the path."""

    POSITION = "position"
    RADIUS = "radius"
    AREA = "area"
    CUBE = "cube"
    TRAJECTORY = "trajectory"
    CORRIDOR = "corridor"
    LOCATIONS = "locations"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query, as the OpenAPI document and error messages show it."""

    name: str
    description: str
    example: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()


_COMMON = (
    Parameter("parameter-name", "Names, separated by commas; all by default.", "air_temperature"),
    Parameter(
        "datetime",
        "Instant or interval, RFC 3339; open ends are `..`. A year, month or day is all of it.",
        "2050/..",
    ),
    Parameter("crs", "`CRS84` (longitude first, the default) or `EPSG:4326` (latitude first)."),
    Parameter("f", f"Form of the answer: {', '.join(form.value for form in Form)}.", "CoverageJSON"),
    Parameter("estimate", "`true`: tell how large the answer would be, and how long it takes.", "true"),
)
_AGGREGATE = Parameter(
    "aggregate",
    "One value for the whole region instead of one for each cell: the mean (weighted by the areas of the "
    f"cells), the minimum, the maximum or the sum: {', '.join(Aggregate)}.",
    "mean",
    choices=tuple(Aggregate),
)
_Z = Parameter("z", "Levels in the unit of the data: `850`, `1000,850`, `500/1000` or `R3/500/250`.", "850")


def _coords(description: str, example: str) -> Parameter:
    return Parameter("coords", f"Well-known text in degrees: {description}.", example, required=True)


PARAMETERS: dict[Kind, tuple[Parameter, ...]] = {
    Kind.POSITION: (_coords("POINT or MULTIPOINT", "POINT(-105.2 40.1)"), _Z, *_COMMON),
    Kind.RADIUS: (
        _coords("POINT or MULTIPOINT", "POINT(-105.2 40.1)"),
        Parameter("within", "Radius.", "500", required=True),
        Parameter("within-units", f"One of {', '.join(METRES)}.", "km", required=True),
        _Z,
        _AGGREGATE,
        *_COMMON,
    ),
    Kind.AREA: (
        _coords("POLYGON or MULTIPOLYGON", "POLYGON((-110 35,-100 35,-100 45,-110 35))"),
        _Z,
        _AGGREGATE,
        *_COMMON,
    ),
    Kind.CUBE: (
        Parameter(
            "bbox",
            "west,south,east,north in degrees, or west,south,lowest,east,north,highest; west > east crosses "
            "the date line.",
            "-110,35,-100,45",
            required=True,
        ),
        Parameter("resolution-x", "Places along longitude, from edge to edge, each with the cell there."),
        Parameter("resolution-y", "Places along latitude, from edge to edge."),
        _Z,
        _AGGREGATE,
        *_COMMON,
    ),
    Kind.TRAJECTORY: (
        _coords(
            "LINESTRING, with Z in the unit of the levels and M in seconds since 1970",
            "LINESTRING(-110 35,-100 45)",
        ),
        _Z,
        *_COMMON,
    ),
    Kind.CORRIDOR: (
        _coords("LINESTRING, with Z and M", "LINESTRING(-110 35,-100 45)"),
        Parameter("corridor-width", "Whole width.", "500", required=True),
        Parameter("width-units", f"One of {', '.join(METRES)}.", "km", required=True),
        Parameter("corridor-height", "Whole height around the path's Z.", "200"),
        Parameter("height-units", "The unit of the levels.", "hPa"),
        _Z,
        _AGGREGATE,
        *_COMMON,
    ),
    Kind.LOCATIONS: (_Z, _AGGREGATE, *_COMMON),
}  # fmt: skip
