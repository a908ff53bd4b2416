"""What a cube says of its variables, and how their stored numbers become values."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.cubes.levels import LevelAxis


@dataclass(frozen=True)
class Variable:
    """A variable of a cube.

    Attributes
    ----------
    name : str
        Its name in the Zarr group.
    dimensions : tuple of str
        In the order of the array.
    unit, title, standard_name : str
        From CF attributes; empty if there is none (`title` falls back to the name in words).
    levels : LevelAxis or None
        Its vertical axis.
    cell_methods : str
        How values represent their cells, as CF says it; empty if nothing is said.
    """

    name: str
    dimensions: tuple[str, ...]
    unit: str
    title: str
    standard_name: str
    levels: LevelAxis | None = None
    cell_methods: str = ""

    @property
    def level_count(self) -> int:
        """Number of levels; 1 for a variable without."""
        return len(self.levels) if self.levels else 1

    @classmethod
    def from_array(cls, array: xr.DataArray, levels: LevelAxis | None = None) -> Self:
        """Read the CF attributes of a decoded variable."""
        standard_name = str(array.attrs.get("standard_name", ""))
        title = str(array.attrs.get("long_name") or standard_name or array.name)
        return cls(
            name=str(array.name),
            dimensions=tuple(map(str, array.dims)),
            unit=str(array.attrs.get("units", "")),
            title=title.replace("_", " ").strip(),
            standard_name=standard_name,
            levels=levels,
            cell_methods=str(array.attrs.get("cell_methods", "")),
        )


@dataclass(frozen=True)
class Packing:
    """How stored numbers become values (CF 1.12, section 8.1)."""

    scale: float
    offset: float
    missing: tuple[float, ...]

    @classmethod
    def from_encoding(cls, encoding: dict[str, Any]) -> Self:
        """Read what xarray keeps of the attributes."""
        marks = [encoding[key] for key in ("_FillValue", "missing_value") if encoding.get(key) is not None]
        missing = (
            tuple(float(mark) for mark in np.unique(np.ravel(marks)) if not np.isnan(mark)) if marks else ()
        )
        return cls(float(encoding.get("scale_factor", 1.0)), float(encoding.get("add_offset", 0.0)), missing)

    def unpack(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return values in the variable's unit, NaN where missing."""
        if self.scale != 1.0 or self.offset != 0.0:
            unpacked = (stored.astype(np.float64) * self.scale + self.offset).astype(np.float32)
        else:
            unpacked = stored.astype(np.float32)
        for mark in self.missing:
            unpacked[stored == mark] = np.nan
        return unpacked
