"""The portal by Django's own test client, before the real data services over the demo's real cubes."""

import os
import socket
import threading
import time

import django
import httpx
import pytest
import uvicorn

from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.holdings import holdings_of_request
from geoscope.runtime.data_apis import SideBySide
from geoscope.secrets import ensure_secrets
from geoscope.service import core_manifests
from geoscope.settings import current_settings
from local_holdings import LocalHoldings, write_demo


@pytest.fixture(scope="session")
def portal_environment(tmp_path_factory):
    """What the runtime tells the portal: its folder, and where the data services will be."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield {
            "GEOSCOPE_DATA_DIR": str(tmp_path_factory.mktemp("portal") / "data"),
            "GEOSCOPE_INTERNAL__DATA_APIS_URL": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "listening": listening,
        }


@pytest.fixture(scope="module")
def settings(portal_environment):
    """The settings of the portal, for as long as a module of tests runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GEOSCOPE_")]:
            patch.delenv(name)
        for name, value in portal_environment.items():
            if name.startswith("GEOSCOPE_"):
                patch.setenv(name, value)
        current_settings.cache_clear()
        ensure_secrets(current_settings())
        yield current_settings()
    current_settings.cache_clear()


@pytest.fixture(scope="module")
def portal(settings):
    """Django, set up once a process, with its database migrated."""
    from geoscope.portal.__main__ import prepare

    os.environ["DJANGO_SETTINGS_MODULE"] = "geoscope.portal.settings"
    prepare()
    return django


@pytest.fixture
def database(portal):
    """The portal's database as it is after the first start; what a test writes is taken back."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def browser(database):
    """A browser that has not signed in."""
    from django.test import Client

    return Client(headers={"host": "127.0.0.1"})


@pytest.fixture
def make_user(database):
    from django.contrib.auth.models import Group

    from geoscope.portal.accounts.models import User

    def make(name="anna", roles=(), **fields):
        user = User.objects.create_user(name, **fields)
        for role in roles:
            user.groups.add(Group.objects.get_or_create(name=role)[0])
        return user

    return make


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The folder of the demo's cubes, and the catalogue's documents of them by path."""
    folder = tmp_path_factory.mktemp("cubes")
    return folder, write_demo(folder)


@pytest.fixture(scope="module")
def data_half(settings, portal_environment, demo):
    """All data services in a server of their own, the catalogue with the demo's collections and items."""
    holdings = LocalHoldings(*demo)
    side_by_side = SideBySide([manifest for manifest in core_manifests() if manifest.app])
    for application in side_by_side._applications:
        application.dependency_overrides[holdings_of_request] = lambda: holdings
    listening = portal_environment["listening"].dup()
    server = uvicorn.Server(uvicorn.Config(side_by_side, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    token = issue_token(settings, "test", frozenset({EDITOR_ROLE}))
    client = httpx.Client(
        base_url=settings.internal.data_apis_url, headers={"Authorization": f"Bearer {token}"}
    )
    with client:
        fill_catalogue(client, demo[1])
        yield client
    server.should_exit = True
    thread.join(timeout=10)


def fill_catalogue(client, documents):
    for path, document in documents.items():
        if document.get("type") == "Collection" and client.get(f"/stac{path}").status_code == 404:
            client.post("/stac/collections", json=document).raise_for_status()
            items = documents[f"{path}/items"]["features"]
            for item in items:
                client.post(f"/stac{path}/items", json=item).raise_for_status()
