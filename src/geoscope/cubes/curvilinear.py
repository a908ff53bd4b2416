"""Grids whose every cell has its own latitude and longitude, such as NEMO's tripolar ocean grids."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoscope.cubes.grid import OUTSIDE, Bounds, Cells, Degrees
from geoscope.cubes.longitudes import wrap
from geoscope.cubes.outlines import bounds_of_cells, grid_outline
from geoscope.cubes.sphere import unit_vectors

# Half the diagonal of a square cell is 0.71 of its side; cells that lean need a little more.
REACH_IN_CELLS = 0.85

# A halo and a north fold repeat a place at most four times; more is filling for processors without ocean.
MOST_REPEATS = 4


class CurvilinearGrid:
    """A grid of 2-D latitudes and longitudes; a place belongs to the cell whose centre is nearest.

    A place is outside if that centre is farther away than the cell reaches. Cells without a place (NaN) or
    filled with one constant place are never found.

    Parameters
    ----------
    longitude, latitude : ndarray of float, 2-D
        Cell centres in degrees; longitudes of any turn.
    dimensions : tuple of str
        Names of both dimensions, in the arrays' order.
    """

    def __init__(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64], dimensions: tuple[str, str]
    ) -> None:
        self.dimensions: tuple[str, ...] = dimensions
        self.shape: tuple[int, ...] = longitude.shape
        self._longitude, self._latitude = wrap(longitude), np.asarray(latitude, np.float64)
        placed = _has_place(self._longitude, self._latitude)
        self._longitude[~placed] = np.nan
        vectors = unit_vectors(self._longitude, self._latitude)
        self._reach = REACH_IN_CELLS * _chord_to_farthest_neighbour(vectors).ravel()[placed.ravel()]
        self._cells = np.flatnonzero(placed)
        self._tree = cKDTree(vectors[placed])
        self._bounds, self._cell_size = bounds_of_cells(self)

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
        places = np.broadcast_arrays(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
        vectors = unit_vectors(*places)
        finite = np.isfinite(vectors).all(axis=-1)
        distance, nearest = self._tree.query(np.where(finite[..., None], vectors, 0.0))
        return np.where(finite & (distance <= self._reach[nearest]), self._cells[nearest], OUTSIDE)

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells; NaN for cells without a place."""
        index = np.asarray(cell, np.int64)
        return self._longitude.ravel()[index], self._latitude.ravel()[index]

    def outline(self) -> NDArray[np.float64] | None:
        """Return the ring through the centres of the outermost cells."""
        sides = (np.s_[0, :], np.s_[:, -1], np.s_[-1, ::-1], np.s_[::-1, 0])
        longitude = np.concatenate([self._longitude[side] for side in sides])
        latitude = np.concatenate([self._latitude[side] for side in sides])
        return grid_outline(self, longitude, latitude)


def _has_place(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    finite = np.isfinite(longitude) & np.isfinite(latitude) & (np.abs(latitude) <= 90)
    _, which, repeats = np.unique(longitude + 1j * latitude, return_inverse=True, return_counts=True)
    return finite & (repeats[which].reshape(longitude.shape) <= MOST_REPEATS)


def _chord_to_farthest_neighbour(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each cell (n, m, 3), the longest chord to a cell beside it in its row or column."""
    longest = np.zeros(vectors.shape[:2])
    for axis in (0, 1):
        chords = np.nan_to_num(np.linalg.norm(np.diff(vectors, axis=axis), axis=-1))
        # The seam of the array can join cells that are far apart on Earth: that is no size of a cell.
        typical = np.median(chords[chords > 0]) if np.any(chords > 0) else 0.0
        chords = np.where(chords > 10 * typical, 0.0, chords)
        before = [(1, 0) if other == axis else (0, 0) for other in (0, 1)]
        after = [pad[::-1] for pad in before]
        longest = np.maximum(longest, np.maximum(np.pad(chords, before), np.pad(chords, after)))
    return longest
