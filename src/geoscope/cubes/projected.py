"""Grids that are regular on a map projection (or a rotated pole), described by a CF grid mapping."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

from geoscope.cubes.grid import Axis, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings, flat_index
from geoscope.cubes.longitudes import wrap
from geoscope.cubes.outlines import bounds_of_cells, grid_outline
from geoscope.cubes.sphere import areas_of_pieces, unit_vectors


class ProjectedGrid(KnownGrid):
    """A grid of 1-D x and y axes on a coordinate reference system.

    Places are taken on the reference system's own figure of the Earth, as CF does: no datum shift.

    Parameters
    ----------
    x, y : ndarray of float, 1-D
        Cell centres in the units of `crs`.
    crs : pyproj.CRS
        Any projected or derived geographic system.
    dimensions : tuple of str
        Names of the y and the x dimension, in this order.
    """

    def __init__(
        self, x: NDArray[np.float64], y: NDArray[np.float64], crs: CRS, dimensions: tuple[str, str]
    ) -> None:
        self.crs = crs
        self._columns = Axis(x, turn=360.0 if crs.is_geographic else None)
        self._rows = Axis(y, limits=(-90.0, 90.0) if crs.is_geographic else None)
        super().__init__(dimensions, self._columns.centres, self._rows.centres, crs.to_wkt())
        # `geodetic_crs` of a rotated pole is the rotated system itself; its base is `source_crs`.
        self._forward = Transformer.from_crs(crs.source_crs or crs.geodetic_crs, crs, always_xy=True)
        self._bounds, self._cell_size = bounds_of_cells(self)

    @property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and y as they were given."""
        return self._columns.centres, self._rows.centres

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and columns."""
        return len(self._rows), len(self._columns)

    @property
    def bounds(self) -> Bounds:
        """The box around all cells."""
        return self._bounds

    @property
    def cell_size(self) -> float:
        """Median distance of neighbouring cells, in degrees of a great circle."""
        return self._cell_size

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places; see `Grid.locate`."""
        x, y = self._project(longitude, latitude)
        return flat_index(self._rows.locate(y), self._columns.locate(x), len(self._columns))

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells; NaN where the projection has no place."""
        row, column = np.divmod(np.asarray(cell, np.int64), len(self._columns))
        return self._places(self._columns.centres[column], self._rows.centres[row])

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres."""
        return self.cell_centre(np.arange(np.prod(self.shape)).reshape(self.shape))

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find the four cells around places on the projection; see `Grid.surroundings`."""
        x, y = self._project(longitude, latitude)
        inside = (self._rows.locate(y) >= 0) & (self._columns.locate(x) >= 0)
        lower, upper, up = self._rows.between(y)
        left, right, across = self._columns.between(x)
        corners = (
            (lower, left, (1 - up) * (1 - across)),
            (lower, right, (1 - up) * across),
            (upper, left, up * (1 - across)),
            (upper, right, up * across),
        )
        cells = np.stack([row * len(self._columns) + column for row, column, _ in corners], axis=-1)
        weights = np.stack([np.where(inside, weight, 0.0) for *_, weight in corners], axis=-1)
        return Surroundings(cells, weights)

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells along the lines of the projection; see `Grid.pieces`."""
        row, column = np.divmod(cell, len(self._columns))
        (rows, y), (columns, x) = self._rows.cut(parts), self._columns.cut(parts)
        longitude, latitude = self._places(*np.broadcast_arrays(x[column][:, None, :], y[row][:, :, None]))
        corners = unit_vectors(
            *self._places(*np.broadcast_arrays(columns[column][:, None, :], rows[row][:, :, None]))
        )
        return Pieces(
            longitude.reshape(len(cell), -1),
            latitude.reshape(len(cell), -1),
            np.nan_to_num(areas_of_pieces(corners)).reshape(len(cell), -1),
        )

    def outline(self) -> NDArray[np.float64] | None:
        """Return the ring along the outer edges of the outermost cells."""
        columns, rows = self._columns.edges, self._rows.edges
        x = np.concatenate(
            [columns, np.full_like(rows, columns[-1]), columns[::-1], np.full_like(rows, columns[0])]
        )
        y = np.concatenate(
            [np.full_like(columns, rows[0]), rows, np.full_like(columns, rows[-1]), rows[::-1]]
        )
        return grid_outline(self, *self._places(x, y))

    def _project(self, longitude: ArrayLike, latitude: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return x and y of places; infinite where the projection has none."""
        east, north = np.broadcast_arrays(wrap(longitude), np.asarray(latitude, np.float64))
        x, y = self._forward.transform(east, north)
        return np.asarray(x), np.asarray(y)

    def _places(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Degrees, Degrees]:
        longitude, latitude = self._forward.transform(x, y, direction="INVERSE")
        lost = ~(np.isfinite(longitude) & np.isfinite(latitude))
        return np.where(lost, np.nan, wrap(longitude)), np.where(lost, np.nan, latitude)
