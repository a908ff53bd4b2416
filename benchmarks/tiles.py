"""A 256 x 256 tile, beside titiler-xarray on a copy of the same Zarr store."""

import tempfile
from pathlib import Path

import httpx
import obstore
from fastapi import FastAPI
from fastapi.testclient import TestClient
from titiler.xarray.extensions import VariablesExtension
from titiler.xarray.factory import TilerFactory

from benchmarks.measure import table, take_turns
from benchmarks.running import Bench
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys

ROUNDS = 60
CUBE = "ostia-sea-surface-temperature/monthly-2006-2010"
TILES = [(2, x, y) for x in range(4) for y in (1, 2)]


def measure(bench: Bench) -> str:
    with tempfile.TemporaryDirectory() as folder:
        _copy_cube(bench, Path(folder))
        return _measure(bench, folder)


def _measure(bench: Bench, copy: str) -> str:
    collection, item = CUBE.split("/")
    ours = f"{bench.url}/tiles/collections/{collection}/items/{item}/WebMercatorQuad"
    query = {"variable": "surface_temperature", "vmin": "290", "vmax": "305", "colormap": "viridis"}
    query["datetime"] = "2010-09-16T00:00:00Z"
    theirs = {
        "url": copy,
        "variable": "surface_temperature",
        "sel": "time=2010-09-16",
        "rescale": "290,305",
        "colormap_name": "viridis",
    }
    titiler = _titiler()
    steps = iter(range(10**9))

    def tile() -> tuple[int, int, int]:
        return TILES[next(steps) % len(TILES)]

    with httpx.Client() as client:

        def our_tile() -> None:
            z, x, y = tile()
            client.get(
                f"{ours}/{z}/{x}/{y}.png", params=query | {"datetime": "2010-09-16T00:00:00Z"}
            ).raise_for_status()

        def their_tile() -> None:
            z, x, y = tile()
            titiler.get(f"/tiles/WebMercatorQuad/{z}/{x}/{y}.png", params=theirs).raise_for_status()

        timings = take_turns(
            {"Geoscope, over HTTP": our_tile, "titiler-xarray, in process": their_tile}, ROUNDS, 8
        )
    return f"""## A tile

256 x 256 PNG of a latitude-longitude field, {ROUNDS} rounds over eight tiles, warm. Geoscope answers through
edge and HTTP from the object store. titiler-xarray answers inside the measuring process from a copy on the
local disk, which it opens anew for each request, as it does by itself.

{table(timings, "titiler-xarray, in process")}"""


def _copy_cube(bench: Bench, folder: Path) -> None:
    keys = read_s3_keys(bench.settings, "data-apis")
    bucket = open_bucket(bench.settings, "demo", keys, prefix=f"{CUBE}.zarr")
    for entry in obstore.list(bucket).collect():
        path = folder / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(obstore.get(bucket, entry["path"]).bytes())


def _titiler() -> TestClient:
    application = FastAPI()
    application.include_router(TilerFactory(extensions=[VariablesExtension()]).router)
    return TestClient(application)
