import pytest

from geoscope.viewer.api import create_application
from local_holdings import LocalHoldings, client_of, read_sources, write_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The folder of all demo cubes, and the catalogue's documents of them."""
    folder = tmp_path_factory.mktemp("cubes")
    return folder, write_demo(folder)


@pytest.fixture(scope="session")
def sources():
    return read_sources()


@pytest.fixture
def holdings(demo):
    return LocalHoldings(*demo)


@pytest.fixture
def client(holdings):
    """A client of the viewer application over the demo's cubes."""
    with client_of(create_application(), holdings) as client:
        yield client
