"""A country out of a year of days on HEALPix, over HTTP, beside xarray with regionmask on the same cube."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pandas as pd
import regionmask
import xarray as xr
from zarr.storage import ObjectStore

from benchmarks.measure import table, take_turns
from benchmarks.running import Bench
from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.cubes.describe import describe
from geoscope.cubes.writing import write_cube
from geoscope.cuts.locations import country
from geoscope.demo.datasets import SCENARIOS, DemoItem
from geoscope.demo.stac import collection_document, item_document
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys

ROUNDS = 20
LEVEL, DAYS, COUNTRY = 7, 365, "FRA"
COLLECTION, ITEM = "bench-healpix", "year"
KEY = f"{COLLECTION}/{ITEM}.zarr"
AGAINST = "xarray and regionmask, opened each time"


def measure(bench: Bench) -> str:
    _store(bench)
    address = f"{bench.url}/edr/collections/{COLLECTION}/instances/{ITEM}/locations/{COUNTRY}"
    region = regionmask.Regions([country(COUNTRY).outline])
    opened = _open(bench)
    with httpx.Client(timeout=120) as client:

        def over_http(form: str, read: Callable[[bytes], np.ndarray]) -> np.ndarray:
            return read(client.get(address, params={"f": form}).content)

        def by_csv() -> np.ndarray:
            return over_http(
                "CSV",
                lambda content: _daily_mean(pd.read_csv(io.BytesIO(content), usecols=["time", "t2m (K)"])),
            )

        def by_parquet() -> np.ndarray:
            return over_http(
                "Parquet",
                lambda content: _daily_mean(pd.read_parquet(io.BytesIO(content), columns=["time", "t2m"])),
            )

        def by_netcdf() -> np.ndarray:
            return over_http("NetCDF4", _mean_of_netcdf)

        def by_coverage_json() -> np.ndarray:
            array = client.get(address).json()["ranges"]["t2m"]
            return np.reshape(np.array(array["values"], np.float32), array["shape"]).mean(axis=1)

        expected = _masked_mean(opened, region)
        for ask in (by_csv, by_parquet, by_netcdf, by_coverage_json):
            np.testing.assert_allclose(ask(), expected, rtol=1e-5)
        timings = take_turns(
            {
                "Geoscope, NetCDF": by_netcdf,
                "Geoscope, Parquet": by_parquet,
                "Geoscope, CoverageJSON": by_coverage_json,
                "Geoscope, CSV": by_csv,
                AGAINST: lambda: _masked_mean(_open(bench), region),
                "xarray and regionmask, opened before": lambda: _masked_mean(opened, region),
            },
            ROUNDS,
        )
    cells = len(_inside(opened, region))
    return f"""## A country, a year of days

The daily mean over France ({cells} cells) of a year of daily values on HEALPix, nside {2**LEVEL} ({DAYS} days
of {12 * 4**LEVEL:,} cells), {ROUNDS} rounds, one client. Geoscope answers over HTTP through the edge, and the
client averages what it gets; xarray reads the same cube from the same object store, and regionmask finds the
cells by the same outline.

{table(timings, AGAINST)}"""


def _store(bench: Bench) -> None:
    """Write the cube into the object store, and register it."""
    random = np.random.default_rng(7)
    days = np.arange(DAYS)
    season = 285 + 10 * np.sin(days / 58)
    values = (season[:, None] + random.normal(0, 3, (DAYS, 12 * 4**LEVEL))).astype(np.float32)
    crs = {"grid_mapping_name": "healpix", "refinement_level": LEVEL, "indexing_scheme": "nested"}
    about = {"standard_name": "air_temperature", "units": "K", "grid_mapping": "crs"}
    dataset = xr.Dataset(
        {"t2m": (("time", "cells"), values, about)},
        {
            "time": (
                "time",
                np.datetime64("2020-01-01", "ns") + days * np.timedelta64(1, "D"),
                {"axis": "T"},
            ),
            "cell_ids": ("cells", np.arange(12 * 4**LEVEL), {"standard_name": "healpix_index", "units": "1"}),
            "crs": ((), 0, crs),
        },
    )
    keys = read_s3_keys(bench.settings, "jobs")
    write_cube(dataset, ObjectStore(open_bucket(bench.settings, "demo", keys, prefix=KEY)))
    described = describe(_open(bench))
    collection = SCENARIOS.__class__(**(vars(SCENARIOS) | {"id": COLLECTION}))
    item = DemoItem(ITEM, "A year", "For the benchmark.", "none")
    headers = {"Authorization": f"Bearer {issue_token(bench.settings, 'bench', frozenset({EDITOR_ROLE}))}"}
    with httpx.Client(base_url=bench.url, headers=headers, timeout=60) as client:
        client.post("/stac/collections", json=collection_document(collection, [described])).raise_for_status()
        document = item_document(collection, item, described, "digest")
        client.post(f"/stac/collections/{COLLECTION}/items", json=document).raise_for_status()


def _open(bench: Bench) -> xr.Dataset:
    keys = read_s3_keys(bench.settings, "data-apis")
    store = ObjectStore(open_bucket(bench.settings, "demo", keys, prefix=KEY), read_only=True)
    return xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all")


def _inside(dataset: xr.Dataset, region: Any) -> np.ndarray:
    import healpix_geo.nested  # noqa: PLC0415 (as whoever has HEALPix data finds its centres)

    longitude, latitude = healpix_geo.nested.healpix_to_lonlat(
        dataset["cell_ids"].values.astype("uint64"), LEVEL
    )
    places = {
        "lon": xr.DataArray((longitude + 180) % 360 - 180, dims="cells"),
        "lat": xr.DataArray(latitude, dims="cells"),
    }
    return np.flatnonzero(region.mask(places["lon"], places["lat"]).values == 0)


def _masked_mean(dataset: xr.Dataset, region: Any) -> np.ndarray:
    return dataset["t2m"].isel(cells=_inside(dataset, region)).mean("cells").values


def _daily_mean(rows: pd.DataFrame) -> np.ndarray:
    return rows.groupby("time", sort=True).mean().iloc[:, 0].to_numpy()


def _mean_of_netcdf(content: bytes) -> np.ndarray:
    with xr.open_dataset(io.BytesIO(content), engine="h5netcdf") as dataset:
        return dataset["t2m"].mean("location").values
