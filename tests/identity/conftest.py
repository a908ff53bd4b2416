"""The portal runs; people and clients are there."""

import pytest
from live_portal import CLIENTS, TOTP_SECRET, LivePortal

PASSWORD = "four score and seven years"


@pytest.fixture(scope="session")
def portal(tmp_path_factory):
    portal = LivePortal(tmp_path_factory.mktemp("identity"))
    fill(portal)
    yield portal
    portal.stop()


def fill(portal):
    people = [
        {"name": "ada", "password": PASSWORD, "roles": ["catalogue-editor", "DPAD_Direct_Access"]},
        {"name": "bob", "password": PASSWORD},
        {"name": "careful", "password": PASSWORD, "totp": TOTP_SECRET},
        {"name": "hasty", "password": PASSWORD, "verified": False},
        {"name": "gone", "password": PASSWORD, "is_active": False},
    ]
    portal.make(users=people, clients=CLIENTS)


@pytest.fixture
def visitor(portal):
    return portal.visitor()


@pytest.fixture
def ada(visitor):
    """Ada's browser, signed in."""
    assert visitor.sign_in("ada", PASSWORD).headers["location"] == "/"
    return visitor


def confirmed(visitor, path, password=PASSWORD):
    """A page that wants the password once more."""
    page = visitor.get(path)
    if page.status_code == 302 and "reauthenticate" in page.headers["location"]:
        asked = visitor.get(page.headers["location"])
        page = visitor.get(visitor.submit(asked, password=password).headers["location"])
    return page
