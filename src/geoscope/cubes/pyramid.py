"""Coarser levels of nested HEALPix fields: the four cells of a parent stand side by side."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Cells
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import InvalidInputError

type Statistic = Literal["mean", "min", "max", "sum"]
type Fields = NDArray[np.floating]

REDUCTIONS = {"mean": np.add, "min": np.fmin, "max": np.fmax, "sum": np.add}
# Parents that are made at once: they and their cells stay in the core's own cache.
BLOCK_PARENTS = 16 * 1024


def coarser_grid(grid: HealpixGrid) -> HealpixGrid:
    """Return the grid one level up: all cells of which this one has a part.

    Raises
    ------
    InvalidInputError
        At level 0.
    """
    if grid.level == 0:
        raise InvalidInputError("Above level 0 HEALPix has no coarser level.")
    ids = None if grid.cell_ids is None else np.unique(grid.cell_ids // 4)
    return HealpixGrid(grid.level - 1, ids, grid.dimensions[0])


def coarser(fields: Fields, grid: HealpixGrid, statistic: Statistic = "mean") -> Fields:
    """Reduce fields to the level above.

    Values that are missing (NaN), or that a region lacks, do not count: a parent is missing if all four of
    its cells are.

    Parameters
    ----------
    fields : ndarray of float, shape (..., cells)
        On `grid`. Whole numbers become float64.
    grid : HealpixGrid
        Whole or a region.
    statistic : {"mean", "min", "max", "sum"}
        How four values become one.

    Returns
    -------
    ndarray of float, shape (..., cells of coarser_grid(grid))
        Of the same type.

    Raises
    ------
    InvalidInputError
        At level 0, if the fields are not on the grid, or for a statistic that is not known.
    """
    if statistic not in REDUCTIONS:
        raise InvalidInputError(
            f"There is no statistic {statistic!r}.", f"There are: {', '.join(REDUCTIONS)}."
        )
    if fields.shape[-1:] != grid.shape:
        raise InvalidInputError(f"The fields have {fields.shape[-1:]} cells, the grid has {grid.shape}.")
    above = coarser_grid(grid)
    if not np.issubdtype(fields.dtype, np.floating):
        fields = fields.astype(np.float64)
    if grid.cell_ids is not None:
        fields = _fill_families(fields, grid.cell_ids, above)
    return _reduce_families(fields, statistic)


def pyramid(
    fields: Fields, grid: HealpixGrid, statistic: Statistic = "mean", *, down_to: int = 0
) -> Iterator[tuple[HealpixGrid, Fields]]:
    """Yield the levels above a field one by one, from the finest to `down_to`.

    Each is made of the one before. A mean of means weighs what is there by areas only where nothing is
    missing: the mean of a coast counts its cells alike, however much of them is sea.

    Yields
    ------
    tuple of HealpixGrid and ndarray
        The grid of the level, and the fields on it (..., cells).
    """
    while grid.level > down_to:
        fields, grid = coarser(fields, grid, statistic), coarser_grid(grid)
        yield grid, fields


def _reduce_families(fields: Fields, statistic: Statistic) -> Fields:
    combine = REDUCTIONS[statistic]
    reduced = np.empty((*fields.shape[:-1], fields.shape[-1] // 4), fields.dtype)
    for start in range(0, reduced.shape[-1], BLOCK_PARENTS):
        # Pairs of strided views are many times quicker than a reduction along an axis of four.
        part = fields[..., 4 * start : 4 * (start + BLOCK_PARENTS)]
        pairs = combine(part[..., ::2], part[..., 1::2])
        combine(pairs[..., ::2], pairs[..., 1::2], out=reduced[..., start : start + BLOCK_PARENTS])
    if statistic in ("min", "max"):
        return np.asarray(reduced)
    if statistic == "mean":
        reduced *= reduced.dtype.type(0.25)
    if np.isnan(np.min(reduced, initial=np.inf)):
        missing = np.isnan(reduced)
        family = np.stack([fields[..., child::4][missing] for child in range(4)])
        there = ~np.isnan(family)
        count = there.sum(axis=0)
        total = np.where(there, family, 0).sum(axis=0)
        total = total / np.maximum(count, 1) if statistic == "mean" else total
        reduced[missing] = np.where(count > 0, total, np.nan)
    return np.asarray(reduced)


def _fill_families(fields: Fields, cell_ids: Cells, above: HealpixGrid) -> Fields:
    """Return fields in which each parent has its four cells, NaN for those that the region lacks."""
    if len(cell_ids) == 4 * above.shape[0]:
        return fields
    filled = np.full((*fields.shape[:-1], 4 * above.shape[0]), np.nan, fields.dtype)
    filled[..., 4 * above.positions(cell_ids // 4) + cell_ids % 4] = fields
    return filled
