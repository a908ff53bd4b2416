"""Outlines and fields of small growing cubes, for tests."""

import numpy as np
import xarray as xr

from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid

TEMPERATURE = VariableOutline(
    "2t", {"standard_name": "air_temperature", "units": "K", "mars:param": 167}, has_levels=False
)
WIND = VariableOutline("u", {"standard_name": "eastward_wind", "units": "m s-1"}, has_levels=True)
PRESSURES = Levels(
    np.array([1000.0, 850.0, 500.0]),
    "pressure",
    {"standard_name": "air_pressure", "units": "hPa", "positive": "down"},
)
FIRST_DAY = np.datetime64("2020-01-01T12:00:00", "s")


def day(number):
    """The time of a step."""
    return FIRST_DAY + np.timedelta64(number, "D")


def outline_on(grid, **changes):
    """A cube of one variable without and one with levels, in blocks of four steps."""
    parts = {
        "variables": (TEMPERATURE, WIND),
        "levels": PRESSURES,
        "attributes": {"title": "A small cube", "mars:class": "d1"},
        "block_steps": 4,
    }
    return CubeOutline(grid, **({"grid_coordinates": grid_coordinates(grid)} | parts | changes))


def grids():
    """One grid of each kind, by name."""
    latitude = np.array([80.0, 45.0, 0.0, -45.0, -80.0])
    rows = np.array([8, 12, 16, 12, 8])
    return {
        "healpix": HealpixGrid(6),
        "healpix-region": HealpixGrid(7, np.arange(3000, 3999)),
        "latitude-longitude": RectilinearGrid(
            np.arange(0.0, 360.0, 3.0), np.linspace(90.0, -90.0, 61), ("latitude", "longitude")
        ),
        "reduced-gaussian": ReducedGaussianGrid(latitude, rows),
    }


def values_on(grid, seed):
    """Values as a model has them, some of them missing."""
    generator = np.random.default_rng(seed)
    values = generator.normal(280.0, 10.0, grid.shape).astype("float32")
    values[generator.random(grid.shape) < 0.02] = np.nan
    return values


def fields_on(grid, days, *, levels=PRESSURES):
    """All fields of some days; their values depend on their keys alone."""
    for number in days:
        yield Field("2t", day(number), None, values_on(grid, [number]))
        for level in levels.values.tolist():
            yield Field("u", day(number), level, values_on(grid, [number, int(level)]))


def opened(store, group=None):
    """A group of a growing cube as xarray shows it to anybody."""
    return xr.open_zarr(store, group=group, consolidated=False, chunks=None)
