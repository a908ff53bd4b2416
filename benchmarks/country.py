"""A country out of a year of days of a twin, over HTTP, beside xarray with regionmask and polytope-mars."""

import io
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import healpix_geo.nested
import httpx
import numpy as np
import pandas as pd
import regionmask
import xarray as xr

from benchmarks.measure import table, take_turns
from benchmarks.peer_environment import ask_peer, filled_fdb, peer_timing
from benchmarks.running import Bench
from benchmarks.twin_cubes import COLLECTION, DAYS, SMALL, open_store, small_cube
from geoscope.cuts.locations import country

ROUNDS, FEW_ROUNDS = 20, 3
YEAR, COUNTRY = 366, "FRA"
AGAINST = "xarray and regionmask, opened before"


def measure(bench: Bench, days: int = DAYS) -> str:
    small_cube(bench, days)
    address = f"{bench.url}/edr/collections/{COLLECTION}/instances/small/locations/{COUNTRY}"
    period = "2020-01-01T00:00:00Z/2020-12-31T00:00:00Z"
    outline = country(COUNTRY).outline
    region = regionmask.Regions([outline])
    opened = _open(bench)
    with httpx.Client(timeout=120) as client:

        def over_http(form: str, read: Callable[[bytes], np.ndarray], **more: str) -> np.ndarray:
            query = {"f": form, "datetime": period} | more
            return read(client.get(address, params=query).raise_for_status().content)

        # Each of them also makes the mean of the one value that it is given.
        forms = {
            "CoverageJSON": ("CoverageJSON", _mean_of_coverage),
            "CSV": ("CSV", _mean_of_csv),
            "Parquet": ("Parquet", _mean_of_parquet),
            "NetCDF": ("NetCDF4", _mean_of_netcdf),
        }
        ours = {
            f"Geoscope, {what}, {name}": partial(over_http, *form, **more)
            for what, more in {"the mean": {"aggregate": "mean"}, "all values": {}}.items()
            for name, form in forms.items()
        }
        expected = _masked_mean(opened, region)
        for ask in ours.values():
            np.testing.assert_allclose(ask(), expected, rtol=1e-5)
        inside = _inside(opened, region)
        theirs = {
            "xarray and regionmask, opened and cells found before": lambda: _mean_of_cells(opened, inside),
            AGAINST: lambda: _masked_mean(opened, region),
            "xarray and regionmask, opened each time": lambda: _masked_mean(_open(bench), region),
        }
        timings = take_turns(ours | theirs, ROUNDS)
    cells = len(inside)
    answer = _polytope(bench, outline, days)
    # It slices by another rule at the border: a few cells more or less.
    assert abs(answer["points"] - cells) < cells / 20, answer["points"]
    timings.append(peer_timing("polytope-mars, gribjump and FDB", answer))
    return f"""## A country, a year of days

The daily mean over France ({cells} cells, overseas included) of {YEAR} days of a twin on HEALPix, nside
{2**SMALL} ({days} days of {12 * 4**SMALL:,} cells), {ROUNDS} rounds ({FEW_ROUNDS} of polytope-mars, in a
process of its own), one client. Geoscope answers over HTTP through the edge: with the mean itself
(`aggregate=mean`), or with the values of all cells, of which the client makes the mean. It keeps the cells
of a country that was asked for before. xarray reads the series of the same store from the same object
store, and regionmask finds the cells by the same outline, each time or once before; polytope-mars returns
CoverageJSON of the same fields, which an FDB on the local disk keeps as GRIB.

{table(timings, AGAINST)}"""


def _polytope(bench: Bench, outline: Any, days: int) -> dict[str, Any]:
    rings = [[[y, x] for x, y in part.exterior.coords] for part in outline.geoms]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rings.json"
        path.write_text(json.dumps(rings))
        return ask_peer("polygon", filled_fdb(bench, days), 2**SMALL, YEAR, FEW_ROUNDS, path)


def _open(bench: Bench) -> xr.Dataset:
    return xr.open_zarr(open_store(bench, "small"), group="series", consolidated=False, chunks=None)


def _inside(dataset: xr.Dataset, region: Any) -> np.ndarray:
    """Find the cells of a region, as whoever has HEALPix data finds them."""
    cells = np.arange(dataset["2t"].shape[1], dtype=np.uint64)
    longitude, latitude = healpix_geo.nested.healpix_to_lonlat(cells, SMALL)
    places = {
        "lon": xr.DataArray((longitude + 180) % 360 - 180, dims="cells"),
        "lat": xr.DataArray(latitude, dims="cells"),
    }
    return np.flatnonzero(region.mask(places["lon"], places["lat"]).values == 0)


def _masked_mean(dataset: xr.Dataset, region: Any) -> np.ndarray:
    return _mean_of_cells(dataset, _inside(dataset, region))


def _mean_of_cells(dataset: xr.Dataset, cells: np.ndarray) -> np.ndarray:
    return dataset["2t"].isel(time=slice(0, YEAR), cells=cells).mean("cells").values


def _mean_of_csv(content: bytes) -> np.ndarray:
    return _daily_mean(pd.read_csv(io.BytesIO(content), usecols=["time", "2t (K)"]))


def _mean_of_parquet(content: bytes) -> np.ndarray:
    return _daily_mean(pd.read_parquet(io.BytesIO(content), columns=["time", "2t"]))


def _daily_mean(rows: pd.DataFrame) -> np.ndarray:
    return rows.groupby("time", sort=True).mean().iloc[:, 0].to_numpy()


def _mean_of_netcdf(content: bytes) -> np.ndarray:
    with xr.open_dataset(io.BytesIO(content), engine="h5netcdf") as dataset:
        return dataset["2t"].mean("location").values


def _mean_of_coverage(content: bytes) -> np.ndarray:
    array = json.loads(content)["ranges"]["2t"]
    return np.reshape(np.array(array["values"], np.float32), (array["shape"][0], -1)).mean(axis=1)
