"""Features of a request: the shape to cut out, checked. Points are [latitude, longitude], in degrees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError
from geoscope.mars.keys import FIELD_KEYS, suggestion
from geoscope.mars.requests import Choice, read_choice
from geoscope.twins.polytope.areas import Area, Box, Circle, Frame, Region, Track

MOST_POINTS = 1_000
MOST_CORNERS = 100_000

PLACE = ("latitude", "longitude")

# What the axis of a time series may be called; which it is follows from the data.
TIME_AXES = ("date", "step", "month", "year", "time", "datetime", "hdate")

type Json = Mapping[str, Any]
type Points = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """What is cut out of fields.

    Attributes
    ----------
    kind : str
        As the request names it, such as `polygon`.
    domain : str
        The CoverageJSON domain of the answer.
    points : ndarray of float, shape (n, 2)
        Latitudes and longitudes whose nearest cells are wanted; none for an area.
    area : Area or None
        The area whose cells are wanted.
    choices : mapping of str to Choice
        What it chooses of other keys of the request: ranges of `levelist`, `step`, `date` and so on.
    """

    kind: str
    domain: str
    points: Points = field(default_factory=lambda: np.empty((0, 2)))
    area: Area | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)


def parse_feature(told: Json) -> Feature:
    """Read a feature.

    Raises
    ------
    InvalidInputError
        Naming the member that is missing or wrong.
    """
    kind = str(told.get("type", "")).strip().lower()
    if kind not in _READERS:
        raise InvalidInputError(
            f"feature: there is no type {kind[:50]!r}.", suggestion(kind, list(_READERS), "There are")
        )
    read, members = _READERS[kind]
    for name in told:
        if name not in ("type", *members):
            raise InvalidInputError(
                f"feature: {kind} has no member {str(name)[:50]!r}.", f"It has: {', '.join(members)}."
            )
    return read(told)


def _time_series(told: Json) -> Feature:
    axis = told.get("time_axis", told.get("axes", "date"))
    names = [str(name) for name in (axis if isinstance(axis, list) else [axis])]
    if not set(names) <= {*TIME_AXES, *PLACE}:
        raise InvalidInputError(
            f"feature: time_axis {axis!r} is none.", f"Expected one of {', '.join(TIME_AXES)}."
        )
    choices = {}
    if "range" in told:
        # Older clients name no axis with it: these are steps.
        is_named = "time_axis" in told or (isinstance(axis, str) and "axes" in told)
        key = next((name for name in names if is_named and name in FIELD_KEYS), "step")
        choices[key] = _range(key, told["range"])
    return Feature("timeseries", "PointSeries", _places(told, told.get("points")), choices=choices)


def _position(told: Json) -> Feature:
    return Feature("position", "PointSeries", _places(told, told.get("points")))


def _vertical_profile(told: Json) -> Feature:
    choices = {"levelist": _range("levelist", told["range"])} if "range" in told else {}
    return Feature("verticalprofile", "VerticalProfile", _places(told, told.get("points")), choices=choices)


def _bounding_box(told: Json) -> Feature:
    axes = _axes(told, PLACE, (*PLACE, "levelist"))
    corners = _numbers(told.get("points"), "points", len(axes), least=2, most=2)
    by_axis = dict(zip(axes, corners.T, strict=True))
    choices = {"levelist": _between(*_sorted(by_axis["levelist"]))} if "levelist" in by_axis else {}
    _check_places(np.stack([by_axis["latitude"], by_axis["longitude"]], axis=1), "points")
    box = Box(*_sorted(by_axis["latitude"]), *_sorted(by_axis["longitude"]))
    return Feature("boundingbox", "MultiPoint", area=box, choices=choices)


def _polygon(told: Json) -> Feature:
    shape = told.get("shape")
    if not isinstance(shape, list) or not shape or not isinstance(shape[0], list) or not shape[0]:
        raise InvalidInputError(
            "feature: shape is missing.", "Expected [[lat, lon], ...], or a list of these."
        )
    _axes(told, PLACE, PLACE)
    rings = shape if isinstance(shape[0][0], list) else [shape]
    polygons = []
    corners = 0
    for ring in rings:
        outline = _places(told, ring, "shape", least=3, most=MOST_CORNERS)
        corners += len(outline)
        polygons.append(shapely.Polygon(outline[:, ::-1]))
    if corners > MOST_CORNERS:
        raise InvalidInputError(f"feature: shape has {corners} corners.", f"At most {MOST_CORNERS} are read.")
    # A ring that crosses itself has no inside of its own; the union of its parts is what people mean.
    whole = shapely.union_all([shapely.make_valid(polygon) for polygon in polygons])
    if whole.is_empty or whole.area == 0:
        raise InvalidInputError("feature: shape has no inside.")
    return Feature("polygon", "MultiPoint", area=Region(whole))


def _circle(told: Json) -> Feature:
    center = told.get("center")
    one = center if isinstance(center, list) and center and isinstance(center[0], list) else [center]
    _axes(told, PLACE, PLACE)
    place = _places(told, one, "center", most=1)
    radius = _number(told.get("radius"), "radius")
    if not 0 < radius <= 180:
        raise InvalidInputError("feature: radius must be more than 0 and at most 180 degrees.")
    return Feature("circle", "MultiPoint", area=Circle(float(place[0, 0]), float(place[0, 1]), radius))


def _frame(told: Json) -> Feature:
    boxes = []
    for name in ("outer_box", "inner_box"):
        corners = _places(told, told.get(name), name, least=2, most=2)
        boxes.append(Box(*_sorted(corners[:, 0]), *_sorted(corners[:, 1])))
    return Feature("frame", "MultiPoint", area=Frame(*boxes))


def _trajectory(told: Json) -> Feature:
    every = (*PLACE, "levelist", "step")
    points = told.get("points")
    width = len(points[0]) if isinstance(points, list) and points and isinstance(points[0], list) else 2
    axes = _axes(told, every[:width], every)
    corners = _numbers(points, "points", len(axes), least=2, most=MOST_POINTS)
    by_axis = dict(zip(axes, corners.T, strict=True))
    _check_places(np.stack([by_axis["latitude"], by_axis["longitude"]], axis=1), "points")
    inflation = told.get("inflation", 0)
    each = inflation if isinstance(inflation, list) else [inflation] * len(axes)
    reach = dict(zip(axes, (_number(one, "inflation") for one in each), strict=False))
    if len(reach) != len(axes) or any(value < 0 for value in reach.values()):
        raise InvalidInputError("feature: inflation is one number, or one for each axis, and not negative.")
    inflate = str(told.get("inflate", "round"))
    if inflate not in ("round", "box"):
        raise InvalidInputError(f"feature: inflate is round or box, not {inflate[:50]!r}.")
    track = Track(by_axis, reach, is_round=inflate == "round")
    choices = {}
    if "levelist" in by_axis:
        choices["levelist"] = _between(*track.range_of("levelist"))
    if "step" in by_axis:
        first, last = track.range_of("step")
        choices["step"] = _between(max(int(np.ceil(first)), 0), max(int(np.floor(last)), 0))
    return Feature("trajectory", "Trajectory", area=track, choices=choices)


type _Reader = Callable[[Json], Feature]

_READERS: dict[str, tuple[_Reader, tuple[str, ...]]] = {
    "timeseries": (_time_series, ("points", "time_axis", "axes", "range")),
    "position": (_position, ("points", "axes")),
    "verticalprofile": (_vertical_profile, ("points", "axes", "range")),
    "boundingbox": (_bounding_box, ("points", "axes")),
    "polygon": (_polygon, ("shape", "axes")),
    "trajectory": (_trajectory, ("points", "axes", "inflation", "inflate")),
    "circle": (_circle, ("center", "radius", "axes")),
    "frame": (_frame, ("outer_box", "inner_box")),
}


def _places(
    told: Json, value: object, name: str = "points", least: int = 1, most: int = MOST_POINTS
) -> Points:
    """Read points of two numbers, also where `axes` says that the longitude comes first."""
    found = _numbers(value, name, 2, least=least, most=most)
    axes = told.get("axes")
    if isinstance(axes, list) and [str(axis) for axis in axes] == ["longitude", "latitude"]:
        found = found[:, ::-1]
    _check_places(found, name)
    return found


def _axes(told: Json, default: Sequence[str], allowed: Sequence[str]) -> list[str]:
    axes = told.get("axes", list(default))
    names = [str(axis) for axis in axes] if isinstance(axes, list) else []
    if len(set(names)) != len(names) or not {"latitude", "longitude"} <= set(names) <= set(allowed):
        raise InvalidInputError(
            f"feature: axes {axes!r} cannot be used.",
            f"Expected latitude, longitude and others of {list(allowed)}.",
        )
    return names


def _numbers(value: object, name: str, width: int, least: int, most: int) -> Points:
    what = f"{least} or more" if most > least else str(least)
    expected = f"Expected {what} points of {width} numbers, such as [[48.1, 11.6]]."
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise InvalidInputError(f"feature: {name} cannot be used.", expected)
    if not all(isinstance(point, list) and len(point) == width for point in value):
        raise InvalidInputError(f"feature: {name} cannot be used.", expected)
    try:
        found = np.array(value, np.float64)
    except (ValueError, TypeError):
        raise InvalidInputError(f"feature: {name} holds what is no number.", expected) from None
    if not np.isfinite(found).all():
        raise InvalidInputError(f"feature: {name} holds what is no number.", expected)
    return found


def _check_places(places: Points, name: str) -> None:
    latitude, longitude = places.T
    if np.abs(latitude).max() > 90 or np.abs(longitude).max() > 540:
        worst = places[int(np.argmax(np.abs(latitude) - 90))]
        raise InvalidInputError(
            f"feature: {name} holds {worst.tolist()}, which is nowhere.", "Points are [latitude, longitude]."
        )


def _number(value: object, name: str) -> float:
    try:
        number = float(value) if isinstance(value, (str, int, float)) else np.nan
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InvalidInputError(f"feature: {name} is no number.")
    return number


def _range(key: str, told: object) -> Choice:
    """Read a range of a key: `start`, `end` and, where not all between them is wanted, `interval`."""
    if not isinstance(told, Mapping) or not {"start", "end"} <= set(told) <= {"start", "end", "interval"}:
        raise InvalidInputError("feature: range cannot be used.", "Expected start, end and interval.")
    words = [_word(told[name]) for name in ("start", "end", "interval") if name in told]
    return read_choice(key, "/to/".join(words[:2]) + "".join(f"/by/{word}" for word in words[2:]))


def _between(first: float, last: float) -> Choice:
    return Choice((_word(first), _word(last)), is_range=True)


def _word(value: object) -> str:
    """Write a number as a request would, `6.0` as `6`; anything else as it is."""
    try:
        return format(float(str(value)), ".15g")
    except ValueError:
        return str(value)


def _sorted(values: Sequence[float] | Points) -> tuple[float, float]:
    return float(min(values)), float(max(values))
