"""The demo's source files, read and made tidy: CF names, longitudes from -180 to 180, no leftovers."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import xarray as xr

from geoscope.demo.datasets import (
    LICENSE_URL,
    NEMO,
    OSTIA,
    SCENARIOS,
    SEVIRI,
    SOURCE_URL,
    DemoCollection,
    DemoItem,
)
from geoscope.errors import SetupError

PACKAGE = "iris_sample_data"

# Raised when this file makes other datasets of the same files, so that stored cubes are written again.
READING = "1"

# When a run began: bookkeeping of the model that wrote the file, of no use for a mean over a period.
FORECAST_BOOKKEEPING = ("forecast_period", "forecast_reference_time", "forecast_reference_time_bnds")


def source_files(item: DemoItem) -> list[Path]:
    """Return the files of an item, in order of time.

    Raises
    ------
    SetupError
        If the package that brings them, or one that reads them, is not installed.
    """
    package = find_spec(PACKAGE)
    if package is None or package.origin is None or find_spec("netCDF4") is None:
        raise SetupError(
            "The demo's source data are not installed (the packages iris-sample-data and netcdf4).",
            "Install them: pip install 'geoscope[demo]'",
        )
    folder = Path(package.origin).parent / "sample_data"
    files = sorted(folder.glob(item.files))
    if not files:
        raise SetupError(
            f"The package iris-sample-data has no file {item.files}.",
            "Install it again: version 2.5.2 has it.",
        )
    return files


def source_digest(files: list[Path]) -> str:
    """Return the SHA-256 of the files' contents, one after the other, and of the way they are read."""
    digest = hashlib.sha256(READING.encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_item(collection: DemoCollection, item: DemoItem) -> xr.Dataset:
    """Read an item's files into one tidy dataset with CF metadata, wholly in memory.

    Returns
    -------
    xarray.Dataset
        Longitudes -180..180, rising where they are an axis; times decoded, in the file's own calendar.
    """
    tidy = {SCENARIOS.id: _scenario, OSTIA.id: _ostia, NEMO.id: _nemo, SEVIRI.id: _seviri}[collection.id]
    dataset = tidy([_open(path) for path in source_files(item)])
    dataset[collection.drawing.variable].attrs["long_name"] = collection.drawing.title
    return dataset.assign_attrs(
        title=f"{collection.title}: {item.title}",
        institution=collection.institution,
        references=SOURCE_URL,
        license=LICENSE_URL,
    )


def _open(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as dataset:
        raw = dataset.load()
    for variable in raw.variables.values():
        variable.attrs.pop("cell_measures", None)  # they name an area that is in no file
    return xr.decode_cf(raw, decode_coords="all")


def _scenario(parts: list[xr.Dataset]) -> xr.Dataset:
    (dataset,) = parts
    source = dataset["air_temperature"].attrs["source"]
    return _with_western_longitudes(_without_bookkeeping(dataset)).assign_attrs(
        Conventions="CF-1.5", source=f"HadGEM2-AO. {source}"
    )


def _ostia(parts: list[xr.Dataset]) -> xr.Dataset:
    (dataset,) = parts
    return _with_western_longitudes(_without_bookkeeping(dataset)).assign_attrs(source="OSTIA analysis")


def _nemo(parts: list[xr.Dataset]) -> xr.Dataset:
    """Join the months along the time that they are centred on: each file's own counter is zero."""
    names = {
        "time_centered": "time",
        "time_centered_bounds": "time_bounds",
        "axis_nbounds": "bounds",
        "nav_lat": "latitude",
        "nav_lon": "longitude",
        "bounds_lat": "latitude_bounds",
        "bounds_lon": "longitude_bounds",
    }
    months = [
        part.swap_dims(time_counter="time_centered").drop_vars("time_counter").rename(names) for part in parts
    ]
    joined = xr.concat(
        months, dim="time", data_vars="minimal", coords="minimal", compat="override", join="exact"
    )
    for name in ("latitude", "longitude", "time"):
        joined[name].encoding.pop("bounds", None)
        joined[name].attrs["bounds"] = f"{name}_bounds"
    joined["time"].attrs |= {"standard_name": "time", "axis": "T"}
    joined.attrs = {"Conventions": "CF-1.5", "source": "NEMO ocean model, T grid"}
    return joined


def _seviri(parts: list[xr.Dataset]) -> xr.Dataset:
    (dataset,) = parts
    kept = ("Conventions", "Note", "acknowledgement", "instrument", "platform", "source", "summary")
    tidy = dataset.rename(data="toa_brightness_temperature", lat="latitude", lon="longitude")
    tidy.attrs = {name: dataset.attrs[name] for name in kept}
    return tidy


def _without_bookkeeping(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.drop_vars(FORECAST_BOOKKEEPING, errors="ignore")


def _with_western_longitudes(dataset: xr.Dataset) -> xr.Dataset:
    """Turn 0..360 into -180..180, in rising order."""
    longitude = dataset["longitude"]
    # In double precision, and without the noise that the source's single precision would leave there.
    degrees = np.round(longitude.values.astype(np.float64), 5)
    western = longitude.copy(data=np.round(np.where(degrees >= 180.0, degrees - 360.0, degrees), 5))
    western.encoding = {}
    return dataset.assign_coords(longitude=western).sortby("longitude")
