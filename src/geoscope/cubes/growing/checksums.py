"""Checksums of fields: by them a field that comes again is known, and one with other values is noticed."""

import numpy as np
import xxhash
from numpy.typing import NDArray

# What the checksum array says of a field that is not there.
MISSING = 0


def field_checksum(values: NDArray[np.floating]) -> int:
    """Return the checksum of a field's values: 64 bits, never 0.

    It is that of the values as they were given, before any rounding, in their own type: float32 1.0 and
    float64 1.0 differ. All NaN count alike.

    Parameters
    ----------
    values : ndarray of float32 or float64
        Of any shape; only the order in memory (C) counts.
    """
    flat = np.ascontiguousarray(values).ravel()
    if np.isnan(np.min(flat, initial=np.inf)):  # no second array where nothing is missing
        flat = np.where(np.isnan(flat), flat.dtype.type(np.nan), flat)
    return xxhash.xxh3_64_intdigest(flat.view(np.uint8).data) or 1
