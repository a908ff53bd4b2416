"""Curvilinear grids as meshes of quadrilaterals between centres.

What lies beyond the array's sides, and where in a quadrilateral a place is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoscope.cubes.grid import OUTSIDE, Cells

# A place found by its guessed neighbour is that neighbour if it is this near, in distances of cells.
NEAR_IN_CELLS = 0.6
# Bilinear coordinates beyond a side by rounding only.
ROUNDING = 1e-9
NEWTON_STEPS = 8


def with_ghosts(vectors: NDArray[np.float64], tree: cKDTree, tree_cells: Cells) -> Cells:
    """Return the flat indices of all cells, framed by the cells beyond each side of the array.

    What is beyond a side is known by its place alone: as far beyond the outermost cell as that is from the
    next inner one. So a seam of longitudes, a halo and a north fold of either kind need not be told apart.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, m, 3)
        Unit vectors of the centres; NaN for cells without a place.
    tree, tree_cells
        All centres to search in, and their flat indices.

    Returns
    -------
    ndarray of int64, shape (n + 2, m + 2)
        -1 where the grid ends, and for cells without a place.
    """
    rows, columns = vectors.shape[:2]
    framed = np.full((rows + 2, columns + 2), OUTSIDE, np.int64)
    placed = np.isfinite(vectors[..., 0])
    framed[1:-1, 1:-1] = np.where(placed, np.arange(rows * columns).reshape(rows, columns), OUTSIDE)
    if rows < 2 or columns < 2:
        return framed
    inside = np.s_[1:-1]
    for out, last, before in ((0, 0, 1), (-1, -1, -2)):
        beyond_rows = _cells_at(vectors[last], vectors[before], tree, tree_cells)
        beyond_columns = _cells_at(vectors[:, last], vectors[:, before], tree, tree_cells)
        framed[out, inside], framed[inside, out] = beyond_rows, beyond_columns
    ends, next_to_ends = np.ix_([0, -1], [0, -1]), np.ix_([1, -2], [1, -2])
    corners = _cells_at(vectors[ends].reshape(4, 3), vectors[next_to_ends].reshape(4, 3), tree, tree_cells)
    framed[ends] = corners.reshape(2, 2)
    return framed


def _cells_at(
    last: NDArray[np.float64], before: NDArray[np.float64], tree: cKDTree, tree_cells: Cells
) -> Cells:
    """Return the cells (n,) that are as far beyond the last places (n, 3) as those before, or -1."""
    guessed, distance = 2 * last - before, np.linalg.norm(last - before, axis=-1)
    finite = np.isfinite(guessed).all(axis=-1)
    apart, nearest = tree.query(np.where(finite[:, None], guessed, 0.0))
    near = finite & (apart <= NEAR_IN_CELLS * np.where(finite, distance, 0.0))
    return np.where(near, tree_cells[nearest], OUTSIDE)


def place_in_quads(
    place: NDArray[np.float64], corners: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Find the bilinear coordinates of places in quadrilaterals, on the plane that touches the place.

    Parameters
    ----------
    place : ndarray of float, shape (n, 3)
        Unit vectors.
    corners : ndarray of float, shape (n, 4, 3)
        Unit vectors of the corners (0, 0), (1, 0), (1, 1), (0, 1).

    Returns
    -------
    across, up : ndarray of float, shape (n,)
        Coordinates from 0 to 1.
    inside : ndarray of bool, shape (n,)
        False where the place is not in the quadrilateral, or a corner is NaN.
    """
    helper = np.where(np.abs(place[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(helper, place)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(place, first)
    height = np.einsum("nkc,nc->nk", corners, place)
    # Great circles are straight lines on this plane; what is behind the horizon is no corner.
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(height > 0, np.einsum("nkc,nc->nk", corners, first) / height, np.nan)
        y = np.where(height > 0, np.einsum("nkc,nc->nk", corners, second) / height, np.nan)
        across, up = _solve_bilinear(x, y)
        inside = (np.abs(across - 0.5) <= 0.5 + ROUNDING) & (np.abs(up - 0.5) <= 0.5 + ROUNDING)
    return np.clip(across, 0.0, 1.0), np.clip(up, 0.0, 1.0), inside


def _solve_bilinear(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find by Newton's method where the bilinear map of four corners (n, 4) takes the origin."""
    across, up = np.full(len(x), 0.5), np.full(len(x), 0.5)
    (x0, x1, x2, x3), (y0, y1, y2, y3) = x.T, y.T
    x_twist, y_twist = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    for _ in range(NEWTON_STEPS):
        x_across, x_up = x1 - x0 + up * x_twist, x3 - x0 + across * x_twist
        y_across, y_up = y1 - y0 + up * y_twist, y3 - y0 + across * y_twist
        x_now = x0 + across * (x1 - x0) + up * x_up
        y_now = y0 + across * (y1 - y0) + up * y_up
        slope = x_across * y_up - x_up * y_across
        across = across - (x_now * y_up - y_now * x_up) / slope
        up = up - (y_now * x_across - x_now * y_across) / slope
    return across, up
