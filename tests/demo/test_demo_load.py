"""The demo, loaded into a real object store and a real catalogue."""

import httpx
import icechunk
import numpy as np
import obstore
import pytest
import xarray as xr
from obstore.store import S3Store
from zarr.storage import ObjectStore

from geoscope.cubes.healpix import HealpixGrid
from geoscope.demo.datasets import COLLECTIONS, NEMO, NEMO_HEALPIX, OSTIA, SCENARIOS, TWINS
from geoscope.demo.load import load_demo, store_item
from geoscope.demo.readers import read_item
from geoscope.errors import UnavailableError
from geoscope.objects import REGION, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import InternalSettings

NAMES = [f"{collection.id}/{item.id}" for collection in (*COLLECTIONS, *TWINS) for item in collection.items]


def catalogue(settings, path):
    return httpx.get(f"{settings.internal.data_apis_url}/stac{path}", trust_env=False)


def item_documents(settings):
    items = {}
    for name in NAMES:
        collection, _, item = name.partition("/")
        items[name] = catalogue(settings, f"/collections/{collection}/items/{item}").content
        items[collection] = catalogue(settings, f"/collections/{collection}").content
    return items


def open_as_a_stranger(settings, name):
    """Open a cube of the public bucket without any key."""
    store = S3Store(
        "demo",
        prefix=f"{name}.zarr",
        endpoint=settings.internal.object_store_url,
        region=REGION,
        skip_signature=True,
        client_options={"allow_http": True},
    )
    return xr.open_zarr(ObjectStore(store, read_only=True), consolidated=True, decode_coords="all")


def test_everything_is_stored_registered_and_open_to_everybody(empty_platform, job):
    outcome = load_demo(job, empty_platform)
    assert outcome == {"items": dict.fromkeys(NAMES, "stored")}
    found = catalogue(empty_platform, "/search?limit=100").json()["features"]
    assert sorted(f"{item['collection']}/{item['id']}" for item in found) == sorted(NAMES)
    for collection in COLLECTIONS:
        for item in collection.items:
            expected = read_item(collection, item)
            with open_as_a_stranger(empty_platform, f"{collection.id}/{item.id}") as cube:
                name = collection.drawing.variable
                np.testing.assert_array_equal(cube[name].values, expected[name].values)
                assert cube[name].attrs["units"] == expected[name].attrs["units"]
                np.testing.assert_array_equal(cube["time"].values, expected["time"].values)


def test_the_twin_is_the_model_s_ocean_on_healpix_and_says_so(platform, job):
    load_demo(job, platform)
    (item,) = NEMO_HEALPIX.items
    storage = icechunk.s3_storage(
        bucket="public-twins",
        prefix=f"{NEMO_HEALPIX.id}/{item.id}",
        endpoint_url=platform.internal.object_store_url,
        region=REGION,
        anonymous=True,
        allow_http=True,
        force_path_style=True,
    )
    store = icechunk.Repository.open(storage).readonly_session("main").store
    source = read_item(NEMO, NEMO.items[0])
    with xr.open_zarr(store, consolidated=False, chunks=None) as twin:
        values = twin["avg_tos"].values
        assert values.shape == (3, 12 * 64**2)
        assert twin["time"].dt.strftime("%Y-%m-%d").values.tolist() == [
            "2015-01-16",
            "2015-02-16",
            "2015-03-16",
        ]
        assert "regridded" in twin.attrs["title"]
        assert "not the output of a digital twin" in twin.attrs["comment"]
    # Cells have equal areas; those of the source are known by their latitude well enough for a mean.
    celsius = source["tos"].values
    area = np.broadcast_to(np.cos(np.radians(source["latitude"].values)), celsius.shape)
    there = np.isfinite(celsius)
    assert np.nanmean(values) - 273.15 == pytest.approx(
        np.average(celsius[there], weights=area[there]), abs=2.5
    )
    assert np.nanmin(celsius) <= np.nanmin(values) - 273.15 + 1e-4
    assert np.nanmax(values) - 273.15 <= np.nanmax(celsius) + 1e-4
    assert 0.25 < np.isnan(values).mean() < 0.4  # land
    for longitude, latitude in ((-150.5, 0.5), (80.5, -30.5), (-30.5, 40.5)):
        cell = HealpixGrid(6).locate(longitude, latitude)
        distance = np.hypot(source["latitude"].values - latitude, source["longitude"].values - longitude)
        row, column = np.unravel_index(np.argmin(distance), distance.shape)
        assert values[0, cell] - 273.15 == pytest.approx(celsius[0, row, column], abs=0.7)
    document = catalogue(platform, f"/collections/{NEMO_HEALPIX.id}/items/{item.id}").json()
    assert document["assets"]["cube"]["href"] == f"s3://public-twins/{NEMO_HEALPIX.id}/{item.id}"
    assert document["properties"]["cube:variables"]["avg_tos"]["attrs"]["mars:param"] == "263101"
    assert document["properties"]["mars:dataset"] == "geoscope-demo"


def test_progress_rises_to_the_end_and_says_what_is_done(platform, job):
    load_demo(job, platform)
    shares = [done / total for done, total, _ in job.reports]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert any(SCENARIOS.items[0].title in message for _, _, message in job.reports)


def test_a_second_run_changes_nothing_at_all(platform, job):
    load_demo(job, platform)
    before = item_documents(platform)
    assert load_demo(job, platform) == {"items": dict.fromkeys(NAMES, "unchanged")}
    assert item_documents(platform) == before


def test_addresses_in_the_documents_are_those_that_the_client_uses(platform, job):
    load_demo(job, platform)
    base = platform.internal.data_apis_url
    document = catalogue(platform, "/collections/nemo-ocean/items/monthly-2015").json()
    assert document["assets"]["data"]["href"] == f"{base}/data/demo/nemo-ocean/monthly-2015.zarr"
    assert "geoscope://" not in str(document)


def test_a_cube_that_is_not_whole_is_not_registered_and_is_made_whole(empty_platform, job, monkeypatch):
    def torn(dataset, store):
        dataset.isel(time=slice(0, 1)).to_zarr(store, mode="w", zarr_format=3, consolidated=False)
        raise ConnectionError("the power went off")

    with monkeypatch.context() as patched:
        patched.setattr("geoscope.demo.load.write_cube", torn)
        with pytest.raises(ConnectionError):
            load_demo(job, empty_platform)
    assert catalogue(empty_platform, f"/collections/{SCENARIOS.id}").status_code == 404
    assert load_demo(job, empty_platform)["items"]["uk-met-office-scenarios/a1b"] == "stored"
    with open_as_a_stranger(empty_platform, "uk-met-office-scenarios/a1b") as cube:
        assert cube.sizes["time"] == 240


def test_a_cube_that_somebody_removed_is_stored_again(platform, job):
    load_demo(job, platform)
    bucket = open_bucket(platform, "demo", read_s3_keys(platform, "jobs"))
    obstore.delete(bucket, f"{OSTIA.id}/{OSTIA.items[0].id}.zarr/zarr.json")
    outcome = load_demo(job, platform)["items"]
    assert [name for name, state in outcome.items() if state == "stored"] == [f"{OSTIA.id}/monthly-2006-2010"]


def test_changed_words_reach_the_catalogue_without_storing_the_cube_again(platform, job, monkeypatch):
    load_demo(job, platform)
    created = catalogue(platform, f"/collections/{NEMO.id}").json()["created"]
    monkeypatch.setattr("geoscope.demo.stac.ATTRIBUTION", "Other words")
    assert set(load_demo(job, platform)["items"].values()) == {"unchanged"}
    document = catalogue(platform, f"/collections/{NEMO.id}").json()
    assert document["attribution"] == "Other words"
    assert document["created"] == created <= document["updated"]


@pytest.mark.parametrize("part", ["object_store_url", "data_apis_url"])
def test_a_part_that_does_not_answer_is_told_as_unavailable(platform, part):
    addresses = platform.internal.model_dump() | {part: "http://127.0.0.1:9"}
    settings = platform.model_copy(update={"internal": InternalSettings(**addresses)})
    with pytest.raises(UnavailableError):
        store_item(settings, OSTIA, OSTIA.items[0])
