"""Geometries as well-known text, read strictly: places on Earth in CRS84, whatever they were written in."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoscope.cubes.grid import Bounds, Degrees
from geoscope.errors import InvalidInputError

# A URL of the usual servers ends at 64 KiB; a job takes more.
LONGEST_TEXT = 400_000
MOST_POINTS = 20_000

# Blanks are never given back (`*+`): a text of many would be searched in quadratic time.
_KIND = re.compile(
    r"\s*+(MULTIPOINT|POINT|LINESTRING|MULTIPOLYGON|POLYGON|[A-Z]+?)\s*+(ZM|Z|M)?\s*+(?=\()", re.IGNORECASE
)
_EXAMPLES = {
    "POINT": "POINT(-0.13 51.51)",
    "MULTIPOINT": "MULTIPOINT((-0.13 51.51),(2.35 48.86))",
    "POLYGON": "POLYGON((0 45,8 45,8 50,0 50,0 45))",
    "MULTIPOLYGON": "MULTIPOLYGON(((0 45,8 45,8 50,0 45)),((10 45,12 45,12 47,10 45)))",
    "LINESTRING": "LINESTRING(-0.13 51.51,2.35 48.86)",
}

CRS84_NAMES = (
    "CRS84",
    "OGC:CRS84",
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
)
EPSG_4326_NAMES = (
    "EPSG:4326",
    "http://www.opengis.net/def/crs/EPSG/0/4326",
    "urn:ogc:def:crs:EPSG::4326",
)

type Polygon = shapely.Polygon | shapely.MultiPolygon


@dataclass(frozen=True, eq=False)
class Points:
    """Points in their order, or the corners of a path; equal to others with the same numbers.

    Attributes
    ----------
    longitude, latitude : ndarray of float64, shape (n,)
        Degrees (CRS84).
    height, time : ndarray of float64, shape (n,), or None
        From Z, in the unit of the levels; from M, in seconds since 1970.
    """

    longitude: Degrees
    latitude: Degrees
    height: NDArray[np.float64] | None = None
    time: NDArray[np.float64] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers)

    @cached_property
    def _numbers(self) -> tuple[bytes | None, ...]:
        parts = (self.longitude, self.latitude, self.height, self.time)
        return tuple(None if part is None else part.tobytes() for part in parts)


def is_latitude_first(crs: str | None) -> bool:
    """Tell whether a reference system has the latitude first.

    Raises
    ------
    InvalidInputError
        If it is none of those that are offered.
    """
    if crs is None or crs in CRS84_NAMES:
        return False
    if crs in EPSG_4326_NAMES:
        return True
    raise InvalidInputError(
        f"crs={crs[:100]!r} is not offered.",
        "Expected CRS84 (longitude first) or EPSG:4326 (latitude first).",
    )


def read_points(text: str, *kinds: str, latitude_first: bool = False) -> Points:
    """Read points, or a path, as well-known text.

    Parameters
    ----------
    text : str
        Such as `POINT(-0.13 51.51)`; Z and M where the kind of geometry has a use for them.
    *kinds : str
        Those that fit: POINT, MULTIPOINT, LINESTRING.
    latitude_first : bool
        Whether it is written so.

    Raises
    ------
    InvalidInputError
        If it is another geometry, or none, or not on Earth.
    """
    geometry = _read(text, kinds)
    columns = shapely.get_coordinates(geometry, include_z=True, include_m=True)
    longitude, latitude = _on_earth(columns, latitude_first=latitude_first, east=180.0)
    height = columns[:, 2] if shapely.has_z(geometry) else None
    time = columns[:, 3] if shapely.has_m(geometry) else None
    for name, extra in (("Z", height), ("M", time)):
        if extra is not None and not np.isfinite(extra).all():
            raise InvalidInputError(f"coords has a {name} that is no number.")
    return Points(longitude, latitude, height, time)


def read_polygon(text: str, *, latitude_first: bool = False) -> Polygon:
    """Read a polygon or several as well-known text; over the date line they go on beyond 180 degrees.

    Raises
    ------
    InvalidInputError
        If it is another geometry, or none, not on Earth, or its edges cross; saying where.
    """
    geometry = _read(text, ("POLYGON", "MULTIPOLYGON"))
    if shapely.has_z(geometry) or shapely.has_m(geometry):
        raise InvalidInputError(
            "coords has Z or M, which polygons here have not.",
            "Name the levels with z, and times with datetime.",
        )
    longitude, latitude = _on_earth(
        shapely.get_coordinates(geometry), latitude_first=latitude_first, east=540.0
    )
    polygon: Polygon = shapely.set_coordinates(  # type: ignore[assignment]  # the kind was checked
        geometry, np.column_stack([longitude, latitude])
    )
    if not polygon.is_valid:
        raise InvalidInputError(
            f"The polygon in coords is not valid: {shapely.is_valid_reason(polygon)}.",
            "Its rings may not cross or touch themselves or each other.",
        )
    west, _, east, _ = polygon.bounds
    if east - west > 360.0:
        raise InvalidInputError(f"The polygon in coords is {east - west:g} degrees wide; Earth has 360.")
    return polygon


def read_box(text: str, *, latitude_first: bool = False) -> tuple[Bounds, tuple[float, float] | None]:
    """Read a bbox: four numbers, or six with the lowest and the highest level, which are returned too.

    Raises
    ------
    InvalidInputError
        If it cannot be read, or is no box on Earth; one whose west is east of its east crosses the date line.
    """
    try:
        numbers = [float(part) for part in text[:400].split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise InvalidInputError(
            f"bbox={text[:80]!r} cannot be read.",
            "Expected 4 numbers (west,south,east,north) or 6 (with the lowest and the highest level).",
        )
    levels = (numbers[2], numbers[5]) if len(numbers) == 6 else None
    west, south, east, north = numbers if levels is None else (*numbers[:2], *numbers[3:5])
    if latitude_first:
        west, south, east, north = south, west, north, east
    if not (all(-180 <= edge <= 180 for edge in (west, east)) and -90 <= south <= north <= 90):
        raise InvalidInputError(
            f"bbox={text[:80]!r} is no box on Earth.",
            "Expected west,south,east,north in degrees (in EPSG:4326: south,west,north,east).",
        )
    return Bounds(west, south, east, north), levels


def _read(text: str, kinds: tuple[str, ...]) -> BaseGeometry:
    if len(text) > LONGEST_TEXT or text.count(",") >= MOST_POINTS:
        raise InvalidInputError(
            f"coords has more than {MOST_POINTS:,} points.",
            "Simplify the geometry; cells are larger than that.",
        )
    match = _KIND.match(text)
    kind = match[1].upper() if match else ""
    if match is None or kind not in kinds:
        _refuse(text, f"{kind} {match[2] or ''}".strip() if match else "", kinds)
    if kind.endswith("POINT") and match[2] and "M" in match[2].upper():
        raise InvalidInputError("coords has M, which points here have not.", "Name the times with datetime.")
    # GEOS wants a blank between a kind and its dimensions.
    written = f"{kind} {(match[2] or '').upper()} {text[match.end() :]}"
    try:
        with np.errstate(over="ignore"):  # 1e999 is found to be no place
            geometry: BaseGeometry = shapely.from_wkt(written)
    except shapely.errors.GEOSException:
        _refuse(text, "", kinds)
    if geometry.is_empty:
        raise InvalidInputError("coords holds no points.", f"Expected {_EXAMPLES[kinds[0]]}.")
    return geometry


def _refuse(text: str, kind: str, kinds: tuple[str, ...]) -> NoReturn:
    examples = " or ".join(_EXAMPLES[each] for each in kinds)
    what = f"coords is a {kind}" if kind and kind not in kinds else f"coords={text[:80]!r} cannot be read"
    raise InvalidInputError(f"{what}.", f"Expected longitude and latitude in degrees, such as {examples}.")


def _on_earth(columns: NDArray[np.float64], *, latitude_first: bool, east: float) -> tuple[Degrees, Degrees]:
    longitude, latitude = columns[:, 0], columns[:, 1]
    if latitude_first:
        longitude, latitude = latitude, longitude
    good = (longitude >= -180) & (longitude <= east) & (np.abs(latitude) <= 90)
    if not good.all():
        first = int(np.argmin(good))
        x, y = columns[first, :2]
        order = ("latitude", "longitude") if latitude_first else ("longitude", "latitude")
        raise InvalidInputError(
            f"({x:g} {y:g}) is no place on Earth.",
            f"Expected the {order[0]} first, then the {order[1]}: "
            f"longitudes from -180 to {east:g}, latitudes from -90 to 90.",
        )
    return longitude, latitude
