"""The demo's cubes and documents without a platform: the same files and code, local Zarr instead of S3."""

import asyncio
from contextlib import contextmanager
from urllib.parse import unquote

import numpy as np
import xarray as xr
from fastapi.testclient import TestClient
from zarr.storage import LocalStore

from geoscope.cubes.describe import describe
from geoscope.cubes.writing import write_cube
from geoscope.demo.datasets import COLLECTIONS
from geoscope.demo.readers import read_item
from geoscope.demo.stac import collection_document, item_document
from geoscope.errors import NotFoundError
from geoscope.holdings import Holdings, shared_holdings
from geoscope.settings import Settings


def write_demo(folder):
    """Write every demo cube below a folder; return the documents of the catalogue by path."""
    documents = {}
    for collection in COLLECTIONS:
        described, items = [], []
        for item in collection.items:
            store = LocalStore(folder / collection.id / f"{item.id}.zarr")
            write_cube(read_item(collection, item), store)
            with xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all") as dataset:
                described.append(describe(dataset))
            items.append(item_document(collection, item, described[-1], "digest"))
        path = f"/collections/{collection.id}"
        documents[path] = collection_document(collection, described)
        documents |= {f"{path}/items/{item['id']}": item for item in items}
        documents[f"{path}/items"] = {"type": "FeatureCollection", "features": items, "links": []}
    found = [documents[f"/collections/{collection.id}"] for collection in COLLECTIONS]
    documents["/collections"] = {"collections": found, "links": []}
    return documents


class LocalHoldings(Holdings):
    """Holdings that ask a dictionary for documents and a folder for cubes; all else is the real thing."""

    def __init__(self, folder, documents):
        super().__init__(Settings(data_dir=folder))
        self.folder = folder
        self.catalogue_documents = documents
        self.asked = []

    async def _ask_catalogue(self, path, _authorization):
        await asyncio.sleep(0)
        self.asked.append(path)
        document = self.catalogue_documents.get(unquote(path.partition("?")[0]))
        if document is None:
            raise NotFoundError(f"There is no {path}.")
        return document

    def _store(self, place):
        return LocalStore(self.folder / place.key, read_only=True)


def read_sources():
    """Return the demo's datasets as they are before they become cubes, by COLLECTION/ITEM."""
    return {
        f"{collection.id}/{item.id}": read_item(collection, item)
        for collection in COLLECTIONS
        for item in collection.items
    }


@contextmanager
def client_of(application, holdings):
    """Run an application over these holdings, for one client."""
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with TestClient(application, base_url="http://geoscope.test") as client:
        yield client


def write_levels(folder):
    """Write a cube of two days on three levels; return the documents of the catalogue by path.

    Its values tell day and level: `850.25` is that of 850 hPa on the second day.
    """
    levels, latitude, longitude = [850.0, 500.0, 250.0], np.arange(90.0, -91, -30), np.arange(-180.0, 180, 30)
    values = np.zeros((2, 3, latitude.size, longitude.size), np.float32)
    values += np.array(levels, np.float32)[None, :, None, None] + np.array([0, 0.25])[:, None, None, None]
    dataset = xr.Dataset(
        {
            "t": (
                ("time", "level", "latitude", "longitude"),
                values,
                {"long_name": "Temperature", "units": "K"},
            )
        },
        {
            "time": np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]"),
            "level": ("level", levels, {"units": "hPa", "positive": "down", "axis": "Z"}),
            "latitude": ("latitude", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        },
    )
    store = LocalStore(folder / "on-levels" / "one.zarr")
    write_cube(dataset, store)
    with xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all") as opened:
        about = describe(opened)
    cube = {"cube:dimensions": about.dimensions, "cube:variables": about.variables}
    asset = {
        "href": "s3://demo/on-levels/one.zarr",
        "type": "application/vnd.zarr; version=3",
        "roles": ["data"],
    }
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "one",
        "collection": "on-levels",
        "geometry": about.geometry,
        "bbox": about.bbox,
        "properties": {"datetime": None, "start_datetime": about.start, "end_datetime": about.end} | cube,
        "assets": {"data": asset},
        "links": [],
    }
    collection = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "on-levels",
        "title": "On levels",
        "description": "A cube with levels.",
        "license": "other",
        "extent": {"spatial": {"bbox": [about.bbox]}, "temporal": {"interval": [[about.start, about.end]]}},
        "links": [],
    } | cube
    path = "/collections/on-levels"
    features = {"type": "FeatureCollection", "features": [item], "links": []}
    return {path: collection, f"{path}/items": features, f"{path}/items/one": item}
