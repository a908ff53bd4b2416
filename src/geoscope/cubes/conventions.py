"""Reading a dataset by the CF conventions: what is a coordinate, what is data, which axis is time.

Follows CF 1.12 sections 4 (coordinate types), 5.6 (grid mappings) and 7.1 (cell boundaries).
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from geoscope.cubes.times import TimeAxis
from geoscope.errors import InvalidInputError

LATITUDE_UNITS = ("degrees_north", "degree_north", "degree_N", "degrees_N", "degreeN", "degreesN")
LONGITUDE_UNITS = ("degrees_east", "degree_east", "degree_E", "degrees_E", "degreeE", "degreesE")

# Places and numbers of cells, where a file does not mark them as coordinates.
NO_DATA = ("latitude", "longitude", "healpix_index")


def coordinates(
    dataset: xr.Dataset, *, standard_name: str, units: tuple[str, ...] = ()
) -> Iterator[xr.DataArray]:
    """Yield the variables that CF makes a coordinate of this kind, by standard name or else by units."""
    for name, variable in dataset.variables.items():
        attributes = variable.attrs
        said = attributes.get("standard_name")
        if said == standard_name or (said is None and attributes.get("units") in units):
            yield dataset[name]


def referenced_name(variable: xr.DataArray, attribute: str) -> str | None:
    """Return the variable that an attribute such as `grid_mapping` names; xarray may have moved it."""
    text = variable.attrs.get(attribute) or variable.encoding.get(attribute)
    # CF 5.6 also knows the long form "crs: x y": the first word names the mapping.
    return str(text).split()[0].rstrip(":") if text else None


def is_grid_mapping(variable: xr.Variable | xr.DataArray) -> bool:
    """Tell whether a variable describes a projection: by a name of CF's, or only by well-known text.

    CF has no name for many projections, Web Mercator and Equal Earth among them.
    """
    return "grid_mapping_name" in variable.attrs or "crs_wkt" in variable.attrs


def bounds_names(dataset: xr.Dataset) -> set[str]:
    """Return the names of all variables that hold the boundaries of others' cells."""
    named = (
        variable.attrs.get("bounds") or variable.encoding.get("bounds")
        for variable in dataset.variables.values()
    )
    return {str(name) for name in named if name}


def data_variables(dataset: xr.Dataset, dimensions: tuple[str, ...]) -> dict[str, xr.DataArray]:
    """Return the numeric variables that span a grid: its data, without boundaries of cells.

    Parameters
    ----------
    dataset : xarray.Dataset
        As opened with its coordinates decoded.
    dimensions : tuple of str
        The grid's dimensions.
    """
    bounds = bounds_names(dataset)
    return {
        str(name): variable
        for name, variable in dataset.data_vars.items()
        if set(dimensions) <= set(variable.dims)
        and str(name) not in bounds
        and np.issubdtype(variable.dtype, np.number)
        and variable.attrs.get("standard_name") not in NO_DATA
    }


def time_axis(dataset: xr.Dataset) -> TimeAxis | None:
    """Return the time axis of a dataset; None if it has no time.

    An axis (one dimension) comes before a scalar; a forecast's reference time is no axis.

    Raises
    ------
    InvalidInputError
        If times do not rise, or several axes of time compete.
    """
    bounds = bounds_names(dataset)
    times = [
        dataset[name]
        for name, variable in dataset.variables.items()
        if variable.attrs.get("standard_name", "time") == "time"
        and variable.ndim <= 1
        and variable.size > 0
        and str(name) not in bounds
        and _holds_times(dataset[name])
    ]
    if not times:
        return None
    times.sort(key=lambda time: (-time.ndim, time.name not in time.dims, "standard_name" not in time.attrs))
    along = {time.dims for time in times if time.ndim == 1}
    if len(along) > 1:
        raise InvalidInputError(
            f"Several dimensions are axes of time: {sorted(str(dims[0]) for dims in along)}."
        )
    return TimeAxis.from_coordinate(times[0])


def _holds_times(variable: xr.DataArray) -> bool:
    if np.issubdtype(variable.dtype, np.datetime64):
        return True
    return variable.dtype == object and hasattr(variable.values.flat[0], "calendar")
