import json
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import iris_sample_data
import numpy as np
import pytest
import uvicorn
import xarray as xr
from zarr.storage import LocalStore

from geoscope.cubes.describe import describe
from geoscope.cubes.writing import write_cube
from geoscope.cuts.api import create_application
from geoscope.demo.datasets import DemoCollection, DemoItem, Drawing
from geoscope.demo.stac import collection_document, item_document
from geoscope.holdings import shared_holdings
from local_holdings import LocalHoldings, client_of
from running import until

LEVELS = np.array([1000.0, 850.0, 500.0, 250.0])


def closed_form():
    """A cube of 400 days, four pressure levels and 3 degrees, whose values say where they belong.

    Temperature: step + level / 10_000 is lost in no float32; wind: longitude * 1000 + latitude.
    """
    time = np.datetime64("2020-01-01T12:00") + np.arange(400) * np.timedelta64(1, "D")
    longitude, latitude = np.arange(-178.5, 180, 3.0), np.arange(88.5, -90, -3.0)
    step, level, row, column = np.ogrid[:400, :4, :60, :120]
    cell = row * 120 + column
    temperature = (step * 40_000.0 + level * 10_000 + cell).astype(np.float32)
    wind = (step[:, 0] * 10_000.0 + cell[:, 0]).astype(np.float32)
    return xr.Dataset(
        {
            "ta": (
                ("time", "plev", "latitude", "longitude"),
                temperature,
                {"standard_name": "air_temperature", "units": "K"},
            ),
            "wind": (
                ("time", "latitude", "longitude"),
                wind,
                {"long_name": "wind at the ground", "units": "m s-1"},
            ),
        },
        {
            "time": ("time", time.astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"}),
            "plev": (
                "plev",
                LEVELS,
                {"standard_name": "air_pressure", "units": "hPa", "positive": "down", "axis": "Z"},
            ),
            "latitude": ("latitude", latitude, {"standard_name": "latitude", "units": "degrees_north"}),
            "longitude": ("longitude", longitude, {"standard_name": "longitude", "units": "degrees_east"}),
        },
    )


def hybrid_height():
    """Potential temperature of a real forecast on a rotated pole, on 15 levels, at one time."""
    path = Path(iris_sample_data.path) / "hybrid_height.nc"
    with xr.open_dataset(path, decode_timedelta=False) as dataset:
        return dataset.load()


def collection_of(id_, variable):
    return DemoCollection(
        id=id_,
        title=id_,
        description=f"For the tests of cuts: {id_}.",
        keywords=("test",),
        institution="The tests",
        providers=(),
        drawing=Drawing(variable, variable, "viridis", 0, 1),
        items=(DemoItem("one", "one", "The only one.", "none"),),
    )


@pytest.fixture(scope="session")
def level_sources():
    return {"closed-form": closed_form(), "hybrid-height": hybrid_height()}


def write_documents(folder, datasets):
    """Write a cube for each collection below a folder; return the catalogue's documents of them."""
    documents = {}
    for id_, dataset in datasets.items():
        collection = collection_of(id_, next(iter(dataset.data_vars)))
        [item] = collection.items
        store = LocalStore(folder / collection.id / f"{item.id}.zarr")
        write_cube(dataset, store)
        with xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all") as written:
            described = describe(written)
        path = f"/collections/{id_}"
        document = item_document(collection, item, described, "digest")
        documents[path] = collection_document(collection, [described])
        documents[f"{path}/items/{item.id}"] = document
        documents[f"{path}/items"] = {"type": "FeatureCollection", "features": [document], "links": []}
    documents["/collections"] = {
        "collections": [documents[f"/collections/{id_}"] for id_ in datasets],
        "links": [],
    }
    return json.loads(json.dumps(documents))


@pytest.fixture(scope="session")
def documents_of():
    return write_documents


@pytest.fixture(scope="session")
def level_cubes(tmp_path_factory, level_sources):
    """Cubes with levels, and the catalogue's documents of them."""
    folder = tmp_path_factory.mktemp("levels")
    return folder, write_documents(folder, level_sources)


@pytest.fixture
def client(holdings):
    """A client of the cuts application over the demo's cubes."""
    with client_of(create_application(), holdings) as client:
        yield client


@pytest.fixture
def level_client(level_cubes):
    """A client of the cuts application over cubes with levels."""
    with client_of(create_application(), LocalHoldings(*level_cubes)) as client:
        yield client


@contextmanager
def served(holdings):
    """Run the cuts application over these holdings as a real server; yield its address."""
    application = create_application()
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session", name="served")
def served_fixture():
    return served
