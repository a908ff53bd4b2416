import uuid
from pathlib import Path

import iris_sample_data
import pytest
import xarray as xr

from geoscope.objects import Place, icechunk_storage
from geoscope.secrets import read_s3_keys
from local_holdings import read_sources
from object_store_server import running_object_store


@pytest.fixture(scope="session")
def sources():
    """Real datasets, each as its reader gives it: the demo's by COLLECTION/ITEM, and a rotated pole."""
    rotated_pole = Path(iris_sample_data.path) / "rotated_pole.nc"
    return read_sources() | {"rotated-pole": xr.open_dataset(rotated_pole, engine="netcdf4").load()}


@pytest.fixture(scope="session")
def object_store(tmp_path_factory):
    """The settings of a real object store."""
    with running_object_store(tmp_path_factory.mktemp("object-store")) as settings:
        yield settings


@pytest.fixture
def new_place():
    """Makes places where a cube can grow; each is another."""
    return lambda: Place("twins", f"test/{uuid.uuid4()}")


@pytest.fixture
def storage(object_store, new_place):
    """Where a cube of this test alone can grow, as the job worker writes it."""
    return icechunk_storage(object_store, new_place(), read_s3_keys(object_store, "jobs"))
