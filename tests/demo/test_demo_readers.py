"""The source files, read: what the cubes hold is what the files hold, tidied."""

import numpy as np
import pyproj
import pytest
import xarray as xr

from geoscope.demo import readers
from geoscope.demo.datasets import COLLECTIONS, NEMO, OSTIA, SCENARIOS, SEVIRI
from geoscope.demo.readers import read_item, source_digest, source_files
from geoscope.errors import SetupError

ITEMS = [(collection, item) for collection in COLLECTIONS for item in collection.items]
NAMES = [f"{collection.id}/{item.id}" for collection, item in ITEMS]


@pytest.mark.parametrize(("collection", "item"), ITEMS, ids=NAMES)
def test_every_dataset_names_its_quantity_unit_licence_and_origin(collection, item):
    dataset = read_item(collection, item)
    variable = dataset[collection.drawing.variable]
    assert variable.attrs["units"] in ("K", "degree_C")
    assert variable.attrs["long_name"] == collection.drawing.title
    assert {"title", "institution", "references", "license", "source", "Conventions"} <= dataset.attrs.keys()
    assert np.isfinite(variable).any()


@pytest.mark.parametrize(("collection", "item"), ITEMS, ids=NAMES)
def test_the_drawing_shows_nearly_all_values(collection, item):
    values = read_item(collection, item)[collection.drawing.variable].values
    inside = (values >= collection.drawing.minimum) & (values <= collection.drawing.maximum)
    assert inside.sum() / np.isfinite(values).sum() > 0.95
    spread = np.nanpercentile(values, 98) - np.nanpercentile(values, 2)
    assert spread > 0.4 * (collection.drawing.maximum - collection.drawing.minimum)


@pytest.mark.parametrize("collection", [SCENARIOS, OSTIA], ids=lambda collection: collection.id)
def test_longitudes_rise_from_west_to_east_and_keep_their_values(collection):
    (item, *_) = collection.items
    name = collection.drawing.variable
    tidy = read_item(collection, item)
    longitude = tidy["longitude"].values
    assert longitude.min() >= -180
    assert longitude.max() < 180
    assert (np.diff(longitude) > 0).all()
    with xr.open_dataset(source_files(item)[0]) as source:
        for degrees_east in (source["longitude"].values[0], source["longitude"].values[-1]):
            west = float(degrees_east) - (360 if degrees_east >= 180 else 0)
            column = tidy[name].sel(longitude=west, method="nearest")
            np.testing.assert_array_equal(column, source[name].sel(longitude=degrees_east))


def test_the_two_scenarios_share_their_history_and_then_part():
    a1b, e1 = (read_item(SCENARIOS, item)["air_temperature"] for item in SCENARIOS.items)
    differ = np.abs(a1b - e1).max(("latitude", "longitude")).values > 0
    years = np.array([time.year for time in a1b["time"].values])
    assert years[differ].min() == 2000
    warmer = (a1b - e1).isel(time=-1).mean()
    assert 1 < float(warmer) < 5


def test_the_ocean_models_months_are_joined_in_order():
    dataset = read_item(NEMO, NEMO.items[0])
    assert [str(time)[:10] for time in dataset["time"].values] == ["2015-01-16", "2015-02-16", "2015-03-16"]
    assert dataset["tos"].dims == ("time", "y", "x")
    months = [
        xr.open_dataset(path, decode_times=False)["tos"].values[0] for path in source_files(NEMO.items[0])
    ]
    np.testing.assert_array_equal(dataset["tos"].values, np.stack(months))
    assert dataset["latitude"].attrs["bounds"] in dataset.variables


def test_the_satellite_pictures_own_coordinates_agree_with_its_projection():
    dataset = read_item(SEVIRI, SEVIRI.items[0])
    crs = pyproj.CRS.from_cf(dataset["stereographic"].attrs)
    x, y = np.meshgrid(dataset["x"].values, dataset["y"].values)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    np.testing.assert_allclose(latitude, dataset["latitude"], atol=0.01)
    np.testing.assert_allclose(longitude, dataset["longitude"], atol=0.01)


def test_the_digest_tells_files_apart_and_is_the_same_each_time():
    digests = [source_digest(source_files(item)) for _, item in ITEMS]
    assert digests == [source_digest(source_files(item)) for _, item in ITEMS]
    assert len(set(digests)) == len(digests)


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(readers, "PACKAGE", "a_package_that_nobody_installed")
    with pytest.raises(SetupError, match=r"pip install 'geoscope\[demo\]'"):
        source_files(SCENARIOS.items[0])
