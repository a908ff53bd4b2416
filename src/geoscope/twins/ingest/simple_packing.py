"""Values of GRIB's simple packing, whole bytes each, by numpy: ecCodes takes one value after the other.

Of an ingest that was a third of the work; all other packings, and all that a message says of itself, are
ecCodes' business.
"""

from typing import Any

import eccodes
import gribapi.bindings as native
import numpy as np
from gribapi.gribapi import GRIB_CHECK, get_handle
from numpy.typing import NDArray

from geoscope.twins.ingest.grib_grids import Values

type Packed = NDArray[np.unsignedinteger[Any]]

PACKED: dict[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype(">u2"), 32: np.dtype(">u4")}
# So many are worked on at once, in a core's own cache.
BLOCK = 32_768


def read_simply_packed(message: int, values: Values) -> bool:
    """Fill an array with the values of a message, bit for bit as ecCodes would.

    A value is R + X * 2^E (WMO Manual on Codes, FM 92 GRIB, data representation template 5.0). Messages with
    a decimal scale are left to ecCodes, whose rounding then depends on the type of the values.

    Parameters
    ----------
    message : int
        The open message.
    values : ndarray, shape (cells,)
        Float32 or float64; as many as the message has.

    Returns
    -------
    bool
        Whether the message is of that kind; if not, nothing was done.
    """
    packed = _packed(message, values.size)
    if packed is None:
        return False
    reference = eccodes.codes_get_double(message, "referenceValue")
    scale = 2.0 ** eccodes.codes_get_long(message, "binaryScaleFactor")
    block = np.empty(min(BLOCK, values.size))
    for begin in range(0, values.size, BLOCK):
        some = packed[begin : begin + BLOCK]
        unpacked = np.multiply(some, scale, out=block[: some.size])
        unpacked += reference
        values[begin : begin + BLOCK] = unpacked
    return True


def _packed(message: int, count: int) -> Packed | None:
    """Return the packed numbers, in the message's own memory; None if it is of another kind."""
    dtype = PACKED.get(eccodes.codes_get_long(message, "bitsPerValue"))
    if dtype is None or not _is_plain(message):
        return None
    start = eccodes.codes_get_long(message, "offsetBeforeData")
    content, length = native.ffi.new("const void **"), native.ffi.new("size_t *")
    GRIB_CHECK(native.lib.grib_get_message(get_handle(message), content, length))
    if start + count * dtype.itemsize > length[0]:
        return None
    packed: Packed = np.frombuffer(native.ffi.buffer(content[0], length[0]), dtype, count, start)
    return packed


def _is_plain(message: int) -> bool:
    return (
        eccodes.codes_get_string(message, "packingType") == "grid_simple"
        and not eccodes.codes_get_long(message, "bitmapPresent")
        and not eccodes.codes_get_long(message, "decimalScaleFactor")
        and eccodes.codes_get_double(message, "unitsFactor") == 1
        and eccodes.codes_get_double(message, "unitsBias") == 0
    )
