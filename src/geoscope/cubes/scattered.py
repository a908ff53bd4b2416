"""Cells in one flat dimension of which only the centres are known, such as the points of a mesh."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoscope.cubes.grid import OUTSIDE, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings
from geoscope.cubes.longitudes import covering_arc, wrap
from geoscope.cubes.sphere import angle_degrees, nearest_within_reach, unit_vectors
from geoscope.errors import InvalidInputError

# A place farther than this many distances of neighbours from a centre is outside.
REACH_IN_NEIGHBOURS = 1.5
NEIGHBOURS = 6


class ScatteredGrid(KnownGrid):
    """A grid of places without order; a place belongs to the nearest.

    A place is outside if that is farther than the cell's neighbours are, and half as far again.

    Parameters
    ----------
    longitude, latitude : ndarray of float, 1-D
        Cell centres in degrees; longitudes of any turn. Those that are NaN are never found.
    dimension : str
        Name of the one dimension.
    """

    def __init__(self, longitude: Degrees, latitude: Degrees, dimension: str) -> None:
        self._longitude, self._latitude = wrap(longitude), np.asarray(latitude, np.float64)
        super().__init__((dimension,), self._longitude, self._latitude)
        self._cells = np.flatnonzero(np.isfinite(self._longitude) & (np.abs(self._latitude) <= 90))
        if not len(self._cells):
            raise ValueError("the grid has no places")
        vectors = unit_vectors(self._longitude[self._cells], self._latitude[self._cells])
        self._tree = cKDTree(vectors)
        chords, _ = self._tree.query(vectors, k=min(NEIGHBOURS, len(self._cells)))
        chords = chords.reshape(len(self._cells), -1)
        self._reach = REACH_IN_NEIGHBOURS * chords[:, -1]
        nearest = chords[:, 1] if chords.shape[1] > 1 else chords[:, 0]
        self._cell_size = float(np.degrees(np.median(nearest))) or 1.0
        self._bounds = self._find_bounds()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells."""
        return (len(self._longitude),)

    @property
    def bounds(self) -> Bounds:
        """The box around all cells."""
        return self._bounds

    @property
    def cell_size(self) -> float:
        """Median distance of nearest neighbours, in degrees of a great circle."""
        return self._cell_size

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places; see `Grid.locate`."""
        nearest, reaches = nearest_within_reach(self._tree, self._reach, longitude, latitude)
        return np.where(reaches, self._cells[nearest], OUTSIDE)

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells; NaN for cells without a place."""
        index = np.asarray(cell, np.int64)
        return self._longitude[index], self._latitude[index]

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres."""
        return self._longitude, self._latitude

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:  # noqa: ARG002
        """Refuse: which cells are side by side is not known."""
        raise InvalidInputError(
            "Places without order cannot be interpolated between.", "Expected the method 'nearest'."
        )

    def pieces(self, cell: Cells, parts: int) -> Pieces:  # noqa: ARG002
        """Refuse: how far cells reach is not known."""
        raise InvalidInputError(
            "Places without order have no areas that could be kept.", "Expected the method 'nearest'."
        )

    def outline(self) -> NDArray[np.float64] | None:
        """Return None: the box is the outline."""
        return None

    def _find_bounds(self) -> Bounds:
        longitude, latitude = self._longitude[self._cells], self._latitude[self._cells]
        reach = float(angle_degrees(np.array([float(np.median(self._reach)), 0.0, 0.0])))
        south, north = (
            max(float(latitude.min()) - reach / 2, -90.0),
            min(float(latitude.max()) + reach / 2, 90.0),
        )
        if (self.locate([0.0, 0.0], [-90.0, 90.0]) >= 0).any():
            return Bounds(-180.0, south, 180.0, north)
        narrowing = max(float(np.cos(np.radians(np.abs(latitude).max()))), 0.01)
        west, east = covering_arc(longitude, min(reach / narrowing, 90.0))
        return Bounds(west, south, east, north)
