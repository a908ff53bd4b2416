"""Grids in the words of GRIB 2: which keys define them, and in which order values go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Grid
from geoscope.cubes.healpix import HealpixGrid, cells_on_earth
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.errors import InvalidInputError

# GRIB 2 counts millionths of a degree.
MICRODEGREE = 1_000_000
REGULAR_TO_DEGREES = 1e-4


@dataclass(frozen=True)
class Packing:
    """How a grid is written.

    Attributes
    ----------
    keys : dict
        Of ecCodes, in the order in which they are to be set.
    arrange : callable
        Puts a field of the grid's shape into GRIB's order, flat.
    """

    keys: dict[str, Any]
    arrange: Callable[[NDArray[np.float32]], NDArray[np.float32]]


def grid_of(grid: Grid) -> Packing:
    """Return how a grid is written as GRIB 2.

    Raises
    ------
    InvalidInputError
        If GRIB has no words for it, or this platform writes none.
    """
    if isinstance(grid, HealpixGrid):
        return _healpix(grid)
    if isinstance(grid, ReducedGaussianGrid):
        return _reduced(grid)
    if isinstance(grid, RectilinearGrid):
        return _regular(grid)
    raise InvalidInputError(
        "Fields on this grid cannot be written as GRIB.", "A feature is answered as CoverageJSON."
    )


def _healpix(grid: HealpixGrid) -> Packing:
    """Write all cells in nested order; those that a region does not have are missing."""
    keys = {
        "gridType": "healpix",
        "Nside": 2**grid.level,
        "orderingConvention": "nested",
        "longitudeOfFirstGridPointInDegrees": 45.0,
    }
    ids = grid.cell_ids
    if ids is None:
        return Packing(keys, np.ravel)

    def spread(field: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = np.full(cells_on_earth(grid.level), np.nan, np.float32)
        whole[ids] = field
        return whole

    return Packing(keys, spread)


def _reduced(grid: ReducedGaussianGrid) -> Packing:
    """Write rows from north to south, each from its first cell eastwards."""
    latitude, count = grid.row_latitude, grid.row_count
    if latitude[0] < latitude[-1]:
        raise InvalidInputError(
            "Fields on a grid from south to north cannot be written as GRIB.",
            "A feature is answered as CoverageJSON.",
        )
    keys = {
        "gridType": "reduced_gg",
        "Nj": len(count),
        "N": len(count) // 2,
        "latitudeOfFirstGridPoint": _micro(float(latitude[0])),
        "latitudeOfLastGridPoint": _micro(float(latitude[-1])),
        "longitudeOfFirstGridPoint": 0,
        "longitudeOfLastGridPoint": _micro(360.0 - 360.0 / int(count.max())),
        "pl": count.tolist(),
    }
    return Packing(keys, np.ravel)


def _regular(grid: RectilinearGrid) -> Packing:
    """Write rows from north to south, as everybody reads them."""
    rows, columns = grid.shape
    longitude, _ = grid.cell_centre(np.arange(columns))
    _, latitude = grid.cell_centre(np.arange(rows) * columns)
    first, last = (float(edge) for edge in (longitude[0], longitude[-1]))
    steps = np.diff(longitude) % 360, np.diff(latitude)
    if any(len(step) and np.ptp(step) > REGULAR_TO_DEGREES for step in steps):
        raise InvalidInputError(
            "Fields on a grid with unequal steps cannot be written as GRIB.",
            "A feature is answered as CoverageJSON.",
        )
    is_rising = rows > 1 and latitude[1] > latitude[0]
    north, south = float(latitude.max()), float(latitude.min())
    keys = {
        "gridType": "regular_ll",
        "Ni": columns,
        "Nj": rows,
        "latitudeOfFirstGridPoint": _micro(north),
        "latitudeOfLastGridPoint": _micro(south),
        "longitudeOfFirstGridPoint": _micro(first % 360),
        "longitudeOfLastGridPoint": _micro(last % 360),
        "iDirectionIncrement": _micro(float(steps[0].mean())) if columns > 1 else 0,
        "jDirectionIncrement": _micro(abs(float(steps[1].mean()))) if rows > 1 else 0,
        "jScansPositively": 0,
    }
    return Packing(keys, lambda field: (field[::-1] if is_rising else field).ravel())


def _micro(degrees: float) -> int:
    return round(degrees * MICRODEGREE)
