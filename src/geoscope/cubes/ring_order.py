"""HEALPix fields in ring order, as GRIB files have them, to nested order and back."""

from functools import lru_cache

import healpix_geo.nested
import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.healpix import cells_on_earth
from geoscope.errors import InvalidInputError

# At nside 1024 a permutation takes 50 MB; a file has one grid, seldom two.
KEPT_PERMUTATIONS = 4
# It is made in blocks: the numbers on the way take four times as much.
BLOCK_CELLS = 1024**2


def ring_to_nested[Value: np.generic](fields: NDArray[Value]) -> NDArray[Value]:
    """Bring fields (..., cells) of the whole Earth from ring order to nested order.

    Raises
    ------
    InvalidInputError
        If the number of cells is none of HEALPix's (12 * 4 ** level).
    """
    return np.take(fields, ring_of_nested(_level_of(fields)), axis=-1)


def nested_to_ring[Value: np.generic](fields: NDArray[Value]) -> NDArray[Value]:
    """Bring fields (..., cells) of the whole Earth from nested order to ring order.

    Raises
    ------
    InvalidInputError
        If the number of cells is none of HEALPix's (12 * 4 ** level).
    """
    ring = np.empty_like(fields)
    ring[..., ring_of_nested(_level_of(fields))] = fields
    return ring


@lru_cache(maxsize=KEPT_PERMUTATIONS)
def ring_of_nested(level: int) -> NDArray[np.integer]:
    """Return the place in ring order of each nested cell of the whole Earth; it cannot be written to."""
    number = cells_on_earth(level)
    permutation: NDArray[np.integer] = np.empty(number, np.int32 if number < 2**31 else np.int64)
    for start in range(0, number, BLOCK_CELLS):
        block = np.arange(start, min(start + BLOCK_CELLS, number), dtype=np.uint64)
        permutation[start : start + BLOCK_CELLS] = healpix_geo.nested.to_ring(block, level)
    permutation.flags.writeable = False
    return permutation


def _level_of(fields: NDArray[np.generic]) -> int:
    cells = fields.shape[-1] if fields.ndim else 0
    level = max((cells // 12).bit_length() - 1, 0) // 2
    if cells != cells_on_earth(level):
        raise InvalidInputError(
            f"{cells} cells are no whole HEALPix field.", "Expected 12 * nside ** 2, nside a power of 2."
        )
    return level
