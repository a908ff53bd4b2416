"""A time series at a point over HTTP, beside the bare read of the same chunks and beside a netCDF file."""

import itertools
from collections.abc import Callable
from pathlib import Path

import httpx
import iris_sample_data
import netCDF4
import numpy as np
import zarr
from zarr.storage import ObjectStore

from benchmarks.measure import table, take_turns
from benchmarks.running import Bench
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys

ROUNDS = 200
CUBE = "uk-met-office-scenarios/a1b.zarr"
LONGITUDE, LATITUDE = -100.3, 45.2


def measure(bench: Bench) -> str:
    bare, row, column = _bare_read(bench)
    address = f"{bench.url}/edr/collections/uk-met-office-scenarios/instances/a1b/position"
    query = {"coords": f"POINT({LONGITUDE} {LATITUDE})", "parameter-name": "air_temperature"}
    source = Path(iris_sample_data.path) / "A1B_north_america.nc"
    with httpx.Client() as client, netCDF4.Dataset(source) as file:
        answer = client.get(address, params=query).json()["ranges"]["air_temperature"]["values"]
        np.testing.assert_array_equal(np.array(answer, dtype="float32"), bare())
        places = itertools.cycle(itertools.product(range(-134, -46, 2), range(16, 60, 2)))

        def elsewhere() -> bytes:
            longitude, latitude = next(places)
            return client.get(address, params=query | {"coords": f"POINT({longitude} {latitude})"}).content

        timings = take_turns(
            {
                "Geoscope, the same place again": lambda: client.get(address, params=query).content,
                "Geoscope, another place each time": elsewhere,
                "bare read of the chunks (zarr, S3)": bare,
                "netCDF-4 file, opened": lambda: file["air_temperature"][:, row, column],
            },
            ROUNDS,
        )
    return f"""## A time series at a point

240 yearly values of one grid cell, {ROUNDS} rounds, one client, EDR over HTTP through the edge. Geoscope
keeps decoded chunks for a while. The bare read asks the object store for the chunk each time, without HTTP
server, catalogue or CoverageJSON.

{table(timings, "bare read of the chunks (zarr, S3)")}"""


def _bare_read(bench: Bench) -> tuple[Callable[[], np.ndarray], int, int]:
    keys = read_s3_keys(bench.settings, "data-apis")
    store = ObjectStore(open_bucket(bench.settings, "demo", keys, prefix=CUBE), read_only=True)
    group = zarr.open_group(store, mode="r", use_consolidated=True)
    row = int(np.abs(group["latitude"][:] - LATITUDE).argmin())
    column = int(np.abs(group["longitude"][:] - LONGITUDE).argmin())
    array = group["air_temperature"]
    return lambda: array[:, row, column], row, column
