"""Reduced Gaussian grids: rows along parallels with fewer cells towards the poles, in one flat dimension."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoscope.cubes.grid import OUTSIDE, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings
from geoscope.cubes.longitudes import wrap
from geoscope.cubes.rings import Rings

# Longitudes in files are rounded: GRIB 1 keeps thousandths of a degree, float32 about the same.
ROUNDING_DEGREES = 1.5e-3


class ReducedGaussianGrid(KnownGrid):
    """A grid of rows around the Earth, octahedral or classic, each with cells of equal width.

    A place belongs to the row in whose band it lies (halfway between rows, up to the poles), and there to
    the nearest centre.

    Parameters
    ----------
    latitude : ndarray of float, shape (rows,)
        Latitudes of the rows in degrees, strictly rising or falling.
    count : ndarray of int, shape (rows,)
        Number of cells of each row.
    first : ndarray of float, shape (rows,), optional
        Longitude of each row's first cell; 0 by default. Cells go east from there.
    dimension : str
        Name of the one dimension.

    Raises
    ------
    ValueError
        If the rows are in no order, or a row is empty.
    """

    def __init__(
        self,
        latitude: Degrees,
        count: NDArray[np.integer],
        first: Degrees | None = None,
        dimension: str = "cells",
    ) -> None:
        latitude, counts = np.asarray(latitude, np.float64), np.asarray(count, np.int64)
        first = np.zeros_like(latitude) if first is None else np.asarray(first, np.float64)
        if latitude.shape != counts.shape or latitude.shape != first.shape or latitude.ndim != 1:
            raise ValueError("the rows' latitudes, numbers of cells and first longitudes do not match")
        if not len(latitude) or counts.min() < 1 or np.abs(latitude).max() > 90:
            raise ValueError("the rows of a reduced Gaussian grid need cells, and latitudes on Earth")
        super().__init__((dimension,), latitude, counts, first)
        self.row_latitude, self.row_count = latitude, counts
        northwards = len(latitude) > 1 and bool(latitude[0] < latitude[1])
        order = np.s_[::-1] if northwards else np.s_[:]
        self._rings = Rings(latitude[order], counts[order], first[order])
        # Which cell here is each of the rings', and back: rows may go from south to north here.
        start = np.concatenate([[0], np.cumsum(counts)])[:-1]
        self._of_rings = np.arange(self._rings.size) + np.repeat(
            start[order] - self._rings.start, counts[order]
        )
        self._in_rings = np.empty_like(self._of_rings)
        self._in_rings[self._of_rings] = np.arange(self._rings.size)

    @classmethod
    def from_places(cls, longitude: Degrees, latitude: Degrees, dimension: str) -> Self | None:
        """Recognise the grid by the places of its cells, one after the other; None if it is none."""
        if len(latitude) < 4 or not np.all(np.isfinite(latitude) & np.isfinite(longitude)):
            return None
        start = np.concatenate([[0], np.flatnonzero(np.diff(latitude)) + 1])
        rows, count = latitude[start], np.diff(start, append=len(latitude))
        steps = np.diff(rows)
        if len(rows) < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
            return None
        within = np.arange(len(latitude)) - np.repeat(start, count)
        expected = np.repeat(longitude[start], count) + within * np.repeat(360.0 / count, count)
        reaches_poles = 90.0 - np.abs(rows[[0, -1]]).min() <= 2 * np.abs(steps).max()
        if not reaches_poles or np.abs(wrap(expected - longitude)).max() > ROUNDING_DEGREES:
            return None
        return cls(rows, count, longitude[start], dimension)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells."""
        return (self._rings.size,)

    @property
    def bounds(self) -> Bounds:
        """All of the Earth."""
        return Bounds(-180.0, -90.0, 180.0, 90.0)

    @property
    def cell_size(self) -> float:
        """Median distance of rows, in degrees."""
        return float(np.median(-np.diff(self._rings.edges)))

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places; see `Grid.locate`."""
        east, north = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        on_earth = np.isfinite(east) & (np.abs(north) <= 90.0)
        cells = self._rings.locate(np.where(np.isfinite(east), east, 0.0), np.nan_to_num(north))
        return np.where(on_earth, self._of_rings[cells], OUTSIDE)

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells."""
        longitude, latitude = self._rings.centre(self._in_rings[np.asarray(cell, np.int64)])
        return wrap(longitude), latitude

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres."""
        return self.cell_centre(np.arange(self.shape[0]))

    def cells_in_box(self, west: float, south: float, east: float, north: float) -> Cells:
        """Return the cells whose centres lie in a box; see `selecting.FindsCellsInBoxes`."""
        return np.sort(self._of_rings[self._rings.cells_in_box(west, south, east, north)])

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find two cells each of the rows north and south of places; see `Grid.surroundings`."""
        east, north = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        on_earth = np.isfinite(east) & (np.abs(north) <= 90.0)
        found = self._rings.surroundings(
            np.where(np.isfinite(east), east, 0.0), np.clip(np.nan_to_num(north), -90.0, 90.0)
        )
        own = found.cells < self._rings.size
        cells = np.where(own, self._of_rings[np.where(own, found.cells, 0)], found.cells)
        weights = np.where(on_earth[..., None], found.weights, 0.0)
        return Surroundings(cells, weights, tuple(self._of_rings[row] for row in found.means))

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells along parallels and meridians; see `Grid.pieces`."""
        rings, cell = self._rings, self._in_rings[cell]
        row = np.searchsorted(rings.start, cell, side="right") - 1
        longitude, _ = rings.centre(cell)
        width = 360.0 / rings.count[row]
        across = (np.arange(parts) + 0.5) / parts
        north, height = rings.edges[row], rings.edges[row] - rings.edges[row + 1]
        edges = np.sin(np.radians(north[:, None] - height[:, None] * np.linspace(0, 1, parts + 1)))
        area = np.radians(width / parts)[:, None] * -np.diff(edges, axis=1)
        shape = (len(cell), parts, parts)
        return Pieces(
            *(
                np.broadcast_to(part, shape).reshape(len(cell), -1)
                for part in (
                    (longitude[:, None] + width[:, None] * (across - 0.5))[:, None, :],
                    (north[:, None] - height[:, None] * across)[:, :, None],
                    area[:, :, None],
                )
            )
        )

    def outline(self) -> NDArray[np.float64] | None:
        """Return None: the box is the outline."""
        return None
