"""Rows of cells along parallels, each all the way round and with a number of cells of its own."""

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Cells, Degrees, Surroundings

# What rounding may cost a centre that lies on the edge of a box, in degrees.
ROUNDING = 1e-9


class Rings:
    """Rows around the Earth: reduced Gaussian grids have them, and HEALPix has.

    Cells are numbered row by row, from north to south and eastwards in each row.

    Parameters
    ----------
    latitude : ndarray of float, shape (rows,)
        Degrees, strictly falling.
    count : ndarray of int, shape (rows,)
        Number of cells of each row; they are equally wide.
    first : ndarray of float, shape (rows,)
        Longitude of the centre of each row's first cell.
    """

    def __init__(self, latitude: Degrees, count: Cells, first: Degrees) -> None:
        if not np.all(np.diff(latitude) < 0):
            raise ValueError("the rows do not go from north to south")
        self.latitude, self.count, self.first = latitude, count, first
        self.start: Cells = np.concatenate([[0], np.cumsum(count)])[:-1]
        self.size = int(count.sum())
        self.edges: Degrees = np.concatenate([[90.0], (latitude[1:] + latitude[:-1]) / 2, [-90.0]])

    def row_of(self, latitude: Degrees) -> Cells:
        """Return the row in whose band, from halfway to halfway, each latitude lies."""
        return np.clip(np.searchsorted(-self.edges, -latitude, side="right") - 1, 0, len(self.latitude) - 1)

    def locate(self, longitude: Degrees, latitude: Degrees) -> Cells:
        """Return the cell of each place; finite degrees only."""
        row = self.row_of(latitude)
        column = np.floor(self._columns_east(row, longitude) + 0.5).astype(np.int64)
        return self.start[row] + column % self.count[row]

    def centre(self, cell: Cells) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells."""
        row = np.searchsorted(self.start, cell, side="right") - 1
        width = 360.0 / self.count[row]
        return self.first[row] + width * (cell - self.start[row]), self.latitude[row]

    def surroundings(self, longitude: Degrees, latitude: Degrees) -> Surroundings:
        """Return two cells each of the rows north and south of places; beyond the last row, its pole.

        A pole's value is the mean of the row beside it. Latitudes are interpolated linearly between rows,
        longitudes linearly along each, as healpy does.
        """
        last = len(self.latitude) - 1
        north = np.searchsorted(-self.latitude, -latitude, side="right") - 1
        south = north + 1
        beyond_north, beyond_south = north < 0, south > last
        north_latitude = np.where(beyond_north, 90.0, self.latitude[north.clip(0)])
        south_latitude = np.where(beyond_south, -90.0, self.latitude[south.clip(None, last)])
        gap = north_latitude - south_latitude
        to_south = (north_latitude - latitude) / np.where(gap > 0, gap, 1.0)

        shape = np.broadcast_shapes(np.shape(longitude), np.shape(latitude))
        cells = np.empty((*shape, 4), np.int64)
        weights = np.empty((*shape, 4))
        for slot, row, share, beyond, pole in (
            (0, north.clip(0), 1 - to_south, beyond_north, self.size),
            (2, south.clip(None, last), to_south, beyond_south, self.size + 1),
        ):
            east = self._columns_east(row, longitude)
            column = np.floor(east)
            to_east = east - column
            first = column.astype(np.int64) % self.count[row]
            second = (first + 1) % self.count[row]
            cells[..., slot] = np.where(beyond, pole, self.start[row] + first)
            cells[..., slot + 1] = np.where(beyond, pole, self.start[row] + second)
            weights[..., slot] = share * (1 - to_east)
            weights[..., slot + 1] = share * to_east
        return Surroundings(cells, weights, self.polar_rows)

    def cells_in_box(self, west: float, south: float, east: float, north: float) -> Cells:
        """Return the cells whose centres lie in a box up to 360 degrees wide, edges included."""
        rows = np.flatnonzero((self.latitude >= south - ROUNDING) & (self.latitude <= north + ROUNDING))
        width = 360.0 / self.count[rows]
        first = np.ceil((west - ROUNDING - self.first[rows]) / width).astype(np.int64)
        last = np.floor((east + ROUNDING - self.first[rows]) / width).astype(np.int64)
        found = np.clip(last - first + 1, 0, self.count[rows])
        within = np.arange(found.sum()) - np.repeat(np.cumsum(found) - found, found)
        column = (np.repeat(first, found) + within) % np.repeat(self.count[rows], found)
        return np.asarray(np.repeat(self.start[rows], found) + column, np.int64)

    @property
    def polar_rows(self) -> tuple[Cells, Cells]:
        """The cells of the first and of the last row."""
        return np.arange(self.count[0]), np.arange(self.start[-1], self.size)

    def _columns_east(self, row: Cells, longitude: Degrees) -> NDArray[np.float64]:
        """Return how many cells east of its row's first centre each place lies (0 <= columns < count)."""
        count = self.count[row]
        return ((longitude - self.first[row]) * (count / 360.0)) % count
