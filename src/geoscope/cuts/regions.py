"""Where a cut is made: points, circles, polygons, boxes, paths, corridors; each turned into cells."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Cells, Degrees, Grid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.selecting import (
    cells_along_path,
    cells_in_box,
    cells_in_circles,
    cells_in_polygon,
    cells_near_path,
)
from geoscope.cuts.geometries import Points, Polygon
from geoscope.errors import NotFoundError

_NOTHING = np.empty(0)


@dataclass(frozen=True)
class Selection:
    """The cells that a region has of a grid.

    Attributes
    ----------
    cells : ndarray of int64, shape (n,)
        -1 for a place outside, which only a lattice has.
    longitude, latitude : ndarray of float64, shape (n,)
        Their centres (of a lattice, its places), in degrees.
    is_single : bool
        Whether one place was asked for: then there is one cell.
    x, y : ndarray of float64
        The axes of a lattice, beyond 180 degrees where it crosses the date line; its cells are in C order
        over (y, x). Empty for any other selection.
    heights, times : ndarray of float64, shape (n,), or None
        Where along Z, and when (seconds since 1970), each cell is wanted, if the geometry says so.
    reach : float
        How far levels may be from `heights` (a corridor); 0 for the nearest one.
    """

    cells: Cells
    longitude: Degrees
    latitude: Degrees
    is_single: bool = False
    x: Degrees = field(default_factory=_NOTHING.copy)
    y: Degrees = field(default_factory=_NOTHING.copy)
    heights: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None

    @property
    def is_lattice(self) -> bool:
        """Tell whether the cells have axes of longitude and latitude."""
        return len(self.x) > 0

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        arrays = (self.cells, self.longitude, self.latitude, self.x, self.y, self.heights, self.times)
        return sum(array.nbytes for array in arrays if array is not None)

    @classmethod
    def of_cells(cls, grid: Grid, cells: Cells) -> "Selection":
        """Select cells in the order that they have."""
        return cls(cells, *_rounded_centres(grid, cells))


class Region(Protocol):
    """Where a cut is made; two that are the same are equal, and have the same hash."""

    def select(self, grid: Grid) -> Selection:
        """Return the cells.

        Raises
        ------
        NotFoundError
            If the grid has none there; saying where it has.
        """

    def __hash__(self) -> int:
        """Return a hash: what was selected is kept under the region itself."""


@dataclass(frozen=True)
class Places:
    """The cells that hold points."""

    points: Points
    is_single: bool

    def select(self, grid: Grid) -> Selection:
        """Return a cell each; points outside the grid are left out, unless that is all of them."""
        points = self.points
        cells = grid.locate(points.longitude, points.latitude)
        inside = cells >= 0
        if not inside.any():
            where = f"({points.longitude[0]:g} {points.latitude[0]:g})"
            raise _outside(
                grid, f"POINT{where}" if self.is_single else f"Each point, such as {where},", "lies"
            )
        # The one level of a single place is a level of the cut.
        heights = None if points.height is None or self.is_single else points.height[inside]
        longitude, latitude = _rounded_centres(grid, cells[inside])
        return Selection(cells[inside], longitude, latitude, self.is_single, heights=heights)


@dataclass(frozen=True)
class Circles:
    """The cells whose centres lie within a distance of points."""

    points: Points
    radius_m: float

    def select(self, grid: Grid) -> Selection:
        """Return the cells of all circles, each once."""
        cells = cells_in_circles(grid, self.points.longitude, self.points.latitude, self.radius_m)
        return _select(grid, cells, "circle")


@dataclass(frozen=True)
class Area:
    """The cells whose centres lie in a polygon."""

    polygon: Polygon

    def select(self, grid: Grid) -> Selection:
        """Return the cells, each once."""
        return _select(grid, cells_in_polygon(grid, self.polygon), "polygon")


@dataclass(frozen=True)
class Box:
    """A box: its cells, or a lattice of so many places from edge to edge.

    Attributes
    ----------
    west, south, east, north : float
        Degrees; `west` > `east` if it crosses the date line.
    columns, rows : int
        Places of the lattice along longitude and latitude; 0 for as many as the grid has.
    """

    west: float
    south: float
    east: float
    north: float
    columns: int = 0
    rows: int = 0

    def select(self, grid: Grid) -> Selection:
        """Return a lattice if the grid has axes or one was asked for, else the cells."""
        width = self.east - self.west + (360.0 if self.east < self.west else 0.0)
        if isinstance(grid, RectilinearGrid):
            rows, columns = grid.lines_in_box(self.west, self.south, self.west + width, self.north)
            if len(rows) and len(columns):
                first = rows[0] * grid.shape[1]
                x = _continuous(grid.cell_centre(first + columns)[0], self.west)
                y = grid.cell_centre(rows * grid.shape[1])[1]
                if not (self.columns or self.rows):
                    return self._lattice(x, y, (rows[:, None] * grid.shape[1] + columns).ravel())
                return self._sampled(grid, x, y, width)
        elif self.columns and self.rows:
            return self._sampled(grid, _NOTHING, _NOTHING, width)
        cells = cells_in_box(grid, self.west, self.south, self.west + width, self.north)
        return _select(grid, cells, "box")

    def _sampled(self, grid: Grid, x: Degrees, y: Degrees, width: float) -> Selection:
        x = np.linspace(self.west, self.west + width, self.columns) if self.columns else x
        y = np.linspace(self.south, self.north, self.rows) if self.rows else y
        cells = grid.locate(x[None, :], y[:, None]).ravel()
        if not (cells >= 0).any():
            raise _outside(grid, "The box", "lies")
        return self._lattice(x, y, cells)

    @staticmethod
    def _lattice(x: Degrees, y: Degrees, cells: Cells) -> Selection:
        x, y = np.round(x, 6), np.round(y, 6)
        longitude = np.where(x > 180.0, np.round(x - 360.0, 6), x)
        return Selection(cells, np.tile(longitude, len(y)), np.repeat(y, len(x)), x=x, y=y)


@dataclass(frozen=True)
class Path:
    """The cells that a path goes through, in its order."""

    points: Points

    def select(self, grid: Grid) -> Selection:
        """Return the cells, with the height and the time of the path in each if it has them."""
        along = cells_along_path(grid, self.points.longitude, self.points.latitude)
        if not len(along.cells):
            raise _outside(grid, "The path", "lies")
        corners = np.arange(len(self.points.longitude))
        heights, times = (
            None if values is None else np.interp(along.positions, corners, values)
            for values in (self.points.height, self.points.time)
        )
        longitude, latitude = _rounded_centres(grid, along.cells)
        return Selection(along.cells, longitude, latitude, heights=heights, times=times)


@dataclass(frozen=True)
class Corridor:
    """The cells whose centres lie within a distance of a path."""

    points: Points
    distance_m: float

    def select(self, grid: Grid) -> Selection:
        """Return the cells, each once."""
        cells = cells_near_path(grid, self.points.longitude, self.points.latitude, self.distance_m)
        return _select(grid, cells, "corridor")


def _select(grid: Grid, cells: Cells, what: str) -> Selection:
    if not len(cells):
        raise _outside(grid, "No centre of a cell", f"lies in the {what}:", inside=True)
    return Selection.of_cells(grid, cells)


def _rounded_centres(grid: Grid, cells: Cells) -> tuple[Degrees, Degrees]:
    longitude, latitude = grid.cell_centre(cells)
    return np.round(longitude, 6), np.round(latitude, 6)


def _continuous(longitude: Degrees, west: float) -> Degrees:
    """Return longitudes that rise from west to east, beyond 180 degrees where they cross the date line."""
    return np.where(longitude < west - 1e-6, longitude + 360.0, longitude)


def _outside(grid: Grid, what: str, lies: str, *, inside: bool = False) -> NotFoundError:
    west, south, east, north = (round(edge, 3) for edge in grid.bounds)
    extent = f"longitude {west:g} to {east:g} and latitude {south:g} to {north:g}"
    if inside:
        return NotFoundError(
            f"{what} {lies} it is smaller than a cell ({grid.cell_size:.3g} degrees), or beside the data.",
            f"They are within {extent}. Ask for a larger one, or for the position.",
        )
    return NotFoundError(f"{what} {lies} outside of the data.", f"They are within {extent}.")
