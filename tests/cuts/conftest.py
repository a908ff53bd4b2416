import pytest

from geoscope.cuts.api import create_application
from local_holdings import client_of


@pytest.fixture
def client(holdings):
    """A client of the cuts application over the demo's cubes."""
    with client_of(create_application(), holdings) as client:
        yield client
