"""Grids whose every cell has its own latitude and longitude, such as NEMO's tripolar ocean grids."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoscope.cubes.grid import OUTSIDE, Bounds, Cells, Degrees, KnownGrid, Pieces, Surroundings
from geoscope.cubes.longitudes import wrap
from geoscope.cubes.outlines import bounds_of_cells, grid_outline
from geoscope.cubes.quads import place_in_quads, with_ghosts
from geoscope.cubes.sphere import areas_of_pieces, nearest_within_reach, unit_vectors

# Half the diagonal of a square cell is 0.71 of its side; cells that lean need a little more.
REACH_IN_CELLS = 0.85

# A halo and a north fold repeat a place at most four times; more is filling for processors without ocean.
MOST_REPEATS = 4

# So many of the nearest centres are tried as corners of the four around a place.
CORNERS_TRIED = 4

# Digits of a unit vector by which places are told apart: some metres.
PLACE_DIGITS = 6


class CurvilinearGrid(KnownGrid):
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
        self.shape: tuple[int, ...] = longitude.shape
        self._longitude, self._latitude = wrap(longitude), np.asarray(latitude, np.float64)
        placed = _has_place(self._longitude, self._latitude)
        self._longitude[~placed] = np.nan
        super().__init__(dimensions, self._longitude, self._latitude)
        vectors = unit_vectors(self._longitude, self._latitude)
        self._reach = REACH_IN_CELLS * _chord_to_farthest_neighbour(vectors).ravel()[placed.ravel()]
        self._cells = np.flatnonzero(placed)
        self._vectors = vectors.reshape(-1, 3)
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
        nearest, reaches = nearest_within_reach(self._tree, self._reach, longitude, latitude)
        return np.where(reaches, self._cells[nearest], OUTSIDE)

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of the centres of cells; NaN for cells without a place."""
        index = np.asarray(cell, np.int64)
        return self._longitude.ravel()[index], self._latitude.ravel()[index]

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres."""
        return self._longitude, self._latitude

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find the four cells between whose centres places lie; see `Grid.surroundings`.

        Across the seam of longitudes, a halo and the north fold as anywhere. At the coasts of the grid,
        where there are no four, the nearest cell counts alone.
        """
        east, north = np.broadcast_arrays(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
        nearest = self.locate(east, north).ravel()
        cells = np.repeat(nearest[:, None], 4, axis=1)
        weights = np.zeros(cells.shape)
        weights[nearest >= 0, 0] = 1.0
        places = unit_vectors(east, north).reshape(-1, 3)
        waiting = np.flatnonzero(nearest >= 0)
        for rank in range(1, min(CORNERS_TRIED, len(self._cells)) + 1):
            # Where cells lean, a place may lie beside those that its nearest centre is a corner of.
            _, corner = self._tree.query(places[waiting], k=[rank])
            row, column = np.divmod(self._cells[corner[:, 0]], self.shape[1])
            for quad_row, quad_column in ((0, 0), (0, 1), (1, 0), (1, 1)):
                quads = self._quads[row + quad_row, column + quad_column]
                # Cells that are none point at the last, which is NaN.
                across, up, inside = place_in_quads(places[waiting], self._vectors_or_nan[quads])
                found = waiting[inside]
                cells[found] = quads[inside]
                across, up = across[inside], up[inside]
                weights[found] = np.stack(
                    [(1 - across) * (1 - up), across * (1 - up), across * up, (1 - across) * up], axis=-1
                )
                waiting, row, column = waiting[~inside], row[~inside], column[~inside]
        return Surroundings(cells.reshape(*east.shape, 4), weights.reshape(*east.shape, 4))

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells between their corners, each in the middle of four centres; see `Grid.pieces`.

        Of cells that repeat a place (a halo, the north fold) only the first has an area.
        """
        row, column = np.divmod(cell, self.shape[1])
        corner = self._corners
        share = np.linspace(0, 1, parts + 1)
        middle = (share[1:] + share[:-1]) / 2

        def inside(up: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return vectors (cells, up, across, 3) between the corners of each cell."""
            up, across = up[:, None, None], across[None, :, None]
            south = corner[row, column][:, None, None] * (1 - across)
            south = south + corner[row, column + 1][:, None, None] * across
            north = corner[row + 1, column][:, None, None] * (1 - across)
            north = north + corner[row + 1, column + 1][:, None, None] * across
            vectors = south * (1 - up) + north * up
            return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))

        places = inside(middle, middle).reshape(len(cell), -1, 3)
        area = areas_of_pieces(inside(share, share)).reshape(len(cell), -1)
        return Pieces(
            np.degrees(np.arctan2(places[..., 1], places[..., 0])),
            np.degrees(np.arcsin(np.clip(places[..., 2], -1.0, 1.0))),
            np.where(self._is_first[cell][:, None], np.nan_to_num(area), 0.0),
        )

    @cached_property
    def _framed(self) -> Cells:
        return with_ghosts(self._vectors.reshape(*self.shape, 3), self._tree, self._cells)

    @cached_property
    def _quads(self) -> Cells:
        """The cells (rows + 1, columns + 1, 4) around each corner, -1 where there is none."""
        framed = self._framed
        corners = (framed[:-1, :-1], framed[:-1, 1:], framed[1:, 1:], framed[1:, :-1])
        return np.stack(corners, axis=-1)

    @cached_property
    def _vectors_or_nan(self) -> NDArray[np.float64]:
        return np.vstack([self._vectors, np.full((1, 3), np.nan)])

    @cached_property
    def _corners(self) -> NDArray[np.float64]:
        """Unit vectors (rows + 1, columns + 1, 3) of the cells' corners."""
        vectors = self._vectors_or_nan[self._framed]
        # Beyond the grid, as far as the next inner cell: the outermost cells are as wide as their neighbours.
        for axis in (0, 1):
            sides = np.moveaxis(vectors, axis, 0)
            for out, last, before in ((0, 1, 2), (-1, -2, -3)):
                missing = np.isnan(sides[out, ..., 0])
                sides[out][missing] = (2 * sides[last] - sides[before])[missing]
        around = np.stack([vectors[:-1, :-1], vectors[:-1, 1:], vectors[1:, 1:], vectors[1:, :-1]])
        known = np.isfinite(around)
        corner = np.where(known, around, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(corner / np.linalg.norm(corner, axis=-1, keepdims=True))

    @cached_property
    def _is_first(self) -> NDArray[np.bool_]:
        """Which cells have a place that no cell before them has."""
        placed = self._cells
        _, first = np.unique(np.round(self._vectors[placed], PLACE_DIGITS), axis=0, return_index=True)
        is_first = np.zeros(len(self._vectors), bool)
        is_first[placed[first]] = True
        return is_first

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
