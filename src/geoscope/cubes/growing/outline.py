"""What a cube is before its first value: its grid, its variables, its levels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.cubes.grid import Grid
from geoscope.cubes.growing.names import FIELDS, LATE, LEVELS, SERIES
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.layout import CHUNK_STEPS
from geoscope.errors import InvalidInputError

# Groups beside the variables in the root group.
RESERVED_NAMES = ("time", SERIES, LEVELS, FIELDS, LATE)
# Coordinates that a cube on HEALPix has besides those of its outline.
PLACES = ("latitude", "longitude")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")


@dataclass(frozen=True)
class VariableOutline:
    """A variable before its first value.

    Attributes
    ----------
    name : str
        Name of the array, the short name where there is one (`2t`).
    attributes : mapping
        CF attributes (standard_name, long_name, units, cell_methods) and others such as `mars:param`.
    has_levels : bool
        Whether it has a value for each level.
    max_error : float, optional
        Values are rounded so that none moves by more than this, in the variable's unit; None keeps every bit.
    dtype : str
        `float32`, or `float64` where the source has more precision.
    pyramid : {"mean", "min", "max", "sum"}
        How four cells become one in the coarser levels of HEALPix.
    """

    name: str
    attributes: Mapping[str, Any]
    has_levels: bool = False
    max_error: float | None = None
    dtype: str = "float32"
    pyramid: Literal["mean", "min", "max", "sum"] = "mean"

    def check(self) -> None:
        """Raise `InvalidInputError` if no array can be made of it."""
        check_name(self.name)
        if self.dtype not in ("float32", "float64"):
            raise InvalidInputError(
                f"The variable {self.name!r} has the type {self.dtype!r}.", "Expected float32 or float64."
            )
        if self.max_error is not None and not (np.isfinite(self.max_error) and self.max_error > 0):
            raise InvalidInputError(
                f"The largest error of {self.name!r} is {self.max_error}.", "Expected a number above 0."
            )


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of those variables that have some.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        Strictly rising or strictly falling; levels that come later are put in their place.
    name : str
        Name of the dimension and the coordinate.
    attributes : mapping
        CF attributes: units, positive, standard_name.
    """

    values: NDArray[np.float64]
    name: str = "level"
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `InvalidInputError` if they can be no axis."""
        check_name(self.name)
        gaps = np.diff(self.values)
        if not len(self.values) or not (np.all(gaps > 0) or np.all(gaps < 0)):
            raise InvalidInputError(f"The levels {self.values} are not strictly rising or falling.")

    def joined(self, later: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return these levels and others as one axis, in the direction of these."""
        together: NDArray[np.float64] = np.union1d(self.values, later)
        falls = len(self.values) > 1 and self.values[0] > self.values[-1]
        if len(self.values) == 1 and len(later) > 1:
            falls = bool(later[0] > later[-1])
        return together[::-1] if falls else together


@dataclass(frozen=True, eq=False)
class CubeOutline:
    """A cube before its first value.

    Attributes
    ----------
    grid : Grid
        The horizontal grid.
    grid_coordinates : xarray.Dataset
        Coordinates and grid mapping variable as they are to be written, with CF (and xdggs) attributes. Of
        HEALPix the ids are enough: latitude and longitude of the cells are computed while they are written.
    variables : tuple of VariableOutline
        More can be added later.
    levels : Levels or None
        Needed if a variable has levels.
    attributes : mapping
        Of the root group: `mars:KEY`, title, source, history and so on. Those that begin with `mars:` or
        `geoscope:regridded_` say what the cube is: they cannot differ when it is opened again.
    calendar : str
        CF name of the everyday calendar; there are no others so far.
    block_steps : int
        Time steps in a chunk of the copy for time series; the fewer steps, the more cells it holds.
    """

    grid: Grid
    grid_coordinates: xr.Dataset
    variables: tuple[VariableOutline, ...]
    levels: Levels | None
    attributes: Mapping[str, Any]
    calendar: str = "proleptic_gregorian"
    block_steps: int = CHUNK_STEPS

    def check(self) -> None:
        """Raise `InvalidInputError` if no cube can be made of it."""
        for variable in self.variables:
            variable.check()
        if self.levels is not None:
            self.levels.check()
        elif any(variable.has_levels for variable in self.variables):
            raise InvalidInputError("A variable has levels, but the cube has none.")
        names = [variable.name for variable in self.variables]
        taken = {*map(str, self.grid_coordinates.variables), self.levels.name if self.levels else ""}
        if isinstance(self.grid, HealpixGrid):
            taken |= {*PLACES}
        doubled = sorted({name for name in names if names.count(name) > 1 or name in taken})
        if doubled:
            raise InvalidInputError(f"Names are used twice: {', '.join(doubled)}.")
        for name in taken - {""}:
            check_name(name)


def check_name(name: str) -> None:
    """Raise `InvalidInputError` if a name cannot be that of an array: it becomes part of a path."""
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise InvalidInputError(
            f"{name[:100]!r} cannot be the name of a variable or a coordinate.",
            f"Expected letters, digits, '_', '.', '+' and '-', and none of {', '.join(RESERVED_NAMES)}.",
        )
