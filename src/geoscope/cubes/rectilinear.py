"""Grids whose rows are parallels and whose columns are meridians."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoscope.cubes.grid import Axis, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings, flat_index
from geoscope.cubes.longitudes import wrap

# What rounding may cost a centre that lies on the edge of a box, in degrees.
_ROUNDING = 1e-9

# Between the edge of a Gaussian grid's last row, as far out as in, and the pole there is 0.27 of a row.
GAP_IN_ROWS = 1 / 3


class RectilinearGrid(KnownGrid):
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
        if self._columns.is_cyclic:
            self._rows.reach(within=GAP_IN_ROWS * self._rows.step)
        super().__init__(dimensions, self._columns.centres, self._rows.centres)

    @property
    def axes(self) -> tuple[Degrees, Degrees]:
        """Longitudes and latitudes as they were given."""
        return self._columns.centres, self._rows.centres

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
        columns = np.flatnonzero((offset <= east - west + 2 * _ROUNDING) & ~self._columns.repeats)
        return rows, columns[np.argsort(offset[columns], kind="stable")]

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return the longitudes as one row (1, columns) and the latitudes as one column (rows, 1)."""
        return wrap(self._columns.centres)[None, :], self._rows.centres[:, None]

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find two cells each of the rows north and south of places; see `Grid.surroundings`.

        Around a pole that the grid reaches, between the last row and the pole, the pole's value is the mean
        of that row. At the edges of a region the outermost cells count alone.
        """
        east, north = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        lower, upper, share = self._rows.between(north)
        means: list[Cells] = []
        if self._columns.is_cyclic:
            for row, pole in ((0, self._rows.edge_of(0)), (len(self._rows) - 1, self._rows.edge_of(-1))):
                last = float(self._rows.centres[row])
                if abs(pole) < 90.0 or abs(last) >= 90.0:
                    continue
                beyond = (north - last) * np.sign(pole) > 0
                lower = np.where(beyond, row, lower)
                # A row of its own, numbered after the last, whose cells are all the same mean.
                upper = np.where(beyond, len(self._rows) + len(means), upper)
                share = np.where(beyond, np.clip((north - last) / (pole - last), 0.0, 1.0), share)
                means.append(row * len(self._columns) + np.arange(len(self._columns)))
        west, after, to_east = self._columns.between(east)
        inside = self.locate(east, north) >= 0
        cells = np.empty((*inside.shape, 4), np.int64)
        weights = np.empty((*inside.shape, 4))
        past = upper - len(self._rows)
        for slot, column, weight in ((0, west, 1 - to_east), (1, after, to_east)):
            cells[..., slot] = lower * len(self._columns) + column
            cells[..., slot + 2] = np.where(
                past < 0, upper * len(self._columns) + column, past + len(self._rows) * len(self._columns)
            )
            weights[..., slot] = (1 - share) * weight * inside
            weights[..., slot + 2] = share * weight * inside
        return Surroundings(cells, weights, tuple(means))

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells along parallels and meridians; see `Grid.pieces`."""
        row, column = np.divmod(cell, len(self._columns))
        parallels, latitude = self._rows.cut(parts)
        meridians, longitude = self._columns.cut(parts)
        height = np.diff(np.sin(np.radians(parallels)), axis=1)
        width = np.radians(np.diff(meridians, axis=1))
        shape = (len(cell), parts, parts)
        return Pieces(
            np.broadcast_to(longitude[column][:, None, :], shape).reshape(len(cell), -1),
            np.broadcast_to(latitude[row][:, :, None], shape).reshape(len(cell), -1),
            (height[row][:, :, None] * width[column][:, None, :]).reshape(len(cell), -1),
        )

    def outline(self) -> NDArray[np.float64] | None:
        """Return None: the box is the outline."""
        return None
