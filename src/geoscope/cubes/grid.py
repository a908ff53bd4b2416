"""What a horizontal grid can do, whatever its kind: find the cell of a place and the place of a cell."""

from hashlib import sha256
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

OUTSIDE = -1

# Two longitudes are the same if they differ by less than these degrees, a full circle aside (float32).
_REPEATED_WITHIN = 1e-4

type Cells = NDArray[np.int64]
type Degrees = NDArray[np.float64]


class Bounds(NamedTuple):
    """A box in degrees; `west` > `east` if it crosses 180 degrees (RFC 7946, section 5.2)."""

    west: float
    south: float
    east: float
    north: float


class Surroundings(NamedTuple):
    """The cells around places and how much each of them counts (bilinear interpolation).

    Attributes
    ----------
    cells : ndarray of int64, shape (..., 4)
        Flat indices; -1 for none.
    weights : ndarray of float, shape (..., 4)
        They sum to one at each place, and are zero where there is no cell; all zero outside the grid.
    means : tuple of ndarray of int64
        Cells that are no grid's own, numbered from its last on: each is the mean of these cells. A pole
        beyond the last row is one, so that it has one value from wherever it is approached.
    """

    cells: Cells
    weights: NDArray[np.float64]
    means: tuple[Cells, ...] = ()


class Pieces(NamedTuple):
    """Cells cut into pieces: places inside of them, each with the area that it stands for.

    Attributes
    ----------
    longitude, latitude : ndarray of float, shape (cells, pieces)
        Degrees.
    area : ndarray of float, shape (cells, pieces)
        Steradians; the pieces of a cell sum to its area. Zero for a cell without a place of its own.
    """

    longitude: Degrees
    latitude: Degrees
    area: NDArray[np.float64]


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

    def centres(self) -> tuple[Degrees, Degrees]:
        """Return longitude and latitude of all centres, in shapes that broadcast to the grid's."""

    def surroundings(self, longitude: ArrayLike, latitude: ArrayLike) -> Surroundings:
        """Find the cells around places whose values, weighted, make the value there.

        Parameters
        ----------
        longitude, latitude : array_like
            Degrees, as for `locate`; the shapes broadcast.

        Raises
        ------
        InvalidInputError
            If the grid does not know which cells lie side by side.
        """

    def pieces(self, cell: Cells, parts: int) -> Pieces:
        """Cut cells (n,) into parts x parts pieces.

        Raises
        ------
        InvalidInputError
            If the grid does not know how far its cells reach.
        """

    def outline(self) -> NDArray[np.float64] | None:
        """Return the closed, counter-clockwise ring (n, 2) around the grid in degrees; None for `bounds`."""

    def __hash__(self) -> int:
        """Return a hash: caches keep what they know of a grid under the grid itself."""


class KnownGrid:
    """What the grids here share: two with the same cells are equal, and their hash is the same.

    So what is known of a grid (pixels of tiles, weights) serves every cube on it.
    """

    def __init__(self, dimensions: tuple[str, ...], *cells: object) -> None:
        self.dimensions = dimensions
        digest = sha256(repr((type(self).__name__, dimensions)).encode())
        for part in cells:
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
            digest.update(b";")
        self._key = digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownGrid) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


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

    Longitudes may go on beyond a full circle: where they are given from 0 to 360, the first and the last cell
    are one, and each of them is half of it.

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
        self.limits = limits
        beyond = 0.0 if turn is None else self.edges[-1] - self.edges[0] - turn
        if beyond > _REPEATED_WITHIN:
            self.edges = np.clip(self.edges, self.edges[0] + beyond / 2, self.edges[-1] - beyond / 2)
        if limits:
            self.edges = np.clip(self.edges, *limits)

    def __len__(self) -> int:
        return len(self.centres)

    def reach(self, within: float) -> None:
        """Make the outermost cells end at the limits if these are no farther away than `within`."""
        if self.limits is None:
            return
        low, high = self.limits
        self.edges[0] = low if self.edges[0] - low <= within else self.edges[0]
        self.edges[-1] = high if high - self.edges[-1] <= within else self.edges[-1]

    @property
    def step(self) -> float:
        """Median distance of neighbouring centres."""
        return float(np.median(np.diff(self.edges)))

    @property
    def repeats(self) -> NDArray[np.bool_]:
        """Which cells lie a full circle away from others that are the same."""
        if self.turn is None:
            return np.zeros(len(self), bool)
        return self.centres >= self.centres.min() + self.turn - _REPEATED_WITHIN

    @property
    def is_cyclic(self) -> bool:
        """Tell whether the cells go all the way round (to a hundredth of a cell)."""
        return self.turn is not None and bool(self.edges[-1] - self.edges[0] >= self.turn - self.step / 100)

    def locate(self, coordinate: NDArray[np.float64]) -> Cells:
        """Return the index of the cell that holds each coordinate, -1 outside; NaN is outside."""
        last = self.edges[-1]
        coordinate = self._turned(coordinate)
        index = np.searchsorted(self.edges, coordinate, side="right") - 1
        index = np.where(coordinate == last, len(self) - 1, index)
        if self.is_cyclic:
            index = np.where(np.isfinite(coordinate), np.minimum(index, len(self) - 1), OUTSIDE)
        inside = (index >= 0) & (index < len(self))
        if self._descending:
            index = len(self) - 1 - index
        return np.where(inside, index, OUTSIDE).astype(np.int64)

    def between(self, coordinate: NDArray[np.float64]) -> tuple[Cells, Cells, NDArray[np.float64]]:
        """Return the two cells between whose centres each coordinate lies, and the share of the second.

        Before the first centre and after the last both are the outermost cell, unless the axis is cyclic.
        What lies outside gets any cell.
        """
        centres = self.centres[::-1] if self._descending else self.centres
        coordinate = self._turned(coordinate)
        if self.is_cyclic and self.turn is not None:
            if not self.repeats.any():
                centres = np.append(centres, centres[0] + self.turn)
            coordinate = np.where(coordinate < centres[0], coordinate + self.turn, coordinate)
        coordinate = np.clip(np.nan_to_num(coordinate), centres[0], centres[-1])
        last = max(len(centres) - 2, 0)
        first = np.clip(np.searchsorted(centres, coordinate, side="right") - 1, 0, last)
        second = np.minimum(first + 1, len(centres) - 1)
        gap = np.where(second > first, centres[second] - centres[first], 1.0)
        share = (coordinate - centres[first]) / gap
        first, second = first % len(self), second % len(self)
        if self._descending:
            first, second = len(self) - 1 - first, len(self) - 1 - second
        return first, second, share

    def _turned(self, coordinate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring an axis of longitudes' coordinates to the turn that starts at its first edge."""
        if self.turn is None:
            return coordinate
        first, last = self.edges[0], self.edges[-1]
        # Only what lies outside is turned: turning all would cost the others their last digits.
        turned = first + (coordinate - first) % self.turn
        return np.where((coordinate >= first) & (coordinate <= last), coordinate, turned)

    def edge_of(self, index: int) -> float:
        """Return the outer edge of the first (0) or of the last (-1) cell."""
        return float(self.edges[-1 - index if self._descending else index])

    def cut(self, parts: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cut each cell into equal parts; return their edges (n, parts + 1) and centres (n, parts)."""
        edges = self.edges[:-1, None] + np.diff(self.edges)[:, None] * np.linspace(0, 1, parts + 1)
        # The last edge of a cell is the first of the next, to the last bit.
        edges[:, -1] = self.edges[1:]
        if self._descending:
            edges = edges[::-1]
        return edges, (edges[:, 1:] + edges[:, :-1]) / 2


def flat_index(row: Cells, column: Cells, columns: int) -> Cells:
    """Return the number of cells in C order from their rows and columns; outside stays outside."""
    return np.where((row < 0) | (column < 0), OUTSIDE, row * columns + column)
