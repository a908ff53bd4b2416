"""A person publishes a folder, shares it, opens it with their own tools, and removes it."""

from io import BytesIO

import httpx
import numpy as np
import pystac_client
import pytest
import rasterio
import xarray as xr
from fsspec.implementations.http import HTTPFileSystem
from PIL import Image
from published_files import write_cog, write_grib
from publishing_steps import execute, publish, upload

from geoscope.catalogue.manifest import PUBLISHER_ROLE

FILES = ("rome_20240301/data", "waves/data", "winds/data/zarr.json", "waves/thumbnail")


@pytest.fixture(scope="module")
def published(anna, folder):
    """What became of Anna's files when she published them; no test changes them."""
    upload(anna, "anna-files", folder)
    yield publish(anna, "anna-files", title="Anna's files", licence="CC-BY-4.0")
    execute(anna, "unpublish-collection", {"collection": "anna-files"})


def reads(client):
    """Tell which of the collection's files somebody can read."""
    return [path for path in FILES if client.get(f"/stac/data/anna-files/{path}").status_code == 200]


def test_a_collection_is_private_until_it_is_shared_and_again_afterwards(
    published, anna, stranger, editor, client_of
):
    assert published["published"] == 3, published
    assert published["set_aside"] == []
    sharing = "/stac/collections/anna-files/sharing"
    berta = client_of("berta", PUBLISHER_ROLE)
    others = (stranger, editor, berta)
    assert anna.get(sharing).json()["visibility"] == "private"
    assert reads(anna) == list(FILES)

    def is_hidden_from(other):
        paths = ["", "/items", "/items/waves", "/queryables"]
        codes = {other.get(f"/stac/collections/anna-files{path}").status_code for path in paths}
        found = other.get("/stac/search", params={"ids": "waves"}).json()["features"]
        listed = [each["id"] for each in other.get("/stac/collections").json()["collections"]]
        return codes == {404} and not found and "anna-files" not in listed and not reads(other)

    assert all(map(is_hidden_from, others))
    for method, path in (("PUT", sharing), ("DELETE", "/stac/collections/anna-files")):
        assert berta.request(method, path, json={"visibility": "public"}).status_code == 404
    assert anna.put(sharing, json={"visibility": "entity", "entity": "ecmwf"}).json()["entity"] == "ecmwf"
    assert all(map(is_hidden_from, others))

    assert anna.put(sharing, json={"visibility": "public"}).status_code == 200
    for other in others:
        assert reads(other) == list(FILES)
        assert other.get("/stac/search", params={"ids": "waves"}).json()["numberReturned"] == 1
    assert berta.put(sharing, json={"visibility": "private"}).status_code == 403
    assert berta.delete("/stac/collections/anna-files").status_code == 403

    assert anna.put(sharing, json={"visibility": "private"}).status_code == 200
    assert all(map(is_hidden_from, others))


def test_the_files_open_with_the_tools_that_people_have(published, anna, served, folder):
    anna.put("/stac/collections/anna-files/sharing", json={"visibility": "public"})
    catalogue = pystac_client.Client.open(f"{served.internal.data_apis_url}/stac")
    items = {item.id: item for item in catalogue.search(collections=["anna-files"]).items()}
    assert set(items) == {"rome_20240301", "waves", "winds"}
    for item in items.values():
        assert item.assets["data"].href.startswith("http")

    with (
        rasterio.open(items["rome_20240301"].assets["data"].href) as raster,
        rasterio.open(folder / "rome_20240301.tif") as original,
    ):
        np.testing.assert_array_equal(raster.read(), original.read())
    expected = xr.open_dataset(folder / "waves.nc", engine="h5netcdf")
    with HTTPFileSystem().open(items["waves"].assets["data"].href) as file:
        xr.testing.assert_identical(xr.open_dataset(file, engine="h5netcdf").load(), expected.load())
    winds = xr.open_dataset(
        items["winds"].assets["data"].href, **items["winds"].assets["data"].ext.xarray.open_kwargs
    )
    xr.testing.assert_identical(winds.load(), xr.open_zarr(folder / "winds.zarr").load())

    picture = httpx.get(items["waves"].assets["thumbnail"].href, trust_env=False)
    assert picture.headers["content-type"] == "image/webp"
    assert picture.headers["content-disposition"].startswith("inline")


def test_private_files_open_with_a_token(published, anna, served, folder):
    href = anna.get("/stac/collections/anna-files/items/rome_20240301").json()["assets"]["data"]["href"]
    header = anna.get("/stac").request.headers["authorization"]
    options = {
        "GDAL_HTTP_HEADERS": f"Authorization: {header}",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    }
    with rasterio.Env(**options), rasterio.open(href) as raster:
        assert raster.shape == (600, 500)


def test_the_collection_spans_its_items(published, anna):
    collection = anna.get("/stac/collections/anna-files").json()
    assert collection["extent"]["spatial"]["bbox"] == [[-180, -90, 180, 90]]
    assert collection["extent"]["temporal"]["interval"] == [["2024-01-01T00:00:00Z", "2024-03-01T23:59:59Z"]]
    assert collection["license"] == "CC-BY-4.0"
    assert anna.get(collection["assets"]["thumbnail"]["href"]).status_code == 200


def test_publishing_again_changes_nothing(published, anna, folder):
    def everything():
        path = "/stac/collections/anna-files"
        return [anna.get(path).json(), anna.get(f"{path}/items").json()["features"]]

    before = everything()
    assert upload(anna, "anna-files", folder) == 0
    again = publish(anna, "anna-files")
    assert (again["published"], again["unchanged"]) == (0, 3)
    assert everything() == before


def test_what_changed_is_replaced_and_what_vanished_is_pruned(anna, tmp_path):
    for name in ("a_20240101", "b_20240201", "c_20240301"):
        write_cog(tmp_path / f"{name}.tif", shape=(200, 200))
    upload(anna, "anna-changing", tmp_path)
    assert publish(anna, "anna-changing")["published"] == 3
    write_cog(tmp_path / "a_20240101.tif", shape=(300, 300))
    (tmp_path / "c_20240301.tif").unlink()
    assert upload(anna, "anna-changing", tmp_path) == 1
    assert anna.delete("/stac/publishing/uploads/anna-changing/c_20240301.tif").status_code == 204
    kept = publish(anna, "anna-changing")
    assert (kept["published"], kept["unchanged"], kept["removed"], kept["gone"]) == (1, 1, 0, ["c_20240301"])
    pruned = publish(anna, "anna-changing", prune=True)
    assert (pruned["published"], pruned["unchanged"], pruned["removed"]) == (0, 2, 1)
    items = anna.get("/stac/collections/anna-changing/items").json()["features"]
    assert {item["id"]: item["properties"]["proj:shape"] for item in items} == {
        "a_20240101": [300, 300],
        "b_20240201": [200, 200],
    }
    times = anna.get("/stac/collections/anna-changing").json()["extent"]["temporal"]["interval"]
    assert times == [["2024-01-01T00:00:00Z", "2024-02-01T23:59:59Z"]]
    execute(anna, "unpublish-collection", {"collection": "anna-changing"})


def test_bad_files_are_named_and_set_aside_or_all_is_refused(anna, tmp_path):
    write_cog(tmp_path / "rome_20240301.tif", shape=(200, 200))
    (tmp_path / "words.tif").write_text("only words")
    (tmp_path / "notes.txt").write_text("about these files")
    upload(anna, "anna-strict", tmp_path)
    seen = publish(anna, "anna-strict", dry_run=True)
    assert [item["id"] for item in seen["items"]] == ["rome_20240301"]
    assert seen["items"][0]["start"] == "2024-03-01T00:00:00Z"
    assert [each["file"] for each in seen["set_aside"]] == ["words.tif"]
    job = execute(anna, "publish-collection", {"collection": "anna-strict", "strict": True})
    assert job["status"] == "failed"
    assert "words.tif" in job["message"]
    assert anna.get("/stac/collections/anna-strict").status_code == 404
    outcome = publish(anna, "anna-strict")
    assert outcome["published"] == 1
    assert outcome["ignored"] == ["notes.txt"]
    assert [each["file"] for each in outcome["set_aside"]] == ["words.tif"]
    assert execute(anna, "unpublish-collection", {"collection": "anna-strict"})["status"] == "successful"
    assert anna.get("/stac/collections/anna-strict").status_code == 404
    assert anna.get("/stac/publishing/uploads/anna-strict").json()["files"] == []


def test_grib_is_published_too(anna, tmp_path):
    write_grib(tmp_path / "forecast.grib2")
    upload(anna, "anna-grib", tmp_path)
    assert publish(anna, "anna-grib")["published"] == 1
    item = anna.get("/stac/collections/anna-grib/items/forecast").json()
    assert item["properties"]["start_datetime"] == "2024-03-01T00:00:00Z"
    answer = anna.get("/stac/data/anna-grib/forecast/data")
    assert answer.content[:4] == b"GRIB"
    assert answer.headers["content-disposition"] == 'attachment; filename="forecast.grib2"'
    picture = anna.get("/stac/data/anna-grib/forecast/thumbnail")
    assert Image.open(BytesIO(picture.content)).format == "WEBP"
    execute(anna, "unpublish-collection", {"collection": "anna-grib"})
