"""What a horizontal grid can do, whatever its kind: find the cell of a place and the place of a cell."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

OUTSIDE = -1

type Cells = NDArray[np.int64]
type Degrees = NDArray[np.float64]


class Bounds(NamedTuple):
    """A box in degrees; `west` > `east` if it crosses 180 degrees (RFC 7946, section 5.2)."""

    west: float
    south: float
    east: float
    north: float


class Grid(Protocol):
    """A horizontal grid. Cells are numbered from 0 in C order over `dimensions`."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the array dimensions that span the grid."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each dimension."""

    @property
    def bounds(self) -> Bounds:
        """The box around all cells, edges included."""

    @property
    def cell_size(self) -> float:
        """Typical size of a cell in degrees of a great circle."""

    def locate(self, longitude: ArrayLike, latitude: ArrayLike) -> Cells:
        """Find the cells of places.

        Parameters
        ----------
        longitude, latitude : array_like
            Degrees on WGS 84 (longitudes of any turn); the shapes broadcast.

        Returns
        -------
        ndarray of int64
            Flat indices of the broadcast shape; -1 for a place outside the grid.
        """

    def cell_centre(self, cell: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return longitude (-180..180) and latitude of the centres of cells, in degrees."""

    def outline(self) -> NDArray[np.float64] | None:
        """Return the closed, counter-clockwise ring (n, 2) around the grid in degrees; None for `bounds`."""

    def __hash__(self) -> int:
        """Return a hash: caches keep what they know of a grid under the grid itself."""


def cell_edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the n + 1 edges of n cells: halfway between centres, half a cell beyond the outermost.

    Parameters
    ----------
    centres : ndarray of float, shape (n,)
        Strictly increasing. A single centre is given a cell one unit wide.
    """
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middles[0], 2 * centres[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


class Axis:
    """One axis of a grid whose rows or columns lie along straight lines of its coordinate.

    Parameters
    ----------
    centres : ndarray of float, shape (n,)
        Cell centres, strictly monotonic in either direction.
    turn : float, optional
        Length of a full circle, for an axis of longitudes.
    limits : tuple of float, optional
        Edges are cut there (latitudes end at the poles).
    """

    def __init__(
        self,
        centres: NDArray[np.float64],
        *,
        turn: float | None = None,
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.centres = np.asarray(centres, np.float64)
        self.turn = turn
        steps = np.diff(self.centres)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            raise ValueError("the coordinate is not strictly monotonic")
        self._descending = bool(len(steps) and steps[0] < 0)
        self.edges = cell_edges(self.centres[::-1] if self._descending else self.centres)
        if limits:
            self.edges = np.clip(self.edges, *limits)

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def step(self) -> float:
        """Median distance of neighbouring centres."""
        return float(np.median(np.diff(self.edges)))

    @property
    def is_cyclic(self) -> bool:
        """Tell whether the cells go all the way round (to a hundredth of a cell)."""
        return self.turn is not None and bool(self.edges[-1] - self.edges[0] >= self.turn - self.step / 100)

    def locate(self, coordinate: NDArray[np.float64]) -> Cells:
        """Return the index of the cell that holds each coordinate, -1 outside; NaN is outside."""
        first, last = self.edges[0], self.edges[-1]
        if self.turn is not None:
            # Only what lies outside is turned: turning all would cost the others their last digits.
            turned = first + (coordinate - first) % self.turn
            coordinate = np.where((coordinate >= first) & (coordinate <= last), coordinate, turned)
        index = np.searchsorted(self.edges, coordinate, side="right") - 1
        index = np.where(coordinate == last, len(self) - 1, index)
        if self.is_cyclic:
            index = np.where(np.isfinite(coordinate), np.minimum(index, len(self) - 1), OUTSIDE)
        inside = (index >= 0) & (index < len(self))
        if self._descending:
            index = len(self) - 1 - index
        return np.where(inside, index, OUTSIDE).astype(np.int64)


def flat_index(row: Cells, column: Cells, columns: int) -> Cells:
    """Return the number of cells in C order from their rows and columns; outside stays outside."""
    return np.where((row < 0) | (column < 0), OUTSIDE, row * columns + column)
