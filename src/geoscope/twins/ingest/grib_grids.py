"""Grids of GRIB messages: described once each, and the order in which a message stores its values undone.

All descriptions have one orientation, so that files that scan differently fit the same cube: rows from north
to south, longitudes rising to the east, HEALPix cells nested.
"""

from dataclasses import dataclass
from typing import Any

import eccodes
import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.ring_order import ring_of_nested
from geoscope.errors import InvalidInputError

MOST_CELLS = 1_000_000_000
# Values are put in order block by block: a block and its places stay in the core's own cache.
BLOCK_CELLS = 16 * 1024

type Values = NDArray[np.floating]


@dataclass(frozen=True)
class Order:
    """How a message orders the values of its grid.

    Attributes
    ----------
    ring_level : int
        Refinement level of HEALPix cells in ring order; -1 for any other grid or order.
    shape : tuple of int
        Rows and columns; empty if there are none.
    flip_rows, flip_columns, by_columns, alternating : bool
        GRIB's scanning mode, where it differs from that of the descriptions.
    """

    ring_level: int = -1
    shape: tuple[int, ...] = ()
    flip_rows: bool = False
    flip_columns: bool = False
    by_columns: bool = False
    alternating: bool = False

    @property
    def is_canonical(self) -> bool:
        """Whether values stand as the description has them."""
        return self.ring_level < 0 and not (
            self.flip_rows or self.flip_columns or self.by_columns or self.alternating
        )


def grid_id(message: int) -> str:
    """Return what tells the grids of messages apart, the order of their values included."""
    return str(eccodes.codes_get_string(message, "md5GridSection"))


def describe_grid(message: int) -> dict[str, Any]:
    """Describe the grid of a message.

    Raises
    ------
    InvalidInputError
        If it is of a kind that cannot be stored.
    """
    kind = str(eccodes.codes_get_string(message, "gridType"))
    describe = _DESCRIBERS.get(kind)
    if describe is None:
        raise InvalidInputError(f"Its grid, {kind[:40]}, cannot be stored.")
    return describe(message)


def order_of(message: int) -> Order:
    """Return how a message orders its values."""
    kind = str(eccodes.codes_get_string(message, "gridType"))
    if kind == "healpix":
        is_ring = eccodes.codes_get_string(message, "orderingConvention") == "ring"
        return Order(ring_level=_level(message) if is_ring else -1)
    if kind == "reduced_gg":
        flips = _flag(message, "jScansPositively") or _flag(message, "iScansNegatively")
        if flips or _flag(message, "alternativeRowScanning"):
            raise InvalidInputError("Its reduced Gaussian grid is scanned in an unusual order.")
        return Order()
    return Order(
        shape=(_number(message, "Nj"), _number(message, "Ni")),
        flip_rows=_flag(message, "jScansPositively"),
        flip_columns=_flag(message, "iScansNegatively"),
        by_columns=_flag(message, "jPointsAreConsecutive"),
        alternating=_flag(message, "alternativeRowScanning"),
    )


def put_in_order(values: Values, order: Order, target: Values) -> None:
    """Write values as the description orders them.

    Parameters
    ----------
    values : ndarray, shape (cells,)
        As the message has them.
    order : Order
        Of the message.
    target : ndarray, shape (cells,)
        Where they go; another array than `values`.
    """
    if order.ring_level >= 0:
        permutation = ring_of_nested(order.ring_level)
        for start in range(0, len(values), BLOCK_CELLS):
            block = permutation[start : start + BLOCK_CELLS]
            np.take(values, block, out=target[start : start + BLOCK_CELLS], mode="clip")
        return
    rows, columns = order.shape
    field = values.reshape((columns, rows) if order.by_columns else (rows, columns))
    if order.alternating:
        field = field.copy()
        field[1::2] = field[1::2, ::-1]
    if order.by_columns:
        field = field.T
    target.reshape(rows, columns)[...] = field[
        :: -1 if order.flip_rows else 1, :: -1 if order.flip_columns else 1
    ]


def _healpix(message: int) -> dict[str, Any]:
    first = _degrees(message, "longitudeOfFirstGridPointInDegrees")
    if abs(first - 45) > 1e-6:
        raise InvalidInputError(f"Its HEALPix grid is turned: it begins at {first:g} degrees, not at 45.")
    return {"kind": "healpix", "level": _level(message)}


def _level(message: int) -> int:
    nside = _number(message, "Nside")
    if nside < 1 or nside & (nside - 1):
        raise InvalidInputError(f"Its HEALPix grid has Nside {nside}: only powers of two can be nested.")
    return nside.bit_length() - 1


def _latitude_longitude(message: int) -> dict[str, Any]:
    rows, columns = _number(message, "Nj"), _number(message, "Ni")
    _require_size(rows * columns)
    return {
        "kind": "rectilinear",
        "latitude": _latitudes(message, rows).tolist(),
        "longitude": _longitudes(message, columns).tolist(),
    }


def _rotated(message: int) -> dict[str, Any]:
    pole = _degrees(message, "longitudeOfSouthernPoleInDegrees")
    return _latitude_longitude(message) | {
        "kind": "rotated",
        "north_pole_latitude": -_degrees(message, "latitudeOfSouthernPoleInDegrees"),
        "north_pole_longitude": (pole + 360) % 360 - 180,
        "north_pole_grid_longitude": _degrees(message, "angleOfRotationInDegrees"),
    }


def _regular_gaussian(message: int) -> dict[str, Any]:
    rows, columns = _number(message, "Nj"), _number(message, "Ni")
    _require_size(rows * columns)
    return {
        "kind": "rectilinear",
        "latitude": _gaussian_rows(message, rows).tolist(),
        "longitude": _longitudes(message, columns).tolist(),
    }


def _reduced_gaussian(message: int) -> dict[str, Any]:
    points = np.asarray(eccodes.codes_get_long_array(message, "pl"), np.int64)
    _require_size(int(points.sum()))
    if not _flag(message, "global"):
        raise InvalidInputError("It is a part of a reduced Gaussian grid: only whole ones can be stored.")
    return {
        "kind": "reduced_gaussian",
        "number": _number(message, "N"),
        "octahedral": _flag(message, "isOctahedral"),
        "latitude": _gaussian_rows(message, len(points)).tolist(),
        "points": points.tolist(),
    }


def _gaussian_rows(message: int, rows: int) -> NDArray[np.float64]:
    """Return the latitudes of rows, north to south, exact: the message has them rounded."""
    parallels = np.array(list(eccodes.codes_get_gaussian_latitudes(_number(message, "N"))), np.float64)
    northmost = max(_ends(message, "latitude"))
    first = int(np.argmin(np.abs(parallels - northmost)))
    if first + rows > len(parallels):
        raise InvalidInputError("Its Gaussian grid has more rows than its number says.")
    return parallels[first : first + rows]


def _latitudes(message: int, rows: int) -> NDArray[np.float64]:
    ends = _ends(message, "latitude")
    return np.linspace(max(ends), min(ends), rows)


def _longitudes(message: int, columns: int) -> NDArray[np.float64]:
    """Return longitudes rising from the westmost; all round, the step is exact and not the rounded one."""
    west, east = _ends(message, "longitude")
    if _flag(message, "iScansNegatively"):
        west, east = east, west
    span = (east - west) % 360
    step = 360 / columns
    if abs(span - (360 - step)) < min(0.002, step / 4):
        return np.asarray(west + step * np.arange(columns), np.float64)
    return np.linspace(west, west + span, columns)


def _ends(message: int, axis: str) -> tuple[float, float]:
    return (
        _degrees(message, f"{axis}OfFirstGridPointInDegrees"),
        _degrees(message, f"{axis}OfLastGridPointInDegrees"),
    )


def _require_size(cells: int) -> None:
    if not 0 < cells <= MOST_CELLS:
        raise InvalidInputError(f"Its grid has {cells:,} cells.")


def _degrees(message: int, key: str) -> float:
    return float(eccodes.codes_get_double(message, key))


def _number(message: int, key: str) -> int:
    return int(eccodes.codes_get_long(message, key))


def _flag(message: int, key: str) -> bool:
    return bool(eccodes.codes_get_long(message, key)) if eccodes.codes_is_defined(message, key) else False


_DESCRIBERS = {
    "healpix": _healpix,
    "regular_ll": _latitude_longitude,
    "regular_gg": _regular_gaussian,
    "rotated_ll": _rotated,
    "reduced_gg": _reduced_gaussian,
}
