"""Ten years of days at a place, from twins of two sizes over HTTP, beside the bare read and other formats."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import netCDF4
import numpy as np
import zarr

from benchmarks.measure import Timing, table, take_turns
from benchmarks.peer_environment import ask_peer, filled_fdb, peer_timing
from benchmarks.running import Bench
from benchmarks.twin_cubes import COLLECTION, DAYS, SMALL, cube_around, open_store, register, small_cube
from geoscope.cubes.healpix import HealpixGrid

ROUNDS = 60
FEW_ROUNDS = 5
# Cells in a chunk of the netCDF file; it holds this part of the grid alone.
FILE_CELLS = 12_288
PLACES = [(longitude, latitude) for longitude in range(-170, 180, 20) for latitude in range(-75, 80, 15)]


def measure(bench: Bench, days: int = DAYS, large: int = 10) -> str:
    grids = {"small": HealpixGrid(SMALL), "large": HealpixGrid(large)}
    small_cube(bench, days)
    around = [int(grids["large"].locate(*place)) for place in PLACES]
    cube_around(bench, "large", large, days, around)
    register(bench, ["large"], days)
    sections = []
    with httpx.Client() as client, tempfile.TemporaryDirectory() as folder:
        for name, grid in grids.items():
            sections.append(_section(bench, client, name, grid, Path(folder), days))
    return f"""## A time series from a twin

{days} daily values of one cell, {ROUNDS} rounds ({FEW_ROUNDS} where each takes a second), one client, EDR
over HTTP through the edge. *Cold*: another place each time, of which no chunk was read before. *Bare*: such
chunks of the series, read by Zarr and Icechunk without the platform. Of the large cube only the chunks around
the places are written. The netCDF file and the FDB lie on the local disk, whose pages are in memory; gribjump
runs in a process of its own, right after the others.

{"\n\n".join(sections)}"""


def _section(
    bench: Bench, client: httpx.Client, name: str, grid: HealpixGrid, folder: Path, days: int
) -> str:
    address = f"{bench.url}/edr/collections/{COLLECTION}/instances/{name}/position"
    group = zarr.open_group(open_store(bench, name), mode="r")
    series, maps = group["series/2t"], group["2t"]

    def asked(place: tuple[float, float]) -> httpx.Response:
        longitude, latitude = place
        query = {"coords": f"POINT({longitude} {latitude})", "parameter-name": "2t"}
        return client.get(address, params=query, timeout=60).raise_for_status()

    first = PLACES[0]
    cell = int(grid.locate(*first))
    answer = asked(first).json()["ranges"]["2t"]["values"]
    np.testing.assert_allclose(np.array(answer, "float32"), series[:, cell], rtol=1e-6)
    # Each place lies in a chunk of its own: whoever is first there has kept nothing.
    mine, theirs = _turns(PLACES[1::2]), _turns(PLACES[2::2])
    candidates = {
        "Geoscope, warm (the same place)": lambda: asked(first),
        "Geoscope, cold": lambda: asked(next(mine)),
        "bare read of the chunks": lambda: series[:, int(grid.locate(*next(theirs)))],
    }
    if name == "small":
        candidates |= {
            f"netCDF-4 file of {FILE_CELLS} cells, 366 x 1024, zlib": _file(folder / "part.nc", series, days)
        }
    timings = take_turns(candidates, ROUNDS)
    if name == "small":
        one_map = {"Zarr, one map a chunk": lambda: maps[:, cell]}
        timings += take_turns(one_map, FEW_ROUNDS, warm_up=1)
        timings.append(_gribjump(bench, series, days))
    return f"""HEALPix nside {2**grid.level} ({grid.shape[0]} cells):

{table(timings, "bare read of the chunks")}"""


def _gribjump(bench: Bench, series: zarr.Array, days: int) -> Timing:
    cells = [7, 31_013, 77_777, 160_001]
    answer = ask_peer("series", filled_fdb(bench, days), 2**SMALL, days, FEW_ROUNDS, *cells)
    for told in answer["values"]:
        assert told["count"] == days
        # GRIB has 16 bits for what the cube has in steps of 1/128 K.
        np.testing.assert_allclose(told["values"], series[:5, told["cell"]], atol=2e-3)
    return peer_timing("gribjump on an FDB, local disk", answer)


def _turns(places: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    return itertools.cycle(places)


def _file(path: Path, series, days: int):
    """A netCDF-4 file of a part of the cube, opened."""
    cells = min(FILE_CELLS, series.shape[1])
    file = netCDF4.Dataset(path, "w")
    file.createDimension("time", days)
    file.createDimension("cells", cells)
    chunks = (min(366, days), 1024)
    variable = file.createVariable("2t", "f4", ("time", "cells"), zlib=True, complevel=1, chunksizes=chunks)
    variable[:] = series[:, :cells]
    file.sync()
    numbers = itertools.cycle(range(0, cells, 1031))
    return lambda: variable[:, next(numbers)]
