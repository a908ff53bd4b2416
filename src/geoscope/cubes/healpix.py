"""HEALPix on the sphere, cells in nested order: all of them, or those that a region has."""

from functools import cache

import healpix_geo.nested
import healpix_geo.ring
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoscope.cubes.grid import OUTSIDE, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings
from geoscope.cubes.longitudes import covering_arc, wrap
from geoscope.cubes.rings import Rings

DEEPEST_LEVEL = 29

# The half diagonal of a cell is never more than this many sides of a square of its area.
REACH_IN_CELLS = 1.2


class HealpixGrid(KnownGrid):
    """A HEALPix grid, nested, on the sphere.

    Parameters
    ----------
    level : int
        Refinement level 0..29: nside is 2 ** level, and there are 12 * 4 ** level cells on Earth.
    cell_ids : ndarray of int, 1-D, optional
        The cells of a region, strictly rising; by default all.
    dimension : str
        Name of the one dimension.

    Raises
    ------
    ValueError
        If there is no such level, or the cells are not of it or not in order.
    """

    def __init__(
        self, level: int, cell_ids: NDArray[np.integer] | None = None, dimension: str = "cells"
    ) -> None:
        if not 0 <= level <= DEEPEST_LEVEL:
            raise ValueError(f"HEALPix has the levels 0 to {DEEPEST_LEVEL}, not {level}")
        self.level = level
        self.cell_ids: Cells | None = None
        if cell_ids is not None:
            self.cell_ids = _checked(cell_ids, cells_on_earth(level))
        super().__init__((dimension,), level, self.cell_ids)
        self._bounds = self._find_bounds()

    @property
    def is_global(self) -> bool:
        """Tell whether the grid has all cells on Earth."""
        return self.cell_ids is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells."""
        return (cells_on_earth(self.level) if self.cell_ids is None else len(self.cell_ids),)

    @property
    def bounds(self) -> Bounds:
        """The box around all cells."""
        return self._bounds

    @property
    def cell_size(self) -> float:
        """Side in degrees of a square of a cell's area."""
        return float(np.degrees(np.sqrt(4 * np.pi / cells_on_earth(self.level))))

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places; see `Grid.locate`."""
        east, north = np.broadcast_arrays(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
        on_earth = _on_earth(east, north)
        # The library aborts on places that are none.
        if not on_earth.all():
            east, north = np.where(on_earth, east, 0.0), np.where(on_earth, north, 0.0)
        ids = healpix_geo.nested.lonlat_to_healpix(east.ravel(), north.ravel(), self.level)
        cells = self.positions(ids.astype(np.int64).reshape(east.shape))
        return cells if on_earth.all() else np.where(on_earth, cells, OUTSIDE)

    def positions(self, cell_ids: Cells) -> Cells:
        """Return where in this grid's arrays cells stand, by their ids; -1 for those that it lacks."""
        if self.cell_ids is None:
            return cell_ids
        found = np.searchsorted(self.cell_ids, cell_ids).clip(None, len(self.cell_ids) - 1)
        return np.where(self.cell_ids[found] == cell_ids, found, OUTSIDE)

    def ids(self, cell: ArrayLike) -> Cells:
        """Return the nested ids of cells, by where they stand."""
        index = np.asarray(cell, np.int64)
        return index if self.cell_ids is None else self.cell_ids[index]

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells."""
        ids = self.ids(cell)
        longitude, latitude = healpix_geo.nested.healpix_to_lonlat(ids.ravel().astype(np.uint64), self.level)
        return wrap(longitude).reshape(ids.shape), latitude.reshape(ids.shape)

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres."""
        return self.cell_centre(np.arange(self.shape[0]))

    def cells_in_box(self, west: float, south: float, east: float, north: float) -> Cells:
        """Return the cells whose centres lie in a box; see `selecting.FindsCellsInBoxes`."""
        ring_ids = _rings(self.level).cells_in_box(west, south, east, north)
        cells = self.positions(_nested_of_ring(ring_ids, self.level))
        return np.sort(cells[cells >= 0])

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find two cells each of the rings north and south of places; see `Grid.surroundings`.

        That is healpy's rule. The rule in the plane of HEALPix's projection, which healpix-geo has, is off
        by a third of a cell along the seams of the polar caps.
        """
        east, north = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        inside = _on_earth(east, north) if self.is_global else self.locate(east, north) >= 0
        rings = _rings(self.level)
        found = rings.surroundings(
            np.where(np.isfinite(east), east, 0.0), np.clip(np.nan_to_num(north), -90.0, 90.0)
        )
        own = found.cells < rings.size
        nested = _nested_of_ring(np.where(own, found.cells, 0), self.level)
        cells = np.where(own, self.positions(nested), found.cells - rings.size + self.shape[0])
        weights = np.where(inside[..., None] & (cells >= 0), found.weights, 0.0)
        if self.is_global:
            return Surroundings(cells, weights, tuple(self._row(row) for row in found.means))
        total = weights.sum(axis=-1, keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        return Surroundings(cells, weights, tuple(self._row(row) for row in found.means))

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells into pieces; see `Grid.pieces`. They are the cells of a deeper level: all equal."""
        deeper = min(max(parts - 1, 0).bit_length(), DEEPEST_LEVEL - self.level)
        children = self.ids(cell)[:, None] * 4**deeper + np.arange(4**deeper)
        longitude, latitude = HealpixGrid(self.level + deeper).cell_centre(children)
        area = 4 * np.pi / cells_on_earth(self.level + deeper)
        return Pieces(longitude, latitude, np.full(children.shape, area))

    def outline(self) -> NDArray[np.float64] | None:
        """Return None: the box is the outline."""
        return None

    def _row(self, ring_ids: Cells) -> Cells:
        """Return those cells of a ring that this grid has."""
        cells = self.positions(_nested_of_ring(ring_ids, self.level))
        return cells[cells >= 0]

    def _find_bounds(self) -> Bounds:
        if self.is_global:
            return Bounds(-180.0, -90.0, 180.0, 90.0)
        longitude, latitude = self.centres()
        reach = REACH_IN_CELLS * self.cell_size
        south, north = float(latitude.min()) - reach / 2, float(latitude.max()) + reach / 2
        if (self.locate([0.0, 0.0], [-90.0, 90.0]) >= 0).any():
            return Bounds(-180.0, max(south, -90.0), 180.0, min(north, 90.0))
        narrowing = max(float(np.cos(np.radians(np.abs(latitude).max()))), 0.01)
        west, east = covering_arc(longitude, min(reach / narrowing, 90.0))
        return Bounds(west, max(south, -90.0), east, min(north, 90.0))


def cells_on_earth(level: int) -> int:
    """Return how many cells a level has."""
    return int(12 * 4**level)


@cache
def _rings(level: int) -> Rings:
    """Return the rings of a level (Gorski et al. 2005, section 5.1)."""
    nside = 2**level
    number = np.arange(1, 4 * nside)
    from_pole = np.minimum(number, 4 * nside - number)
    in_cap = from_pole < nside
    # Near a pole the arc sine of z would lose half of all digits.
    cap = 90.0 - np.degrees(2 * np.arcsin(from_pole / (np.sqrt(6.0) * nside)))
    belt = np.degrees(np.arcsin(np.clip((2 * nside - from_pole) * 2 / (3 * nside), -1.0, 1.0)))
    latitude = np.where(in_cap, cap, belt) * np.where(number <= 2 * nside, 1, -1)
    count = 4 * np.minimum(from_pole, nside)
    first = np.where(in_cap | ((from_pole - nside) % 2 == 0), 180.0 / count, 0.0)
    return Rings(latitude, count, first)


def _nested_of_ring(ring_ids: Cells, level: int) -> Cells:
    nested = healpix_geo.ring.to_nested(ring_ids.ravel().astype(np.uint64), level)
    return np.asarray(nested, np.int64).reshape(ring_ids.shape)


def _on_earth(longitude: Degrees, latitude: Degrees) -> NDArray[np.bool_]:
    return np.isfinite(longitude) & (np.abs(latitude) <= 90.0)


def _checked(cell_ids: NDArray[np.integer], number: int) -> Cells:
    ids = np.asarray(cell_ids)
    if ids.ndim != 1 or not len(ids) or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError("the ids of HEALPix cells are no integers along one dimension")
    if int(ids.min()) < 0 or int(ids.max()) >= number:
        raise ValueError(f"the ids of HEALPix cells are not within 0 to {number - 1}")
    ids = ids.astype(np.int64)
    if np.any(np.diff(ids) <= 0):
        raise ValueError("the ids of HEALPix cells do not rise strictly")
    return ids
