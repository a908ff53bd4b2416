"""A twin's cube for the demo: real data, regridded to HEALPix and labelled as such."""

import icechunk
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.cubes.describe import CubeDescription, describe
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid_coordinates import grid_coordinates, grid_mapping_of
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.outline import CubeOutline, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.sampling import sampling
from geoscope.demo.datasets import LICENSE_URL, SOURCE_URL, DemoCollection, DemoItem, Regridding
from geoscope.demo.readers import read_item
from geoscope.demo.stac import cube_place
from geoscope.objects import icechunk_storage
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

SOURCE_VARIABLE = "tos"
KELVIN = 273.15
VARIABLE = VariableOutline(
    name="avg_tos",
    attributes={
        "standard_name": "sea_surface_temperature",
        "long_name": "Time-mean sea surface temperature",
        "units": "K",
        "cell_methods": "time: mean",
        "mars:param": "263101",
        "mars:shortName": "avg_tos",
        "grid_mapping": "crs",
        "comment": "Interpolated (bilinear) from the curvilinear grid of NEMO; degrees Celsius plus 273.15.",
    },
)


def store_twin(settings: Settings, collection: DemoCollection, item: DemoItem) -> bool:
    """Regrid an item's data and store it; tell whether anything was new."""
    regridding = _regridding(collection)
    cube = GrowingCube.open_or_create(_storage(settings, collection, item), _outline(collection, item))
    dataset = read_item(regridding.of, regridding.of.items[0])
    to_healpix = sampling(detect_grid(dataset), HealpixGrid(regridding.level), "bilinear")
    values = to_healpix.apply(dataset[SOURCE_VARIABLE].values).astype(np.float32) + np.float32(KELVIN)
    fields = [
        Field(VARIABLE.name, time, None, field)
        for time, field in zip(_calendar_dates(dataset["time"]), values, strict=True)
    ]
    report = cube.write(fields, message=f"Regridded from {regridding.of.id}", replace=True)
    cube.settle(everything=True)
    return bool(report.stored)


def describe_twin(settings: Settings, collection: DemoCollection, item: DemoItem) -> CubeDescription:
    """Describe a stored twin as its readers will see it; NotFoundError if there is none."""
    cube = GrowingCube.open(_storage(settings, collection, item))
    grid = cube.grid
    times = ("time", cube.times.astype("datetime64[ns]"), {"standard_name": "time"})
    dataset = grid_coordinates(grid).assign_coords(time=times)
    for variable in cube.variables:
        blank = np.broadcast_to(np.float32(0), (len(cube.times), *grid.shape))
        attributes = {**variable.attributes, "grid_mapping": grid_mapping_of(grid)}
        dataset[variable.name] = xr.Variable(("time", *grid.dimensions), blank, attributes)
    return describe(dataset)


def _storage(settings: Settings, collection: DemoCollection, item: DemoItem) -> icechunk.Storage:
    return icechunk_storage(settings, cube_place(collection, item), read_s3_keys(settings, "jobs"))


def _outline(collection: DemoCollection, item: DemoItem) -> CubeOutline:
    regridding = _regridding(collection)
    grid = HealpixGrid(regridding.level)
    return CubeOutline(
        grid=grid,
        grid_coordinates=grid_coordinates(grid),
        variables=(VARIABLE,),
        levels=None,
        attributes={
            "Conventions": "CF-1.12",
            "title": f"{collection.title}: {item.title}",
            "institution": collection.institution,
            "references": SOURCE_URL,
            "license": LICENSE_URL,
            "comment": collection.description,
            **{f"mars:{key}": value for key, value in regridding.mars.items()},
        },
    )


def _regridding(collection: DemoCollection) -> Regridding:
    if collection.regridding is None:
        raise ValueError(f"{collection.id} is not regridded")
    return collection.regridding


def _calendar_dates(time: xr.DataArray) -> NDArray[np.datetime64]:
    """Return the dates that the model's calendar shows; its 30 February is not among them."""
    return np.array([value.isoformat() for value in time.values], dtype="datetime64[s]")
