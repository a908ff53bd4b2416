"""Conservative regridding to a coarser grid: integrals and constants are kept.

Each source cell is cut into pieces, and each piece counts for the target cell that it lies in. Between grids
that fit, as nested HEALPix levels or blocks of cells do, that is exact. Elsewhere the pieces draw the borders
of cells as steps; between two grids of the whole Earth, the areas are then balanced until each source cell
gives away its area and each target cell has received its own, so that integrals are exact all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from geoscope.cubes.grid import Cells, Grid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import InvalidInputError

# Cells are cut into this many parts each way: few if they are small beside the target's.
FEW_PARTS, MANY_PARTS = 4, 8
PIECES_AT_ONCE = 1 << 20
KEPT_COARSENINGS = 4

EARTH = 4 * np.pi
WHOLE_EARTH_WITHIN = 1e-6
# A target cell that is off by more than this share of its area was not met by enough pieces.
POOR = 0.1
ROUNDS_OF_SCALING = 5
MOST_CORRECTIONS = 4
LEAST_FACTOR = 0.1
BALANCED_WITHIN = 1e-12
SOLVED_WITHIN = 1e-10
MOST_ROUNDS = 500
# Cells of a target whose Laplacian is factorised in a second; factors of more take minutes and gigabytes.
MOST_SOLVED_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Coarsening:
    """How the areas of a grid's cells go over into another grid's.

    Attributes
    ----------
    source_shape, target_shape : tuple of int
        Shapes of fields before and after.
    areas : sparse array, shape (target cells, source cells)
        Steradians that two cells have in common.
    target_area : ndarray of float, shape (target cells,)
        Steradians.
    """

    source_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    areas: sparse.csr_array
    target_area: NDArray[np.float64]

    @classmethod
    def between(cls, source: Grid, target: Grid) -> Self:
        """Find the common areas of two grids' cells.

        Raises
        ------
        InvalidInputError
            If one of them is places without order, which have no areas.
        """
        target_area = cell_areas(target)
        areas = _pieces_in(source, target, _parts(source, target))
        received = _row_sums(areas)
        given = _column_sums(areas)
        poor = np.flatnonzero(np.abs(received - target_area) > POOR * target_area)
        if len(poor):
            # Narrow cells near a pole lie between most pieces: they look for the source cells themselves.
            areas = _scaled(areas + _own_pieces(source, target, poor), None, given)
        whole = [abs(float(total) - EARTH) < WHOLE_EARTH_WITHIN for total in (given.sum(), target_area.sum())]
        if all(whole) and target_area.all():
            areas = _balanced(areas, target_area, given)
        return cls(source.shape, target.shape, areas, target_area)

    def apply(self, fields: NDArray[np.generic], *, least_share: float = 0.0) -> NDArray[np.floating]:
        """Return the means of fields over the target's cells, weighted by area.

        Missing values (NaN) do not count. The integral over the target is that over the source, if each
        mean is weighted with the part of its cell that had values: `shares` times `target_area`.

        Parameters
        ----------
        fields : ndarray, shape (..., *source_shape)
            On the source.
        least_share : float
            The share of a target cell, 0 to 1, that must have values; else it is missing. By default any.

        Returns
        -------
        ndarray of float, shape (..., *target_shape)
            float32 from float32, else float64.

        Raises
        ------
        InvalidInputError
            If the fields are not on the source.
        """
        flat, ahead = self._flat(fields)
        means = np.empty((len(flat), len(self.target_area)), _float_type(flat))
        everything = _row_sums(self.areas)
        for field, mean in zip(flat, means, strict=True):
            there = ~np.isnan(field)
            if there.all():
                total, area = self.areas @ field.astype(np.float64), everything
            else:
                total = self.areas @ np.where(there, field, 0).astype(np.float64)
                area = self.areas @ there.astype(np.float64)
            enough = (area > 0) & (area >= least_share * self.target_area * (1 - 1e-9))
            mean[...] = np.divide(total, area, out=np.full_like(total, np.nan), where=enough)
        return means.reshape(*ahead, *self.target_shape)

    def shares(self, fields: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the share of each target cell for which fields have values.

        From 0 to 1 between grids of the whole Earth; else the steps along borders can make it a few percent
        more than 1.
        """
        flat, ahead = self._flat(fields)
        areas = np.stack([self.areas @ (~np.isnan(field)).astype(np.float64) for field in flat])
        shares = np.divide(areas, self.target_area, out=np.zeros_like(areas), where=self.target_area > 0)
        return np.asarray(shares.reshape(*ahead, *self.target_shape), np.float64)

    def _flat(self, fields: NDArray[np.generic]) -> tuple[NDArray[np.generic], tuple[int, ...]]:
        ahead = fields.ndim - len(self.source_shape)
        if ahead < 0 or fields.shape[ahead:] != self.source_shape:
            raise InvalidInputError(
                f"Fields of the shape {fields.shape} are not on a grid of {self.source_shape}."
            )
        return fields.reshape(-1, self.areas.shape[1]), fields.shape[:ahead]


@lru_cache(maxsize=KEPT_COARSENINGS)
def coarsening(source: Grid, target: Grid) -> Coarsening:
    """Return how a grid is coarsened to another; found once for both grids."""
    return Coarsening.between(source, target)


def cell_areas(grid: Grid, cells: Cells | None = None) -> NDArray[np.float64]:
    """Return the areas of cells in steradians; zero for those without a place of their own.

    Parameters
    ----------
    grid : Grid
        Any grid that knows how far its cells reach.
    cells : ndarray of int64, shape (n,), optional
        Which; all by default.

    Raises
    ------
    InvalidInputError
        If the grid does not know it.
    """
    if cells is None:
        blocks: Iterator[Cells] = _blocks(grid, 1)
    else:
        blocks = (cells[start : start + PIECES_AT_ONCE] for start in range(0, len(cells), PIECES_AT_ONCE))
    return np.concatenate([grid.pieces(block, 1).area[:, 0] for block in blocks])


def _blocks(grid: Grid, parts: int) -> Iterator[Cells]:
    """Yield all cells of a grid, some at a time, so that their pieces stay few."""
    number, most = int(np.prod(grid.shape)), max(1, PIECES_AT_ONCE // parts**2)
    for start in range(0, number, most):
        yield np.arange(start, min(start + most, number))


def _parts(source: Grid, target: Grid) -> int:
    if isinstance(source, HealpixGrid) and isinstance(target, HealpixGrid) and target.level <= source.level:
        return 1  # a cell lies in one coarser cell, whole
    # Powers of two: cells that reach half into the next, as those around 0, 1/4, 1/2 ... do, are cut in half.
    return FEW_PARTS if source.cell_size < target.cell_size / 4 else MANY_PARTS


def _pieces_in(source: Grid, target: Grid, parts: int) -> sparse.csr_array:
    """Return the area (target cells, source cells) of the source's pieces that lie in each target cell."""
    targets = int(np.prod(target.shape))
    blocks = []
    for cells in _blocks(source, parts):
        area, row, column = _located(source, target, cells, parts)
        inside = (row >= 0) & (area > 0)
        triples = (area[inside], (row[inside], column[inside]))
        blocks.append(sparse.coo_array(triples, shape=(targets, len(cells))).tocsc())
    return sparse.csr_array(sparse.hstack(blocks, format="csr"))


def _located(
    source: Grid, target: Grid, cells: Cells, parts: int
) -> tuple[NDArray[np.float64], Cells, Cells]:
    """Return the area of each piece of cells, the target cell in which it lies, and the piece's own cell."""
    pieces = source.pieces(cells, parts)
    found = target.locate(pieces.longitude, pieces.latitude)
    own = np.broadcast_to(np.arange(len(cells))[:, None], found.shape)
    return pieces.area.ravel(), found.ravel(), own.ravel()


def _own_pieces(source: Grid, target: Grid, cells: NDArray[np.int64]) -> sparse.csr_array:
    """Return the area of target cells' own pieces, by the source cells in which these lie."""
    area, column, row = _located(target, source, cells, FEW_PARTS)
    inside = (column >= 0) & (area > 0)
    shape = (int(np.prod(target.shape)), int(np.prod(source.shape)))
    triples = (area[inside], (cells[row[inside]], column[inside]))
    return sparse.csr_array(sparse.coo_array(triples, shape=shape))


def _balanced(
    areas: sparse.csr_array, received: NDArray[np.float64], given: NDArray[np.float64]
) -> sparse.csr_array:
    """Change common areas by as little as makes both their sums right.

    Some rounds of scaling rows and columns in turn (Sinkhorn) take the errors that are large and local. What
    goes from one end of the Earth to the other they would hardly move: each area times 1 + u(row) + v(column)
    is right at once, with u and v from one linear system, the Laplacian of who shares cells with whom.
    """
    for _ in range(MOST_CORRECTIONS):
        for _ in range(ROUNDS_OF_SCALING):
            areas = _scaled(_scaled(areas, received, None), None, given)
        lacking = received - _row_sums(areas)
        if np.abs(lacking / received).max() < BALANCED_WITHIN:
            break
        areas = _scaled(_corrected(areas, lacking, given), None, given)
    return areas


def _corrected(
    areas: sparse.csr_array, lacking: NDArray[np.float64], given: NDArray[np.float64]
) -> sparse.csr_array:
    """Multiply each area by 1 + u(row) + v(column) such that rows gain what they lack and columns nothing."""
    # Cells that repeat others have no area, and give nothing.
    shares = np.divide(1, given, out=np.zeros_like(given), where=given > 0)
    to_columns = areas.T.multiply(shares[:, None]).tocsr()
    u = _solve(areas, to_columns, lacking - lacking.mean())
    v = -(to_columns @ u)
    corrected = areas.copy()
    # Areas stay areas: where the step would go too far, the next one goes on.
    corrected.data *= np.maximum(1 + np.repeat(u, np.diff(areas.indptr)) + v[areas.indices], LEAST_FACTOR)
    return corrected


def _solve(
    areas: sparse.csr_array, to_columns: sparse.csr_array, wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve the Laplacian for u: what rows give to each other through the columns that they share."""
    sums = _row_sums(areas)
    if len(wanted) > MOST_SOLVED_AT_ONCE:
        # The product is much denser than its factors: it is applied, never made.
        diagonal = sums - _row_sums(areas.multiply(to_columns.T))
        smoother = sparse.diags_array(1 / np.maximum(diagonal, np.finfo(float).tiny))
        product = LinearOperator(
            areas.shape[:1] * 2, lambda x: sums * x - areas @ (to_columns @ x), dtype=np.float64
        )
        return np.asarray(cg(product, wanted, rtol=SOLVED_WITHIN, maxiter=MOST_ROUNDS, M=smoother)[0])
    laplacian = sparse.csc_array(sparse.diags_array(sums) - areas @ to_columns)
    # Any constant may be added to u: doubling one element of the diagonal makes this one zero.
    laplacian[0, 0] *= 2
    factors = splu(
        laplacian,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.01,
        options={"SymmetricMode": True},
    )
    return np.asarray(factors.solve(wanted))


def _scaled(
    areas: sparse.csr_array, rows: NDArray[np.float64] | None, columns: NDArray[np.float64] | None
) -> sparse.csr_array:
    """Return the areas with these sums along rows or columns."""
    scaled = areas.copy()
    if rows is not None:
        sums = _row_sums(areas)
        factor = np.divide(rows, sums, out=np.zeros_like(sums), where=sums > 0)
        scaled.data *= np.repeat(factor, np.diff(areas.indptr))
    if columns is not None:
        sums = _column_sums(areas)
        factor = np.divide(columns, sums, out=np.zeros_like(sums), where=sums > 0)
        scaled.data *= factor[areas.indices]
    return scaled


def _row_sums(areas: sparse.csr_array) -> NDArray[np.float64]:
    return np.asarray(areas.sum(axis=1), np.float64).ravel()


def _column_sums(areas: sparse.csr_array) -> NDArray[np.float64]:
    return np.asarray(areas.sum(axis=0), np.float64).ravel()


def _float_type(fields: NDArray[np.generic]) -> np.dtype[np.floating]:
    return np.dtype(np.float32 if fields.dtype == np.float32 else np.float64)
