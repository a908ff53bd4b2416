"""Latitude and longitude of each cell of HEALPix, which its ids say too, but not to every reader.

A cube is recognised by its ids, and nothing of this library reads the places. They are exact, float64:
packed, those of nside 1024 are as large as two fields (31 MB). As float32 they would be a third of that, and
up to a metre off, which is a cell of level 23.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec

from geoscope.cubes.grid import Degrees
from geoscope.cubes.grid_coordinates import LATITUDE, LONGITUDE
from geoscope.cubes.growing.outline import PLACES, CubeOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.layout import map_chunks

# The faces of HEALPix lie in three belts of four, numbered from belt to belt and eastwards in each.
BELTS, QUARTERS = 3, 4
# Whole bytes shuffled: half the time of shuffled bits, and no larger.
_PACKING = BloscCodec(typesize=8, cname="lz4", clevel=5, shuffle="shuffle")


def without_places(outline: CubeOutline) -> xr.Dataset:
    """Return the coordinates that tell a grid from others: of HEALPix not the places of its cells."""
    if not isinstance(outline.grid, HealpixGrid):
        return outline.grid_coordinates
    return outline.grid_coordinates.drop_vars(PLACES, errors="ignore")


def write_places(groups: Sequence[zarr.Group], grid: HealpixGrid) -> None:
    """Write the coordinates `latitude` and `longitude` (degrees, float64) to groups of the same grid.

    They are computed and written a chunk at a time.

    Parameters
    ----------
    groups : sequence of zarr.Group
        Have neither yet.
    grid : HealpixGrid
        Of the groups.
    """
    arrays = [_create(group, grid) for group in groups]
    for start, longitude, latitude in _centres(grid, *map_chunks(grid.shape)):
        cells = slice(start, start + len(latitude))
        for latitudes, longitudes in arrays:
            latitudes[cells] = latitude
            longitudes[cells] = longitude


def _create(group: zarr.Group, grid: HealpixGrid) -> list[zarr.Array[Any]]:
    return [
        group.create_array(
            name,
            shape=grid.shape,
            chunks=map_chunks(grid.shape),
            dtype="float64",
            fill_value=np.nan,
            compressors=[_PACKING],
            dimension_names=grid.dimensions,
            attributes={**attributes},
        )
        for name, attributes in zip(PLACES, (LATITUDE, LONGITUDE), strict=True)
    ]


def _centres(grid: HealpixGrid, chunk: int) -> Iterator[tuple[int, Degrees, Degrees]]:
    """Yield first cell, longitudes and latitudes of each chunk; of a belt only the first face is computed."""
    (cells,) = grid.shape
    face = cells // (BELTS * QUARTERS)
    if not grid.is_global or face % chunk:
        for start in range(0, cells, chunk):
            yield start, *grid.cell_centre(np.arange(start, min(start + chunk, cells)))
        return
    for first in range(0, cells, QUARTERS * face):
        for start in range(first, first + face, chunk):
            longitude, latitude = grid.cell_centre(np.arange(start, start + chunk))
            for quarter in range(QUARTERS):
                turned = longitude + 90.0 * quarter
                np.subtract(turned, 360.0, out=turned, where=turned >= 180.0)
                yield start + quarter * face, turned, latitude
