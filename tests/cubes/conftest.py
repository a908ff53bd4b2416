from pathlib import Path

import iris_sample_data
import pytest
import xarray as xr

from local_holdings import read_sources


@pytest.fixture(scope="session")
def sources():
    """Real datasets, each as its reader gives it: the demo's by COLLECTION/ITEM, and a rotated pole."""
    rotated_pole = Path(iris_sample_data.path) / "rotated_pole.nc"
    return read_sources() | {"rotated-pole": xr.open_dataset(rotated_pole, engine="netcdf4").load()}
