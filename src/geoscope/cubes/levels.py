"""The vertical axis of a variable: pressure levels, heights, depths, or layers by number."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

# CF 1.12, section 4.3: a unit of pressure, or `positive`, or `axis` makes a coordinate a vertical one.
PRESSURE_UNITS = ("Pa", "hPa", "mbar", "millibar", "millibars", "bar", "kPa")


@dataclass(frozen=True, eq=False)
class LevelAxis:
    """The levels of a variable, in the order of its array.

    Attributes
    ----------
    dimension : str
        Name of the array dimension, which is also that of the coordinate.
    values : ndarray of float64, shape (levels,)
        In `unit`.
    unit, standard_name : str
        From CF attributes; empty if there is none.
    positive : str
        `up` or `down`: which way values grow; empty if that is not said.
    """

    dimension: str
    values: NDArray[np.float64]
    unit: str
    standard_name: str
    positive: str

    def __len__(self) -> int:
        return len(self.values)

    def nearest(self, value: float) -> int:
        """Return the index of the level that is nearest to a value in `unit`."""
        return int(np.abs(self.values - value).argmin())

    @classmethod
    def from_coordinate(cls, coordinate: xr.DataArray) -> "LevelAxis":
        """Read the CF attributes of a coordinate."""
        attributes = coordinate.attrs
        return cls(
            dimension=str(coordinate.dims[0]),
            values=coordinate.values.astype(np.float64),
            unit=str(attributes.get("units", "")),
            standard_name=str(attributes.get("standard_name", "")),
            positive=str(attributes.get("positive", "")),
        )


def level_axis(dataset: xr.Dataset, dimension: str) -> LevelAxis | None:
    """Return the levels along a dimension; None if its coordinate is missing or no vertical one."""
    if dimension not in dataset.coords or not np.issubdtype(dataset[dimension].dtype, np.number):
        return None
    coordinate = dataset[dimension]
    attributes = coordinate.attrs
    is_vertical = (
        attributes.get("axis") == "Z"
        or attributes.get("positive") in ("up", "down")
        or attributes.get("units") in PRESSURE_UNITS
    )
    return LevelAxis.from_coordinate(coordinate) if is_vertical else None
