"""From a dataset's CF attributes to its grid. A new kind of grid is one more line in `detect_grid`."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from geoscope.cubes.conventions import (
    LATITUDE_UNITS,
    LONGITUDE_UNITS,
    coordinates,
    referenced_name,
    time_axis,
)
from geoscope.cubes.curvilinear import CurvilinearGrid
from geoscope.cubes.grid import Grid
from geoscope.cubes.healpix_metadata import read_healpix
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.scattered import ScatteredGrid
from geoscope.errors import InvalidInputError

METRES_IN = {
    "m": 1.0,
    "metre": 1.0,
    "meter": 1.0,
    "metres": 1.0,
    "meters": 1.0,
    "km": 1000.0,
    "kilometre": 1000.0,
}


def detect_grid(dataset: xr.Dataset) -> Grid:
    """Return the horizontal grid of a dataset.

    Raises
    ------
    InvalidInputError
        If its attributes describe no grid that is known here.
    """
    try:
        grid = (
            read_healpix(dataset)
            or _projected(dataset)
            or _rectilinear(dataset)
            or _curvilinear(dataset)
            or _flat(dataset)
        )
    except ValueError as error:
        raise InvalidInputError(f"The grid cannot be read: {error}.") from error
    if grid is None:
        raise InvalidInputError(
            "The dataset has no grid that can be recognised.",
            "Expected CF attributes: latitude and longitude (standard_name or units) of one or two "
            "dimensions, projection coordinates with a grid_mapping, or the grid_mapping healpix.",
        )
    return grid


def _rectilinear(dataset: xr.Dataset) -> Grid | None:
    latitude = _first_of(dataset, 1, "latitude", LATITUDE_UNITS)
    longitude = _first_of(dataset, 1, "longitude", LONGITUDE_UNITS)
    if latitude is None or longitude is None or latitude.dims == longitude.dims:
        return None
    return RectilinearGrid(
        _values(longitude), _values(latitude), (str(latitude.dims[0]), str(longitude.dims[0]))
    )


def _projected(dataset: xr.Dataset) -> Grid | None:
    crs = _grid_mapping(dataset)
    if crs is None:
        return None
    for x_name, y_name in (
        ("projection_x_coordinate", "projection_y_coordinate"),
        ("grid_longitude", "grid_latitude"),
    ):
        x, y = _first_of(dataset, 1, x_name), _first_of(dataset, 1, y_name)
        if x is not None and y is not None:
            dimensions = (str(y.dims[0]), str(x.dims[0]))
            return ProjectedGrid(_in_units_of(crs, x), _in_units_of(crs, y), crs, dimensions)
    return None


def _curvilinear(dataset: xr.Dataset) -> Grid | None:
    latitude = _first_of(dataset, 2, "latitude", LATITUDE_UNITS)
    longitude = _first_of(dataset, 2, "longitude", LONGITUDE_UNITS)
    if latitude is None or longitude is None or set(latitude.dims) != set(longitude.dims):
        return None
    longitude = longitude.transpose(*latitude.dims)
    return CurvilinearGrid(
        _values(longitude), _values(latitude), (str(latitude.dims[0]), str(latitude.dims[1]))
    )


def _flat(dataset: xr.Dataset) -> Grid | None:
    """Read cells along one dimension by their places: rows around the Earth, or places without order."""
    latitude = _first_of(dataset, 1, "latitude", LATITUDE_UNITS)
    longitude = _first_of(dataset, 1, "longitude", LONGITUDE_UNITS)
    if latitude is None or longitude is None or latitude.dims != longitude.dims:
        return None
    dimension = str(latitude.dims[0])
    axis = time_axis(dataset)
    if axis is not None and axis.dimension == dimension:
        return None  # the way of a ship, or profiles of floats
    places = longitude.values.astype(np.float64), latitude.values.astype(np.float64)
    return ReducedGaussianGrid.from_places(*places, dimension) or ScatteredGrid(*places, dimension)


def _first_of(
    dataset: xr.Dataset, ndim: int, standard_name: str, units: tuple[str, ...] = ()
) -> xr.DataArray | None:
    found = coordinates(dataset, standard_name=standard_name, units=units)
    return next((variable for variable in found if variable.ndim == ndim), None)


def _grid_mapping(dataset: xr.Dataset) -> CRS | None:
    """Return the projection that a data variable names; None for plain latitude and longitude."""
    for variable in dataset.data_vars.values():
        name = referenced_name(variable, "grid_mapping")
        if name is None or name not in dataset.variables:
            continue
        attributes = dataset[name].attrs
        if attributes.get("grid_mapping_name") == "latitude_longitude":
            return None
        try:
            return CRS.from_cf(attributes)
        except (CRSError, KeyError, ValueError) as error:
            raise InvalidInputError(f"The grid mapping {name!r} cannot be read: {error}.") from error
    return None


def _in_units_of(crs: CRS, axis: xr.DataArray) -> NDArray[np.float64]:
    if crs.is_geographic:
        return _values(axis)
    units = str(axis.attrs.get("units", "m"))
    if units in ("radian", "radians", "rad"):
        # Geostationary scan angles: PROJ's coordinates are these times the height of the satellite.
        height = crs.to_dict().get("h")
        if height is None:
            raise ValueError(f"{axis.name!r} is in {units}, which only a geostationary projection has")
        return _values(axis) * float(height)
    if units not in METRES_IN:
        raise ValueError(f"{axis.name!r} is in {units!r}, expected one of {', '.join(METRES_IN)}")
    return _values(axis) * METRES_IN[units]


def _values(coordinate: xr.DataArray) -> NDArray[np.float64]:
    """Return values as float64; an axis by its shortest decimals: float32 0.1 is 0.1, not 0.10000000149."""
    values = coordinate.values
    if values.dtype == np.float32 and values.ndim == 1:
        return np.array([float(str(value)) for value in values])
    return values.astype(np.float64)
