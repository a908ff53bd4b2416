"""Writing a dataset as a cube: one sharded Zarr v3 group that any Zarr client reads."""

import warnings

import numpy as np
import xarray as xr
from zarr.abc.store import Store
from zarr.codecs import BloscCodec, BytesCodec, ShardingCodec
from zarr.errors import ZarrUserWarning

from geoscope.cubes.conventions import data_variables, time_axis
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.cubes.layout import layout_of
from geoscope.cubes.times import TimeAxis

# What is kept of the encoding that xarray read from a source: packing, how times are counted, and the names
# of other variables. Its chunk shapes and filters are the source's own affair.
PACKING = ("dtype", "scale_factor", "add_offset", "_FillValue")
TIME_COUNTING = ("units", "calendar")
REFERENCES = (
    "grid_mapping",
    "coordinates",
    "bounds",
    "cell_measures",
    "ancillary_variables",
    "formula_terms",
)


def write_cube(dataset: xr.Dataset, store: Store) -> None:
    """Write a dataset as a cube, whole; what the store held before is replaced.

    Data variables are laid out by `layout.layout_of` and packed by Blosc (Zstandard, bytes shuffled), without
    loss. CF attributes are kept; missing values of floats become NaN. The consolidated metadata are written
    last: a store without them is not yet a cube, and to write again makes it one.

    Parameters
    ----------
    dataset : xarray.Dataset
        Decoded as `xarray.open_dataset` does, with CF attributes that describe its grid and time.
    store : zarr.abc.store.Store
        Any writable Zarr store: local, memory, or an object store.

    Raises
    ------
    InvalidInputError
        If its grid or its time cannot be recognised.
    """
    grid, axis = detect_grid(dataset), time_axis(dataset)
    cube = dataset.copy()
    for variable in cube.variables.values():
        kept = (*PACKING, *TIME_COUNTING, *REFERENCES)
        variable.encoding = {key: variable.encoding[key] for key in kept if key in variable.encoding}
    for name in data_variables(dataset, grid.dimensions):
        _lay_out(cube.variables[name], grid, axis)
    with warnings.catch_warnings():
        # Zarr 3 has no words for consolidated metadata yet; zarr-python and GDAL read them where they stand.
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=ZarrUserWarning)
        cube.to_zarr(store, mode="w", zarr_format=3, consolidated=True)


def _lay_out(variable: xr.Variable, grid: Grid, axis: TimeAxis | None) -> None:
    dtype = np.dtype(variable.encoding.get("dtype", variable.dtype))
    if np.issubdtype(dtype, np.floating):
        variable.encoding["_FillValue"] = np.nan
    time = variable.dims.index(axis.dimension) if axis and axis.dimension in variable.dims else None
    space = tuple(variable.dims.index(dimension) for dimension in grid.dimensions)
    layout = layout_of(variable.shape, time, space, dtype.itemsize)
    sharding = ShardingCodec(
        chunk_shape=layout.chunks,
        codecs=[BytesCodec(), BloscCodec(typesize=dtype.itemsize, cname="zstd", clevel=5, shuffle="shuffle")],
        # The first dimension, time, runs fastest: the chunks of a series are side by side, one request.
        subchunk_write_order="colexicographic",
    )
    variable.encoding |= {"chunks": layout.shards, "serializer": sharding, "compressors": None}
