"""Values of a grid's fields at any places, and so at the centres of any other grid: nearest or bilinear.

The weights are found once and serve every field on the grid.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoscope.cubes.grid import OUTSIDE, Cells, Grid, Surroundings
from geoscope.errors import InvalidInputError

type SamplingMethod = Literal["nearest", "bilinear"]

# Weights between two grids are large: a million places take 48 MB for bilinear, 4 MB for nearest.
KEPT_SAMPLINGS = 4
# Places that are looked at at once, so that what is needed on the way stays small.
BLOCK = 1 << 18
CELLS_AROUND = 4


@dataclass(frozen=True, eq=False)
class Sampling:
    """From which cells, and with which weights, the values at places come.

    Missing values (NaN): a place has a value exactly if the cell that counts most there has one; the others
    that are missing are left out and the remaining weights made one. So coasts stay where nearest sampling
    has them, land neither grows nor shrinks, and no place is filled from a distance of a whole cell.

    Attributes
    ----------
    grid_shape : tuple of int
        Shape of the fields that can be sampled.
    shape : tuple of int
        Shape of the places.
    cells : ndarray of int32 or int64, shape (places, k)
        Flat indices into a field; numbers past its end are the `means`. -1 outside.
    weights : ndarray of float, shape (places, k), or None
        They sum to one; None if there is one cell a place, which is all (k = 1).
    means : tuple of ndarray of int64
        Cells whose means stand for a pole.
    """

    grid_shape: tuple[int, ...]
    shape: tuple[int, ...]
    cells: NDArray[np.signedinteger]
    weights: NDArray[np.float64] | None = None
    means: tuple[Cells, ...] = ()

    @classmethod
    def nearest(cls, grid: Grid, longitude: ArrayLike, latitude: ArrayLike) -> Self:
        """Take each place's value from the cell that it lies in.

        Parameters
        ----------
        grid : Grid
            Any.
        longitude, latitude : array_like
            Degrees; the shapes broadcast.
        """
        cells = grid.locate(longitude, latitude)
        return cls(grid.shape, cells.shape, cells.reshape(-1, 1).astype(_index_type(grid)))

    @classmethod
    def bilinear(cls, grid: Grid, longitude: ArrayLike, latitude: ArrayLike) -> Self:
        """Interpolate each place's value between the cells around it.

        Raises
        ------
        InvalidInputError
            If the grid is places without order.
        """
        east, north = np.broadcast_arrays(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
        shape, east, north = east.shape, east.ravel(), north.ravel()
        cells = np.empty((len(east), CELLS_AROUND), _index_type(grid))
        weights = np.empty(cells.shape)
        means: tuple[Cells, ...] = ()
        for start in range(0, len(east), BLOCK):
            block = np.s_[start : start + BLOCK]
            found = grid.surroundings(east[block], north[block])
            cells[block] = _without_idle(found)
            weights[block] = found.weights
            means = found.means
        return cls(grid.shape, shape, cells, weights, means)

    def apply(self, fields: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the values of fields at the places.

        Parameters
        ----------
        fields : ndarray, shape (..., *grid_shape)
            On the grid.

        Returns
        -------
        ndarray, shape (..., *shape)
            NaN outside the grid and where missing. Of the fields' type if that can be: whole numbers become
            float64 to be interpolated, or to be NaN outside.

        Raises
        ------
        InvalidInputError
            If the fields are not on the grid.
        """
        ahead = fields.ndim - len(self.grid_shape)
        if ahead < 0 or fields.shape[ahead:] != self.grid_shape:
            raise InvalidInputError(
                f"Fields of the shape {fields.shape} are not on a grid of {self.grid_shape}."
            )
        flat = fields.reshape(-1, int(np.prod(self.grid_shape)))
        outside = self.cells[:, 0] < 0
        has_outside = bool(outside.any())
        exact = self.weights is None and not has_outside
        dtype = flat.dtype if exact or np.issubdtype(flat.dtype, np.floating) else np.dtype(np.float64)
        sampled = np.empty((len(flat), len(self.cells)), dtype)
        for field, values in zip(flat, sampled, strict=True):
            self._sample(field, values)
        if has_outside:
            sampled[:, outside] = np.nan
        return sampled.reshape((*fields.shape[:ahead], *self.shape))

    def _sample(self, field: NDArray[np.generic], values: NDArray[np.generic]) -> None:
        if self.weights is None:
            # "clip" spares a check of each index; -1, outside, takes any value.
            values[...] = np.take(field, self.cells[:, 0], mode="clip")
            return
        if self.means:
            field = np.append(field, [_mean(field[cells]) for cells in self.means]).astype(values.dtype)
        for start in range(0, len(self.cells), BLOCK):
            block = np.s_[start : start + BLOCK]
            around = np.take(field, self.cells[block], mode="clip")
            summed = np.einsum("nk,nk->n", around, self.weights[block])
            spoiled = np.flatnonzero(np.isnan(summed))
            if len(spoiled):
                summed[spoiled] = _without_missing(around[spoiled], self.weights[block][spoiled])
            values[block] = summed


@lru_cache(maxsize=KEPT_SAMPLINGS)
def sampling(source: Grid, target: Grid, method: SamplingMethod = "nearest") -> Sampling:
    """Return how the centres of a grid are sampled from another; found once for both grids.

    Raises
    ------
    InvalidInputError
        For a method that is not known, or that the source cannot do.
    """
    if method not in ("nearest", "bilinear"):
        raise InvalidInputError(f"There is no sampling {method!r}.", "Expected 'nearest' or 'bilinear'.")
    find = Sampling.nearest if method == "nearest" else Sampling.bilinear
    return find(source, *target.centres())


def _index_type(grid: Grid) -> type[np.signedinteger]:
    """Return the smaller type of numbers if it can name all cells, and some means after them."""
    return np.int32 if np.prod(grid.shape) < 2**31 - CELLS_AROUND else np.int64


def _without_idle(found: Surroundings) -> Cells:
    """Return cells (n, k) of which all count, repeated if need be; -1 where none does.

    A missing value in a cell that does not count can then spoil no sum.
    """
    cells, weights = found.cells, found.weights
    idle = weights <= 0
    rows = np.flatnonzero(idle.any(axis=1))
    if len(rows):
        heaviest = np.take_along_axis(cells[rows], weights[rows].argmax(axis=1)[:, None], axis=1)
        cells[rows] = np.where(idle[rows], heaviest, cells[rows])
        cells[rows[idle[rows].all(axis=1)]] = OUTSIDE
    return cells


def _mean(values: NDArray[np.generic]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else np.nan


def _without_missing(around: NDArray[np.generic], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weighted means (n,) of the values (n, k) that are there; NaN if the heaviest is missing."""
    there = ~np.isnan(around)
    kept = np.where(there, weights, 0.0)
    total = kept.sum(axis=1)
    mean = np.einsum("nk,nk->n", np.where(there, around, 0), kept) / np.where(total > 0, total, 1.0)
    heaviest = np.take_along_axis(there, weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(heaviest, mean, np.nan)
