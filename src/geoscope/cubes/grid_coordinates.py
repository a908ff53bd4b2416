"""A grid in a dataset's words: the coordinates and the grid mapping by which it is recognised again."""

from typing import Any

import numpy as np
import xarray as xr

from geoscope.cubes.grid import Grid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.healpix_metadata import CELL_IDS, healpix_attributes
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid

GRID_MAPPING = "crs"
LONGITUDE = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}
LATITUDE = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}
ROWS = "geoscope:cells_per_row"

type Coordinate = tuple[tuple[str, ...], Any, dict[str, Any]]


def grid_coordinates(grid: Grid, *, with_places: bool = True) -> xr.Dataset:
    """Return the coordinates of a grid, with CF attributes and, for HEALPix, those of xdggs.

    Parameters
    ----------
    grid : Grid
        Any.
    with_places : bool
        HEALPix only: give latitude and longitude of each cell too, 16 bytes a cell. Its ids say the same, and
        CF and xdggs need no more; xpublish-tiles, and people at a prompt, do. Growing cubes have them anyhow.

    Returns
    -------
    xarray.Dataset
        Coordinates only. A grid mapping, where there is one, is the scalar `crs`: data variables name it by
        their attribute `grid_mapping` (`grid_mapping_of`).
    """
    if isinstance(grid, HealpixGrid):
        attributes = healpix_attributes(grid.level)
        ids = np.arange(grid.shape[0]) if grid.cell_ids is None else grid.cell_ids
        coordinates = {
            CELL_IDS: (grid.dimensions, ids, attributes.coordinate),
            GRID_MAPPING: ((), np.int32(0), attributes.grid_mapping),
        }
        return _dataset(coordinates | (_places(grid) if with_places else {}))
    if isinstance(grid, RectilinearGrid):
        rows, columns = grid.dimensions
        longitude, latitude = grid.axes
        return _dataset(
            {
                rows: ((rows,), latitude, LATITUDE | {"axis": "Y"}),
                columns: ((columns,), longitude, LONGITUDE | {"axis": "X"}),
            }
        )
    if isinstance(grid, ProjectedGrid):
        return _projected(grid)
    places = _places(grid)
    if isinstance(grid, ReducedGaussianGrid):
        places["latitude"][2][ROWS] = grid.row_count.tolist()
    return _dataset(places)


def grid_mapping_of(grid: Grid) -> str | None:
    """Return what data variables on a grid name as their `grid_mapping`; None where there is none."""
    return GRID_MAPPING if isinstance(grid, (HealpixGrid, ProjectedGrid)) else None


def _places(grid: Grid) -> dict[str, Coordinate]:
    longitude, latitude = grid.centres()
    return {
        "latitude": (grid.dimensions, latitude, dict(LATITUDE)),
        "longitude": (grid.dimensions, longitude, dict(LONGITUDE)),
    }


def _projected(grid: ProjectedGrid) -> xr.Dataset:
    rows, columns = grid.dimensions
    x, y = grid.axes
    # A rotated pole has degrees, everything else metres here, whatever the file had.
    names = ("grid_longitude", "grid_latitude") if grid.crs.is_geographic else ()
    x_name, y_name = names or ("projection_x_coordinate", "projection_y_coordinate")
    units = "degrees" if grid.crs.is_geographic else "m"
    return _dataset(
        {
            rows: ((rows,), y, {"standard_name": y_name, "units": units, "axis": "Y"}),
            columns: ((columns,), x, {"standard_name": x_name, "units": units, "axis": "X"}),
            GRID_MAPPING: ((), np.int32(0), grid.crs.to_cf()),
        }
    )


def _dataset(variables: dict[str, Coordinate]) -> xr.Dataset:
    return xr.Dataset(
        coords={
            name: xr.Variable(dims, values, dict(attrs)) for name, (dims, values, attrs) in variables.items()
        }
    )
