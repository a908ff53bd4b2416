"""Rounding within a bound: bits that do not matter become zero, and compress to nothing."""

import numpy as np
from numpy.typing import NDArray


def rounded(values: NDArray[np.floating], max_error: float) -> NDArray[np.floating]:
    """Round values to multiples of a power of two, none by more than `max_error`.

    Scaling by a power of two is exact, so that half the step is the whole error. Values whose own precision
    is coarser than the step are kept.

    Raises
    ------
    ArithmeticError
        If a value would move further; that is looked at, not supposed.
    """
    step = values.dtype.type(2.0 ** np.floor(np.log2(2 * max_error)))
    coarse = ~(np.abs(values) < step * 2.0 ** np.finfo(values.dtype).nmant)
    with np.errstate(over="ignore", invalid="ignore"):
        result: NDArray[np.floating] = np.rint(values / step) * step
        np.copyto(result, values, where=coarse)
        moved = np.abs(result - values)
    most = float(np.max(moved, initial=0.0, where=~coarse))
    if most > max_error:
        raise ArithmeticError(f"a value was moved by {most}, more than {max_error}")
    return result
