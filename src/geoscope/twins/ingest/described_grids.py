"""Grids as they are described between processes: how many cells, their name, their coordinates by CF."""

import math
from typing import Any

import numpy as np
import xarray as xr

from geoscope.cubes import grid_coordinates as coordinates_of_grids
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.cubes.grid_coordinates import GRID_MAPPING, LATITUDE, LONGITUDE
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import InvalidInputError

type Description = dict[str, Any]


def grid_of(description: Description) -> Grid:
    """Return the grid that is described.

    Raises
    ------
    InvalidInputError
        If the description describes none.
    """
    if description["kind"] == "healpix":
        return _healpix(description)
    return detect_grid(example_on(description))


def example_on(description: Description) -> xr.Dataset:
    """Return a dataset with the coordinates of a described grid, and one variable on it."""
    coordinates, mapping = grid_coordinates(description)
    dimensions = grid_dimensions(description)
    shape = tuple(coordinates.sizes[dimension] for dimension in dimensions)
    attributes = {"grid_mapping": mapping} if mapping else {}
    return coordinates.assign({"example": (dimensions, np.broadcast_to(np.float32(0), shape), attributes)})


def cells_of(grid: Description) -> int:
    """Return how many cells a described grid has."""
    match grid["kind"]:
        case "healpix" if "ranges" in grid:
            return sum(stop - start for start, stop in grid["ranges"])
        case "healpix":
            return 12 << 2 * int(grid["level"])
        case "reduced_gaussian":
            return int(sum(grid["points"]))
        case "cf":
            return math.prod(int(length) for length in grid["shape"])
        case _:
            return len(grid["latitude"]) * len(grid["longitude"])


def grid_name(grid: Description) -> str:
    """Return a short name of a described grid: `h1024`, `o32`, `n320`, `360x181`."""
    match grid["kind"]:
        case "healpix":
            return f"h{2 ** int(grid['level'])}"
        case "reduced_gaussian":
            return f"{'o' if grid['octahedral'] else 'n'}{int(grid['number'])}"
        case "cf":
            return "x".join(str(int(length)) for length in reversed(grid["shape"]))
        case _:
            return f"{len(grid['longitude'])}x{len(grid['latitude'])}"


def grid_coordinates(grid: Description) -> tuple[xr.Dataset, str]:
    """Return the coordinates of a described grid, and the name of its grid mapping or nothing."""
    match grid["kind"]:
        case "healpix":
            return coordinates_of_grids.grid_coordinates(_healpix(grid), with_places=False), GRID_MAPPING
        case "rectilinear":
            return _axes(grid, ("latitude", LATITUDE), ("longitude", LONGITUDE)), ""
        case "rotated":
            return _rotated(grid), "crs"
        case "reduced_gaussian":
            return _reduced_gaussian(grid), ""
        case "cf":
            return _as_they_stood(grid), str(grid["mapping"])
        case kind:
            raise InvalidInputError(f"Grids of the kind {kind!r} cannot be stored.")


def grid_dimensions(grid: Description) -> tuple[str, ...]:
    """Return the names of the dimensions that a described grid spans."""
    match grid["kind"]:
        case "healpix" | "reduced_gaussian":
            return ("cells",)
        case "rectilinear":
            return ("latitude", "longitude")
        case "rotated":
            return ("grid_latitude", "grid_longitude")
        case _:
            return tuple(str(each) for each in grid["dimensions"])


def _axes(grid: Description, row: tuple[str, Any], column: tuple[str, Any]) -> xr.Dataset:
    coordinates = {
        row[0]: (row[0], np.asarray(grid["latitude"], np.float64), dict(row[1])),
        column[0]: (column[0], np.asarray(grid["longitude"], np.float64), dict(column[1])),
    }
    return xr.Dataset(coords=coordinates)


def _healpix(grid: Description) -> HealpixGrid:
    ranges = grid.get("ranges")
    ids = None if ranges is None else np.concatenate([np.arange(*each, dtype=np.int64) for each in ranges])
    return HealpixGrid(int(grid["level"]), ids)


def _rotated(grid: Description) -> xr.Dataset:
    coordinates = _axes(
        grid,
        ("grid_latitude", {"standard_name": "grid_latitude", "units": "degrees"}),
        ("grid_longitude", {"standard_name": "grid_longitude", "units": "degrees"}),
    )
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": grid["north_pole_latitude"],
        "grid_north_pole_longitude": grid["north_pole_longitude"],
        "north_pole_grid_longitude": grid["north_pole_grid_longitude"],
    }
    return coordinates.assign_coords(crs=((), np.int32(0), mapping))


def _reduced_gaussian(grid: Description) -> xr.Dataset:
    points = np.asarray(grid["points"], np.int64)
    latitude = np.repeat(np.asarray(grid["latitude"], np.float64), points)
    longitude = np.concatenate([np.arange(count) * (360 / count) for count in points])
    return xr.Dataset(
        coords={"latitude": ("cells", latitude, LATITUDE), "longitude": ("cells", longitude, LONGITUDE)},
        attrs={"geoscope:reduced_gaussian_points": points.tolist()},
    )


def _as_they_stood(grid: Description) -> xr.Dataset:
    coordinates = {
        name: (
            tuple(about["dims"]),
            np.asarray(about["values"], about["dtype"]).reshape(about["shape"])
            if about["values"]
            else np.int32(0),
            about["attributes"],
        )
        for name, about in grid["coordinates"].items()
    }
    return xr.Dataset(coords=coordinates)
