"""A 256 x 256 tile, beside titiler-xarray on the very same Zarr store."""

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from titiler.xarray.extensions import VariablesExtension
from titiler.xarray.factory import TilerFactory

from benchmarks.measure import table, take_turns
from benchmarks.running import Bench

ROUNDS = 60
CUBE = "ostia-sea-surface-temperature/monthly-2006-2010"
TILES = [(2, x, y) for x in range(4) for y in (1, 2)]


def measure(bench: Bench) -> str:
    collection, item = CUBE.split("/")
    ours = f"{bench.url}/tiles/collections/{collection}/items/{item}/WebMercatorQuad"
    query = {"variable": "surface_temperature", "vmin": "290", "vmax": "305", "colormap": "viridis"}
    query["datetime"] = "2010-09-16T00:00:00Z"
    theirs = {
        "url": f"{bench.url}/data/demo/{CUBE}.zarr",
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
edge and HTTP; titiler-xarray answers inside the measuring process, without a network, and opens the same
store anew for each request, as it does by itself.

{table(timings, "titiler-xarray, in process")}"""


def _titiler() -> TestClient:
    application = FastAPI()
    application.include_router(TilerFactory(extensions=[VariablesExtension()]).router)
    return TestClient(application)
