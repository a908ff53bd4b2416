"""Reading NetCDF and Zarr with xarray: what they say of themselves, and a picture of the first field."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry import shape
from zarr.abc.store import Store

from geoscope.catalogue.publishing.descriptions import Description
from geoscope.catalogue.publishing.pictures import LONGEST_SIDE, picture_of_field
from geoscope.cubes.conventions import data_variables, time_axis
from geoscope.cubes.describe import CubeDescription, describe
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.cubes.sampling import Sampling
from geoscope.errors import InvalidInputError

NETCDF = "application/netcdf"
ZARR = "application/vnd.zarr"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

# A field of more values is drawn from every n-th of them, and not at all where that would cost too much.
MOST_VALUES_READ = 36_000_000


def describe_gridded(dataset: xr.Dataset, media_type: str, named_time: str | None) -> Description:
    """Describe a dataset by its CF attributes.

    Parameters
    ----------
    dataset : xarray.Dataset
        As opened, nothing loaded.
    media_type : str
        Of the file.
    named_time : str or None
        Its time, RFC 3339, in case that it holds none.

    Raises
    ------
    InvalidInputError
        If it has no recognisable grid, no time or no data.
    """
    if time_axis(dataset) is None and named_time:
        dataset = dataset.assign_coords(time=np.datetime64(named_time.removesuffix("Z"), "ns"))
    cube = describe(dataset)
    properties = {"cube:dimensions": cube.dimensions, "cube:variables": cube.variables}
    title = dataset.attrs.get("title")
    return Description(
        geometry=cube.geometry,
        bbox=_bbox(cube),
        media_type=media_type,
        start=cube.start,
        end=cube.end,
        properties=properties | ({"title": title} if isinstance(title, str) and title.strip() else {}),
        extensions=("datacube",),
    )


def draw_gridded(dataset: xr.Dataset) -> bytes | None:
    """Draw the first field of the first variable; None if it is too large, or nothing is to be seen."""
    grid = detect_grid(dataset)
    variables = data_variables(dataset, grid.dimensions)
    if not variables:
        return None
    variable = next(iter(variables.values())).transpose(..., *grid.dimensions)
    field = variable.isel(dict.fromkeys(variable.dims[: -len(grid.dimensions)], 0))
    chunks = variable.encoding.get("preferred_chunks") or {}
    cost = max(field.size, int(np.prod([chunks.get(name, 1) for name in variable.dims], dtype=np.float64)))
    if cost > MOST_VALUES_READ:
        return None
    values = field.values.astype(np.float64)
    if len(grid.dimensions) == 1:
        return picture_of_field(_on_picture(values, grid))
    every = max(max(values.shape) // (2 * LONGEST_SIDE), 1)
    return picture_of_field(_north_up(values, dataset, grid.dimensions)[::every, ::every])


def _on_picture(values: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Draw cells without rows and columns in plate carrée, north up."""
    west, south, east, north = grid.bounds
    width = (east - west) % 360.0 or 360.0
    pixel = max(width, north - south) / LONGEST_SIDE
    columns, rows = (max(int(extent / pixel), 1) for extent in (width, north - south))
    longitude = west + (np.arange(columns) + 0.5) * (width / columns)
    latitude = north - (np.arange(rows) + 0.5) * ((north - south) / rows)
    return Sampling.nearest(grid, longitude[None, :], latitude[:, None]).apply(values).astype(np.float64)


@contextmanager
def opened_netcdf(file: BinaryIO) -> Iterator[xr.Dataset]:
    """Open a NetCDF file of any version.

    Raises
    ------
    InvalidInputError
        If it takes its data from other files.
    """
    signature = file.read(len(HDF5_SIGNATURE))
    file.seek(0)
    if signature == HDF5_SIGNATURE:
        with h5py.File(file, "r") as hdf5:
            _refuse_references(hdf5)
        file.seek(0)
    engine = "h5netcdf" if signature == HDF5_SIGNATURE else "scipy"
    with xr.open_dataset(file, engine=engine, decode_coords="all", cache=False) as dataset:
        yield dataset


@contextmanager
def opened_zarr(store: Store) -> Iterator[xr.Dataset]:
    """Open a Zarr group of version 2 or 3."""
    with xr.open_zarr(store, decode_coords="all", chunks=None) as dataset:
        yield dataset


def _refuse_references(hdf5: h5py.File) -> None:
    """HDF5 can name other files of this machine as the place of a group or of an array's values."""

    def elsewhere_by_link(name: str, link: object) -> str | None:
        return name if isinstance(link, h5py.ExternalLink) else None

    def elsewhere_by_values(name: str, member: object) -> str | None:
        return name if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual) else None

    # Both end at the first name that they are given back.
    name = hdf5.visititems_links(elsewhere_by_link) or hdf5.visititems(elsewhere_by_values)
    if name is not None:
        raise InvalidInputError(f"Its member {name!r} stands in another file.", "Write one whole file.")


def _north_up(
    values: NDArray[np.float64], dataset: xr.Dataset, dimensions: tuple[str, ...]
) -> NDArray[np.float64]:
    """Turn rows that run from south to north."""
    row = dimensions[0]
    axis: Any = dataset[row] if row in dataset.coords else None
    if axis is None:
        latitudes = [
            dataset[name]
            for name in dataset.variables
            if dataset[name].dims == dimensions and dataset[name].attrs.get("standard_name") == "latitude"
        ]
        axis = latitudes[0].mean(dimensions[1]) if latitudes else None
    return values[::-1] if axis is not None and axis.size > 1 and axis[0] < axis[-1] else values


def _bbox(cube: CubeDescription) -> list[float]:
    """Return the box around the geometry: an item's outline and its box must agree (RFC 7946, section 5)."""
    west, _, east, _ = cube.bbox
    return cube.bbox if west > east else [*shape(cube.geometry).bounds]
