"""Latitude and longitude of each cell of HEALPix, which its ids say too, but not to every reader.

A cube is recognised by its ids, and nothing of this library reads the places. They are exact, float64:
packed, those of nside 1024 are as large as two fields (33 MB). As float32 they would be a third of that, and
up to a metre off, which is a cell of level 23.
"""

from itertools import pairwise

import numpy as np
import xarray as xr
import zarr
from zarr.abc.codec import BytesBytesCodec

from geoscope.cubes.grid_coordinates import LATITUDE, LONGITUDE
from geoscope.cubes.growing.outline import PLACES, CubeOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.layout import map_chunks

# Some 50 MB while they are computed, whatever the grid's size.
_BLOCK_CHUNKS = 4


def without_places(outline: CubeOutline) -> xr.Dataset:
    """Return the coordinates that tell a grid from others: of HEALPix not the places of its cells."""
    if not isinstance(outline.grid, HealpixGrid):
        return outline.grid_coordinates
    return outline.grid_coordinates.drop_vars(PLACES, errors="ignore")


def write_places(group: zarr.Group, grid: HealpixGrid, packing: BytesBytesCodec) -> None:
    """Write the coordinates `latitude` and `longitude` (degrees, float64) to a group.

    They are computed and written some chunks at a time.

    Parameters
    ----------
    group : zarr.Group
        Has neither yet.
    grid : HealpixGrid
        Of the group.
    packing : codec
        How they are compressed.
    """
    (cells,) = grid.shape
    latitudes, longitudes = (
        group.create_array(
            name,
            shape=grid.shape,
            chunks=map_chunks(grid.shape),
            dtype="float64",
            fill_value=np.nan,
            compressors=[packing],
            dimension_names=grid.dimensions,
            attributes={**attributes},
        )
        for name, attributes in zip(PLACES, (LATITUDE, LONGITUDE), strict=True)
    )
    block = latitudes.chunks[0] * _BLOCK_CHUNKS
    for start, stop in pairwise([*range(0, cells, block), cells]):
        longitude, latitude = grid.cell_centre(np.arange(start, stop))
        latitudes[start:stop] = latitude
        longitudes[start:stop] = longitude
