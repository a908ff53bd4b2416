"""Twin cubes for measuring: daily fields on HEALPix, whole or around some places, in a running platform."""

import itertools
from collections.abc import Iterator

import icechunk
import numpy as np
import zarr
from zarr.storage import ObjectStore

from benchmarks.peers.fields import daily_field
from benchmarks.running import Bench
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.growing.outline import CubeOutline, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import NotFoundError
from geoscope.objects import Place, icechunk_storage, open_bucket
from geoscope.registration import CatalogueClient
from geoscope.secrets import read_s3_keys

COLLECTION = "benchmark-twins"
BUCKET = "public-twins"
# Ten years of days on the level of nside 128: the cube that several benchmarks read.
DAYS, SMALL = 3653, 7
FIRST_DAY = np.datetime64("2020-01-01", "s")
TEMPERATURE = VariableOutline("2t", {"standard_name": "air_temperature", "units": "K", "long_name": "2 m"})


def outline(grid: HealpixGrid) -> CubeOutline:
    coordinates = grid_coordinates(grid, with_places=False)
    return CubeOutline(grid, coordinates, (TEMPERATURE,), None, {"title": "Made for measuring"})


def daily_fields(grid: HealpixGrid, days: int) -> Iterator[Field]:
    for day in range(days):
        yield Field("2t", FIRST_DAY + np.timedelta64(day, "D"), None, daily_field(2**grid.level, day))


def small_cube(bench: Bench, days: int = DAYS) -> None:
    """Write and register the cube "small", if that was not done."""
    try:
        GrowingCube.open(_storage(bench, "small"))
    except NotFoundError:
        whole_cube(bench, "small", SMALL, days)
        register(bench, ["small"], days)


def whole_cube(bench: Bench, name: str, level: int, days: int) -> GrowingCube:
    grid = HealpixGrid(level)
    cube = GrowingCube.open_or_create(_storage(bench, name), outline(grid))
    fields = daily_fields(grid, days)
    while batch := list(itertools.islice(fields, 366)):
        cube.write(batch, message="Days")
    cube.settle(everything=True)
    return cube


def cube_around(bench: Bench, name: str, level: int, days: int, cells: list[int]) -> GrowingCube:
    """A cube of which only those chunks of the series are written that hold these cells."""
    grid = HealpixGrid(level)
    cube = GrowingCube.open_or_create(_storage(bench, name), outline(grid))
    session = cube.repository.writable_session("main")
    group = zarr.open_group(session.store, mode="r+")
    for path in ("time", "series/time", *(f"levels/{coarse}/time" for coarse in range(5, level))):
        group[path].resize((days,))
        group[path][:] = np.arange(days) * 86400 + FIRST_DAY.astype(np.int64)
    for path in ("2t", "series/2t", "fields/2t", "late/2t", *(f"levels/{c}/2t" for c in range(5, level))):
        group[path].resize((days, *group[path].shape[1:]))
    series, generator = group["series/2t"], np.random.default_rng(0)
    width = series.chunks[1]
    for start in sorted({cell // width * width for cell in cells}):
        values = 280 + np.round(generator.normal(0, 2, (days, width)) * 64) / 64
        series[:, start : start + width] = values.astype("float32")
    session.commit("The chunks around some places", {"steps": days})
    return GrowingCube.open(_storage(bench, name))


def register(bench: Bench, names: list[str], days: int) -> None:
    """Put items of these cubes into the catalogue."""
    last = FIRST_DAY + np.timedelta64(days - 1, "D")
    interval = [f"{FIRST_DAY}Z", f"{last}Z"]
    about = {"cube:variables": {"2t": {"type": "data", "dimensions": ["time", "cells"], "unit": "K"}}}
    about |= {"cube:dimensions": {"time": {"type": "temporal", "extent": interval}}}
    collection = about | {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": COLLECTION,
        "title": "Made for measuring",
        "description": "Twin cubes made for measuring.",
        "license": "CC0-1.0",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [interval]}},
        "links": [],
    }
    world = [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]
    items = [
        {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": name,
            "collection": COLLECTION,
            "geometry": {"type": "Polygon", "coordinates": world},
            "bbox": [-180, -90, 180, 90],
            "properties": about
            | {"datetime": None, "start_datetime": interval[0], "end_datetime": interval[1]},
            "links": [],
            "assets": {
                "cube": {
                    "href": _place(name).address,
                    "type": "application/vnd.zarr; version=3; profile=icechunk",
                    "roles": ["data"],
                }
            },
        }
        for name in names
    ]
    with CatalogueClient(bench.settings, "service:jobs", "catalogue-editor") as catalogue:
        catalogue.put_collection(collection)
        catalogue.put_items(COLLECTION, items)


def open_store(bench: Bench, name: str, address: str | None = None) -> icechunk.IcechunkStore:
    """Open the cube's newest version as the platform itself does, without it; also by another address."""
    settings, keys = bench.settings, read_s3_keys(bench.settings, "data-apis")
    if address is not None:
        internal = settings.internal.model_copy(update={"object_store_url": address})
        settings = settings.model_copy(update={"internal": internal})
    return open_version(icechunk_storage(settings, _place(name), keys))


def plain_store(bench: Bench, name: str) -> ObjectStore:
    """Where plain Zarr can be written for comparison."""
    keys = read_s3_keys(bench.settings, "jobs")
    return ObjectStore(open_bucket(bench.settings, BUCKET, keys, prefix=f"benchmark/{name}"))


def _place(name: str) -> Place:
    return Place(BUCKET, f"benchmark/{name}")


def _storage(bench: Bench, name: str):
    return icechunk_storage(bench.settings, _place(name), read_s3_keys(bench.settings, "jobs"))
