"""Areas in the plane of latitude and longitude, as polytope cuts them; the cells whose centres lie inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from geoscope.cubes.grid import Cells, Degrees, Grid
from geoscope.cubes.selecting import cells_in_box
from geoscope.errors import NotFoundError

type Inside = NDArray[np.bool_]


class Area(Protocol):
    """An area; its edges belong to it."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """South, north, west and east; east may be beyond 180."""

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside; longitudes are of the turn that begins opposite the box's middle."""


@dataclass(frozen=True)
class Box:
    """All between two latitudes and two longitudes; what crosses the date line is written 170 to 190."""

    south: float
    north: float
    west: float
    east: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Itself."""
        return self.south, self.north, self.west, self.east

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside."""
        inside: Inside = (latitude >= self.south) & (latitude <= self.north)
        return inside & (longitude >= self.west) & (longitude <= self.east)


@dataclass(frozen=True)
class Frame:
    """A box with a hole."""

    outer: Box
    inner: Box

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its outer box."""
        return self.outer.box

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside of the frame itself."""
        hole = self.inner
        in_hole = (latitude > hole.south) & (latitude < hole.north)
        in_hole &= (longitude > hole.west) & (longitude < hole.east)
        return self.outer.contains(latitude, longitude) & ~in_hole


@dataclass(frozen=True)
class Circle:
    """All within a distance in degrees of latitude and longitude, as polytope has it: no spherical cap."""

    latitude: float
    longitude: float
    radius: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box around it."""
        south, north = max(self.latitude - self.radius, -90), min(self.latitude + self.radius, 90)
        return south, north, self.longitude - self.radius, self.longitude + self.radius

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside."""
        inside: Inside = np.hypot(latitude - self.latitude, longitude - self.longitude) <= self.radius
        return inside


@dataclass(frozen=True)
class Region:
    """Polygons, in longitude and latitude."""

    shape: shapely.Geometry

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box around them."""
        west, south, east, north = (float(edge) for edge in shapely.bounds(self.shape))
        return south, north, west, east

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside."""
        shapely.prepare(self.shape)
        inside: Inside = shapely.intersects_xy(self.shape, longitude, latitude)
        return inside


@dataclass(frozen=True)
class Track:
    """All near the straight lines between points, also of level and step.

    Attributes
    ----------
    points : mapping of str to ndarray of float, shape (n,)
        The points, by axis: `latitude`, `longitude`, and `levelist`, `step` where they are given.
    reach : mapping of str to float
        How far it reaches along each axis, in the axis' own unit.
    is_round : bool
        Whether it reaches so far in all directions together (an ellipsoid), or along each axis (a box).
    """

    points: Mapping[str, NDArray[np.float64]]
    reach: Mapping[str, float]
    is_round: bool

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """The box around it."""
        (south, north), (west, east) = self.range_of("latitude"), self.range_of("longitude")
        return max(south, -90.0), min(north, 90.0), west, east

    def range_of(self, axis: str) -> tuple[float, float]:
        """Return between which values of an axis it lies."""
        values, reach = self.points[axis], self.reach[axis]
        return float(values.min() - reach), float(values.max() + reach)

    def contains(self, latitude: Degrees, longitude: Degrees) -> Inside:
        """Tell which places are inside, whatever their level and step."""
        return self.contains_values({"latitude": latitude, "longitude": longitude})

    def contains_values(self, values: Mapping[str, Degrees]) -> Inside:
        """Tell what is inside, by the axes that are given."""
        inside = np.zeros(np.broadcast_shapes(*(np.shape(each) for each in values.values())), np.bool_)
        axes = [axis for axis in self.points if axis in values]
        for index in range(len(self.points["latitude"]) - 1):
            ends = {axis: (self.points[axis][index], self.points[axis][index + 1]) for axis in axes}
            inside |= self._near_round(ends, values) if self.is_round else self._near_box(ends, values)
        return inside

    def _near_round(self, ends: Mapping[str, tuple[float, float]], values: Mapping[str, Degrees]) -> Inside:
        """Measure the distance to a line, each axis in units of its reach."""
        scaled = {
            axis: ((values[axis] - a) / self._unit(axis), (b - a) / self._unit(axis))
            for axis, (a, b) in ends.items()
        }
        length = sum(along * along for _, along in scaled.values())
        if length == 0:
            nearest: Degrees | float = 0.0
        else:
            nearest = np.clip(sum(off * along for off, along in scaled.values()) / length, 0, 1)
        distance = sum((off - nearest * along) ** 2 for off, along in scaled.values())
        inside: Inside = np.asarray(distance <= 1)
        return inside

    def _near_box(self, ends: Mapping[str, tuple[float, float]], values: Mapping[str, Degrees]) -> Inside:
        """Find along which part of a line each axis is near enough, and whether these parts meet."""
        first: Degrees | float = 0.0
        last: Degrees | float = 1.0
        near: Inside | bool = True
        for axis, (a, b) in ends.items():
            offset = np.asarray(values[axis] - a)
            if a == b:
                near = near & (np.abs(offset) <= self._unit(axis))
                continue
            one, other = (offset - self._unit(axis)) / (b - a), (offset + self._unit(axis)) / (b - a)
            first = np.maximum(first, np.minimum(one, other))
            last = np.minimum(last, np.maximum(one, other))
        inside: Inside = np.asarray(near & (np.asarray(first) <= last))
        return inside

    def _unit(self, axis: str) -> float:
        # Not zero: a value on the line itself is near.
        return max(self.reach[axis], 1e-9)


def cells_within(grid: Grid, area: Area) -> tuple[Cells, Degrees, Degrees]:
    """Return the cells whose centres lie in an area, and the centres, from north to south and west to east.

    Returns
    -------
    cells : ndarray of int64, shape (n,)
        Cells of the grid.
    latitude, longitude : ndarray of float, shape (n,)
        Their centres in degrees; longitudes -180..180.

    Raises
    ------
    NotFoundError
        If no centre lies inside.
    """
    south, north, west, east = area.box
    candidates = cells_in_box(grid, west, south, east, north)
    longitude, latitude = grid.cell_centre(candidates)
    inside = area.contains(latitude, near_middle(longitude, area))
    if not inside.any():
        raise NotFoundError(
            "feature: no point of the grid lies inside.", "Make it larger, or ask for a point."
        )
    cells, longitude, latitude = candidates[inside], longitude[inside], latitude[inside]
    order = np.lexsort((longitude, -latitude))
    return cells[order], latitude[order], longitude[order]


def near_middle(longitude: Degrees, area: Area) -> Degrees:
    """Write longitudes within half a turn of an area's middle."""
    _, _, west, east = area.box
    start = (west + east) / 2 - 180
    turned: Degrees = (longitude - start) % 360 + start
    return turned
