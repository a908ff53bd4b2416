"""What a person asks of a cut, read strictly: a region, names, times, levels and a form of answer.

Each kind of query has its parameters, as OGC API - EDR 1.1 names them. They are given as a mapping of texts,
the same from a URL and from the inputs of a job.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from geoscope.cubes.grid import Bounds
from geoscope.cubes.selecting import FARTHEST_M
from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.forms import Form
from geoscope.cuts.geometries import Points, is_latitude_first, read_box, read_points, read_polygon
from geoscope.cuts.levels import WantedLevels
from geoscope.cuts.locations import country
from geoscope.cuts.parameters import METRES, PARAMETERS, UNIT_NAMES, Kind
from geoscope.cuts.regions import Area, Box, Circles, Corridor, Path, Places, Region
from geoscope.errors import InvalidInputError

MOST_LATTICE = 4096
# As OWSLib writes it.
_OTHER_NAMES = {"parameter_names": "parameter-name"}
_RESOLUTIONS = ("resolution-x", "resolution-y")
_YES = ("true", "1", "yes")
_NO = ("false", "0", "no")


@dataclass(frozen=True)
class Question:
    """A query that was read, before any data was looked at.

    Attributes
    ----------
    region : Region
        Where.
    names : list of str
        Of the variables; all if empty.
    datetime : str or None
        An instant or interval; all times for None.
    levels : WantedLevels or None
        All for None.
    form : Form
        Of the answer.
    only_estimate : bool
        Whether only the size is asked for.
    aggregate : Aggregate or None
        What is made of all cells together; None for a value each.
    seconds : tuple of float, or None
        Of a corridor whose path has times (M): the first and the last, in seconds since 1970.
    height_unit : str or None
        What a corridor's heights are measured in.
    """

    kind: Kind
    region: Region
    names: list[str]
    datetime: str | None
    levels: WantedLevels | None
    form: Form
    only_estimate: bool
    aggregate: Aggregate | None = None
    seconds: tuple[float, float] | None = None
    height_unit: str | None = None

    @property
    def name(self) -> str:
        """What an answer may be called."""
        return str(self.kind) if self.aggregate is None else f"{self.kind}-{self.aggregate}"


def read_question(
    kind: Kind, given: Mapping[str, str], accept: str = "", location: str | None = None
) -> Question:
    """Read a query.

    Parameters
    ----------
    kind : Kind
        Which.
    given : mapping of str to str
        Its parameters.
    accept : str
        The header that says which forms are liked; `f` counts before it.
    location : str, optional
        Of a query for a location: its id.

    Raises
    ------
    InvalidInputError
        Naming the parameter that is unknown, missing or cannot be read, and what would fit.
    NotFoundError
        If there is no such location.
    """
    given = {_OTHER_NAMES.get(name, name): value for name, value in given.items()}
    known = {parameter.name: parameter for parameter in PARAMETERS[kind]}
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidInputError(
            f"A {kind} query has no parameter {', '.join(map(repr, unknown))}.",
            f"It has: {', '.join(known)}.",
        )
    for parameter in known.values():
        if parameter.required and not given.get(parameter.name, "").strip():
            raise InvalidInputError(
                f"The parameter {parameter.name} is missing.",
                f"{parameter.description} For example {parameter.name}={parameter.example}.",
            )
    region = Area(country(location).outline) if location is not None else _REGIONS[kind](given)
    levels = WantedLevels.parse(given.get("z"))
    if levels is None:
        levels = _levels_of_region(region, given)
    return Question(
        kind=kind,
        region=region,
        names=read_names(given.get("parameter-name")),
        datetime=given.get("datetime"),
        levels=levels,
        form=Form.choose(given.get("f"), accept),
        only_estimate=_is_yes(given, "estimate"),
        aggregate=_aggregate_of(given),
        seconds=_seconds_of_region(region),
        height_unit=given.get("height-units"),
    )


def read_names(names: str | None) -> list[str]:
    """Return the names of a comma-separated list, each once; none for None."""
    return list(dict.fromkeys(name.strip() for name in (names or "").split(",") if name.strip()))


def _aggregate_of(given: Mapping[str, str]) -> Aggregate | None:
    aggregate = Aggregate.parse(given.get("aggregate"))
    sampled = [name for name in _RESOLUTIONS if name in given]
    if aggregate is not None and sampled:
        # Places between edges are not cells: they have no areas, and some cells would count several times.
        raise InvalidInputError(
            f"aggregate is made of the cells themselves, not of the places of {' and '.join(sampled)}.",
            "Leave out one of them.",
        )
    return aggregate


def _points(given: Mapping[str, str], *kinds: str) -> Points:
    return read_points(given["coords"], *kinds, latitude_first=is_latitude_first(given.get("crs")))


def _position(given: Mapping[str, str]) -> Region:
    points = _points(given, "POINT", "MULTIPOINT")
    is_single = given["coords"].strip()[:5].upper() == "POINT"
    if points.height is not None and "z" in given:
        raise InvalidInputError("Both coords and z name levels.", "Leave out one of them.")
    return Places(points, is_single)


def _radius(given: Mapping[str, str]) -> Region:
    points = _points(given, "POINT", "MULTIPOINT")
    return Circles(points, _distance(given, "within", "within-units"))


def _area(given: Mapping[str, str]) -> Region:
    return Area(read_polygon(given["coords"], latitude_first=is_latitude_first(given.get("crs"))))


def _cube(given: Mapping[str, str]) -> Region:
    bounds, _ = _box(given)
    columns, rows = (_lattice_size(given, name) for name in _RESOLUTIONS)
    return Box(*bounds, columns, rows)


def _box(given: Mapping[str, str]) -> tuple[Bounds, tuple[float, float] | None]:
    return read_box(given["bbox"], latitude_first=is_latitude_first(given.get("crs")))


def _trajectory(given: Mapping[str, str]) -> Region:
    return Path(_path(given))


def _corridor(given: Mapping[str, str]) -> Region:
    points = _path(given)
    if ("corridor-height" in given) != ("height-units" in given):
        raise InvalidInputError("corridor-height and height-units belong together.", "Give both, or neither.")
    return Corridor(points, _distance(given, "corridor-width", "width-units") / 2)


def _path(given: Mapping[str, str]) -> Points:
    points = _points(given, "LINESTRING")
    if points.height is not None and "z" in given:
        raise InvalidInputError("Both coords and z name levels.", "Leave out one of them.")
    if points.time is not None and "datetime" in given:
        raise InvalidInputError("Both coords and datetime name times.", "Leave out one of them.")
    if points.time is not None and np.any(np.diff(points.time) < 0):
        raise InvalidInputError("The times (M) in coords go back.", "Expected them to rise along the path.")
    return points


_REGIONS: dict[Kind, Callable[[Mapping[str, str]], Region]] = {
    Kind.POSITION: _position,
    Kind.RADIUS: _radius,
    Kind.AREA: _area,
    Kind.CUBE: _cube,
    Kind.TRAJECTORY: _trajectory,
    Kind.CORRIDOR: _corridor,
}


def _levels_of_region(region: Region, given: Mapping[str, str]) -> WantedLevels | None:
    """Return the levels that the region itself names."""
    if isinstance(region, Box) and (levels := _box(given)[1]) is not None:
        return WantedLevels.parse(f"{levels[0]!r}/{levels[1]!r}")
    if isinstance(region, Places) and region.is_single and region.points.height is not None:
        return WantedLevels.parse(repr(float(region.points.height[0])))
    if isinstance(region, Corridor) and (height := region.points.height) is not None:
        half = _number(given, "corridor-height") / 2 if "corridor-height" in given else 0.0
        return WantedLevels.parse(f"{float(height.min()) - half!r}/{float(height.max()) + half!r}")
    return None


def _seconds_of_region(region: Region) -> tuple[float, float] | None:
    if isinstance(region, Corridor) and (times := region.points.time) is not None:
        return float(times[0]), float(times[-1])
    return None


def _distance(given: Mapping[str, str], name: str, unit_name: str) -> float:
    value = _number(given, name)
    unit = given[unit_name].strip().lower()
    unit = UNIT_NAMES.get(unit, unit)
    if unit not in METRES:
        raise InvalidInputError(
            f"{unit_name}={given[unit_name][:40]!r} is not known.", f"Expected one of: {', '.join(METRES)}."
        )
    metres = value * METRES[unit]
    if not 0 < metres <= 2 * FARTHEST_M:
        raise InvalidInputError(
            f"{name}={given[name][:40]} {unit} does not fit on Earth.",
            f"Expected more than 0 and at most {FARTHEST_M / METRES[unit]:,.0f} {unit}.",
        )
    return metres


def _number(given: Mapping[str, str], name: str) -> float:
    try:
        value = float(given[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InvalidInputError(f"{name}={given[name][:40]!r} cannot be used.", "Expected a number above 0.")
    return value


def _lattice_size(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "0").strip()
    if not re.fullmatch(r"\d{1,6}", text) or int(text) > MOST_LATTICE:
        raise InvalidInputError(
            f"{name}={text[:40]!r} cannot be used.",
            f"Expected a number of places from 0 (all) to {MOST_LATTICE}.",
        )
    return int(text)


def _is_yes(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false").strip().lower()
    if text not in (*_YES, *_NO):
        raise InvalidInputError(f"{name}={text[:40]!r} cannot be read.", "Expected true or false.")
    return text in _YES
