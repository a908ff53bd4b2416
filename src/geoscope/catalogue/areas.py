"""Areas that are searched, and footprints of items; in degrees, longitudes -180..180 (OGC CRS84)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from geojson_pydantic.geometries import Geometry
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geoscope.errors import InvalidInputError

MAX_POSITIONS = 10_000

# Real items round their bbox apart from their geometry, to as few as two digits.
BBOX_TOLERANCE_DEGREES = 0.01

_GEOMETRY: TypeAdapter[Geometry] = TypeAdapter(Geometry)


class Box(NamedTuple):
    """A box in degrees; one that crosses the antimeridian has `west` > `east` (RFC 7946, section 5.2)."""

    west: float
    south: float
    east: float
    north: float

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether it crosses the line between 180 and -180."""
        return self.west > self.east

    @property
    def has_extent(self) -> bool:
        """Whether it is more than a line or a point."""
        return self.west < self.east and self.south < self.north

    @property
    def parts(self) -> tuple["Box", ...]:
        """Return itself, or the two boxes on either side of the antimeridian."""
        if not self.crosses_antimeridian:
            return (self,)
        return (self._replace(east=180.0), self._replace(west=-180.0))


@dataclass(frozen=True)
class Area:
    """An area to search: one or two boxes, and inside them a geometry unless the boxes are all of it."""

    boxes: tuple[Box, ...]
    geometry: BaseGeometry | None = None

    @cached_property
    def shape(self) -> BaseGeometry:
        """The exact area, prepared for many tests."""
        area = self.geometry
        if area is None and len(self.boxes) == 1 and self.boxes[0].has_extent:
            area = shapely.box(*self.boxes[0])
        elif area is None:
            # A box without width or height is a line or a point, and no valid polygon.
            area = shapely.union_all([shapely.make_valid(shapely.box(*box)) for box in self.boxes])
        shapely.prepare(area)
        return area


class Footprint(NamedTuple):
    """Where an item is: the box around its geometry, and the geometry (WKB) unless the box is all of it."""

    box: Box
    shape: bytes | None


def parse_bbox(sent: Sequence[object], field: str = "bbox") -> Box:
    """Read a bbox of four numbers, or of six with heights, which are checked and not used.

    Raises
    ------
    InvalidInputError
        Naming the number that is out of range or out of order.
    """
    numbers = [float(number) for number in sent if isinstance(number, (int, float)) and math.isfinite(number)]
    if len(numbers) != len(sent) or len(numbers) not in (4, 6):
        raise InvalidInputError(
            f"{field}: {list(sent)[:6]} is not a box.",
            "Expected four numbers, west, south, east, north, or six with heights.",
        )
    half = len(numbers) // 2
    west, south, east, north = *numbers[:2], *numbers[half : half + 2]
    for name, longitude in (("west", west), ("east", east)):
        if not -180 <= longitude <= 180:
            raise InvalidInputError(f"{field}: {name} is {longitude}.", "Expected degrees from -180 to 180.")
    for name, latitude in (("south", south), ("north", north)):
        if not -90 <= latitude <= 90:
            raise InvalidInputError(f"{field}: {name} is {latitude}.", "Expected degrees from -90 to 90.")
    if south > north:
        raise InvalidInputError(f"{field}: south {south} lies above north {north}.")
    if half == 3 and numbers[2] > numbers[5]:
        raise InvalidInputError(f"{field}: the lowest height {numbers[2]} is above the highest {numbers[5]}.")
    return Box(west, south, east, north)


def area_of_box(box: Box) -> Area:
    """Return the area that is a box."""
    return Area(box.parts)


def area_of_geometry(geojson: Mapping[str, Any], field: str = "intersects") -> Area:
    """Return the area that a GeoJSON geometry covers; a polygon that crosses itself is repaired.

    Raises
    ------
    InvalidInputError
        If it is no GeoJSON geometry, is empty, leaves the globe or has too many positions.
    """
    geometry = _parse_geometry(geojson, field)
    if shapely.get_num_coordinates(geometry) > MAX_POSITIONS:
        raise InvalidInputError(
            f"{field}: {shapely.get_num_coordinates(geometry)} positions.",
            f"Simplify the geometry to {MAX_POSITIONS} at most.",
        )
    return Area((Box(*geometry.bounds),), geometry)


def footprint_of(geojson: Mapping[str, Any], bbox: Sequence[object]) -> Footprint:
    """Return where an item is; its bbox must hold its geometry.

    Raises
    ------
    InvalidInputError
        If the geometry or the bbox is not valid, or they do not agree.
    """
    box = parse_bbox(bbox)
    geometry = _parse_geometry(geojson, "geometry")
    if box.crosses_antimeridian:
        return Footprint(box, shapely.to_wkb(_cut_at_antimeridian(geometry)))
    bounds = Box(*geometry.bounds)
    margins = (
        box.west - bounds.west,
        box.south - bounds.south,
        bounds.east - box.east,
        bounds.north - box.north,
    )
    if max(margins) > BBOX_TOLERANCE_DEGREES:
        raise InvalidInputError(
            f"bbox: {list(box)} does not hold the geometry, which reaches over {list(bounds)}.",
            "Expected the smallest box around it.",
        )
    is_its_box = geometry.geom_type == "Point" or shapely.equals(geometry, shapely.box(*bounds))
    return Footprint(bounds, None if is_its_box else shapely.to_wkb(geometry))


def stored_geometry(geojson: Mapping[str, Any], bbox: Sequence[float]) -> BaseGeometry:
    """Return the geometry of an item that was checked before: valid, flat, and cut at the antimeridian."""
    geometry = shapely.force_2d(shape(dict(geojson)))
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry)
    return _cut_at_antimeridian(geometry) if bbox[0] > bbox[len(bbox) // 2] else geometry


def meets(area: Area, box: Box, wkb: bytes | None) -> bool:
    """Tell whether a footprint has a point in common with an area."""
    if wkb is not None:
        return bool(shapely.intersects(area.shape, shapely.from_wkb(wkb)))
    return any(bool(shapely.intersects(area.shape, shapely.box(*part))) for part in box.parts)


def _parse_geometry(geojson: Mapping[str, Any], field: str) -> BaseGeometry:
    try:
        _GEOMETRY.validate_json(orjson.dumps(geojson), strict=True)
        geometry = shapely.force_2d(shape(dict(geojson)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([field, *map(str, first["loc"])])
        raise InvalidInputError(
            f"{place}: {first['msg']}.", "Expected a GeoJSON geometry (RFC 7946)."
        ) from error
    except (ValueError, TypeError, KeyError, RecursionError, shapely.errors.ShapelyError) as error:
        raise InvalidInputError(f"{field}: {error}.", "Expected a GeoJSON geometry (RFC 7946).") from error
    if geometry.is_empty:
        raise InvalidInputError(f"{field}: the geometry is empty.", "Expected at least one position.")
    west, south, east, north = geometry.bounds
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):
        raise InvalidInputError(
            f"{field}: positions reach over {[west, south, east, north]}.",
            "Expected longitudes from -180 to 180 and latitudes from -90 to 90, longitude first.",
        )
    return geometry if geometry.is_valid else shapely.make_valid(geometry)


def _cut_at_antimeridian(geometry: BaseGeometry) -> BaseGeometry:
    """Cut a geometry that was written across the antimeridian, not split as RFC 7946, section 3.1.9 asks."""
    if all(part.bounds[2] - part.bounds[0] <= 180 for part in shapely.get_parts(geometry)):
        return geometry
    unrolled = shapely.make_valid(shapely.transform(geometry, _unroll))
    east_part = shapely.intersection(unrolled, shapely.box(180, -90, 540, 90))
    west_part = shapely.intersection(unrolled, shapely.box(-180, -90, 180, 90))
    return shapely.union_all(
        [west_part, shapely.transform(east_part, lambda positions: positions - (360, 0))]
    )


def _unroll(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return positions + np.where(positions[:, :1] < 0, (360.0, 0.0), (0.0, 0.0))
