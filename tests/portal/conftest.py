"""The portal by Django's own test client, before the real data services over the demo's real cubes."""

import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import django
import httpx
import pytest
import uvicorn

from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.holdings import shared_holdings
from geoscope.manifests import core_manifests
from geoscope.runtime.data_apis import SideBySide
from geoscope.secrets import ensure_secrets
from geoscope.settings import Settings, current_settings
from local_holdings import LocalHoldings

# Django is set up once a process, before anybody imports its models: so its folder lives as long.
FOLDER = tempfile.TemporaryDirectory(prefix="geoscope-portal-test-")


def set_up_django():
    with pytest.MonkeyPatch.context() as patch:
        use_folder(patch)
        patch.setenv("DJANGO_SETTINGS_MODULE", "geoscope.portal.settings")
        django.setup()
    current_settings.cache_clear()


def use_folder(patch, **variables):
    for name in [name for name in os.environ if name.startswith("GEOSCOPE_")]:
        patch.delenv(name)
    for name, value in ({"GEOSCOPE_DATA_DIR": FOLDER.name} | variables).items():
        patch.setenv(name, value)
    ensure_secrets(Settings())
    (Path(FOLDER.name) / "portal").mkdir(exist_ok=True)
    current_settings.cache_clear()


set_up_django()

from django.contrib.auth.models import Group  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import translation  # noqa: E402

from geoscope.portal.accounts.models import User  # noqa: E402
from geoscope.portal.database import migrate_if_needed  # noqa: E402


@pytest.fixture(autouse=True)
def _english():
    """Begin and end in English: a request leaves its language behind in its thread."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def listening():
    """Where the data services will be."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(scope="module")
def more_settings():
    """Variables that a module of tests sets besides."""
    return {}


@pytest.fixture(scope="module")
def settings(listening, more_settings):
    """The settings of the portal, for as long as a module of tests runs."""
    with pytest.MonkeyPatch.context() as patch:
        data_apis = f"http://127.0.0.1:{listening.getsockname()[1]}"
        use_folder(patch, GEOSCOPE_INTERNAL__DATA_APIS_URL=data_apis, **more_settings)
        yield current_settings()
    current_settings.cache_clear()


@pytest.fixture
def database(settings):
    """The portal's database as it is after the first start; what a test writes is taken back."""
    migrate_if_needed()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def new_browser(database):
    """Make browsers that have not signed in."""

    def make(**options):
        return Client(headers={"host": "127.0.0.1"}, **options)

    return make


@pytest.fixture
def browser(new_browser):
    return new_browser()


@pytest.fixture
def make_user(database):
    def make(name="anna", roles=(), **fields):
        user = User.objects.create_user(name, **fields)
        for role in roles:
            user.groups.add(Group.objects.get_or_create(name=role)[0])
        return user

    return make


@pytest.fixture(scope="module")
def data_half(settings, listening, demo):
    """All data services in a server of their own, the catalogue with the demo's collections and items."""
    holdings = LocalHoldings(*demo)
    side_by_side = SideBySide([manifest for manifest in core_manifests() if manifest.app])
    for application in side_by_side._applications:
        application.dependency_overrides[shared_holdings] = lambda: holdings
    server = uvicorn.Server(uvicorn.Config(side_by_side, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening.dup()],), daemon=True)
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
        client.holdings = holdings
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
