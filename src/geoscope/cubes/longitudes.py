"""Longitudes are a circle: bringing them to one turn, and finding the arc that they cover."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def wrap(longitude: ArrayLike) -> NDArray[np.float64]:
    """Bring longitudes in degrees to the range from -180 (included) to 180 (excluded)."""
    return (np.asarray(longitude, np.float64) + 180.0) % 360.0 - 180.0


def covering_arc(longitude: NDArray[np.float64], cell: float) -> tuple[float, float]:
    """Return the shortest arc (west, east) that holds all longitudes; west > east if it crosses 180 degrees.

    Parameters
    ----------
    longitude : ndarray of float
        Degrees, at least one.
    cell : float
        Width of a cell in degrees: half of it is added on either side.

    Returns
    -------
    tuple of float
        (-180, 180) if no gap is wider than three cells.
    """
    ordered = np.unique(wrap(longitude))
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 3 * cell:
        return -180.0, 180.0
    east = float(ordered[widest]) + cell / 2
    west = float(ordered[(widest + 1) % len(ordered)]) - cell / 2
    return (float(wrap(west)), float(wrap(east))) if west < -180 or east > 180 else (west, east)
