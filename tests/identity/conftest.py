"""The portal runs; people and clients are there."""

import pytest
from known_people import PASSWORD, fill
from live_portal import LivePortal


@pytest.fixture(scope="session")
def portal(tmp_path_factory):
    portal = LivePortal(tmp_path_factory.mktemp("identity"))
    try:
        fill(portal)
        yield portal
    finally:
        portal.stop()


@pytest.fixture
def visitor(portal):
    return portal.visitor()


@pytest.fixture
def ada(visitor):
    """Ada's browser, signed in."""
    assert visitor.sign_in("ada", PASSWORD).headers["location"] == "/"
    return visitor
