"""Grids whose rows are parallels and whose columns are meridians."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoscope.cubes.grid import Axis, Bounds, Cells, Degrees, flat_index
from geoscope.cubes.longitudes import wrap

# What rounding may cost a centre that lies on the edge of a box, in degrees.
_ROUNDING = 1e-9


class RectilinearGrid:
    """A grid of 1-D latitudes and longitudes, regular or not (Gaussian), of either direction.

    Parameters
    ----------
    longitude, latitude : ndarray of float, 1-D
        Cell centres in degrees; longitudes of any turn.
    dimensions : tuple of str
        Names of the latitude and the longitude dimension, in this order.
    """

    def __init__(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64], dimensions: tuple[str, str]
    ) -> None:
        self._columns = Axis(longitude, turn=360.0)
        self._rows = Axis(latitude, limits=(-90.0, 90.0))
        self.dimensions: tuple[str, ...] = dimensions

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and columns."""
        return len(self._rows), len(self._columns)

    @property
    def bounds(self) -> Bounds:
        """The box around all cells."""
        south, north = float(self._rows.edges[0]), float(self._rows.edges[-1])
        if self._columns.is_cyclic:
            return Bounds(-180.0, south, 180.0, north)
        west, east = float(self._columns.edges[0]), float(self._columns.edges[-1])
        if west < -180 or east > 180:
            west, east = float(wrap(west)), -float(wrap(-east))
        return Bounds(west, south, east, north)

    @property
    def cell_size(self) -> float:
        """The smaller of the row and the column step, in degrees."""
        return min(self._rows.step, self._columns.step)

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places; see `Grid.locate`."""
        # Rows and columns are found apart, before broadcasting: a map of n x m pixels costs n + m searches.
        column = self._columns.locate(np.asarray(longitude, np.float64))
        row = self._rows.locate(np.asarray(latitude, np.float64))
        return flat_index(row, column, len(self._columns))

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells."""
        row, column = np.divmod(np.asarray(cell, np.int64), len(self._columns))
        return wrap(self._columns.centres[column]), self._rows.centres[row]

    def cells_in_box(self, west: float, south: float, east: float, north: float) -> Cells:
        """Return the cells whose centres lie in a box; see `selecting.FindsCellsInBoxes`."""
        rows, columns = self.lines_in_box(west, south, east, north)
        return np.sort((rows[:, None] * len(self._columns) + columns).ravel())

    def lines_in_box(self, west: float, south: float, east: float, north: float) -> tuple[Cells, Cells]:
        """Return the rows, in their order, and the columns, from west to east, whose centres lie in a box.

        Parameters
        ----------
        west, south, east, north : float
            Degrees, up to 360 degrees wide; edges are included.
        """
        latitude = self._rows.centres
        rows = np.flatnonzero((latitude >= south - _ROUNDING) & (latitude <= north + _ROUNDING))
        offset = (self._columns.centres - west + _ROUNDING) % 360.0
        columns = np.flatnonzero(offset <= east - west + 2 * _ROUNDING)
        return rows, columns[np.argsort(offset[columns], kind="stable")]

    def outline(self) -> NDArray[np.float64] | None:
        """Return None: the box is the outline."""
        return None
