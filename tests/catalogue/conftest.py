import socket
import threading
import time

import httpx
import pytest
import uvicorn
from catalogue_documents import make_collection

from geoscope.access import issue_token
from geoscope.catalogue.api import create_application
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.secrets import ensure_secrets
from geoscope.settings import current_settings
from postgresql_server import add_template, running_server


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server for this test process, and the name of a database to be copied."""
    with running_server() as server:
        yield server, add_template(server)


@pytest.fixture(scope="session")
def new_database(postgresql):
    """Make databases that are ready to be a catalogue."""
    server, template = postgresql
    return lambda: server.new_database(template)


@pytest.fixture(scope="module", params=["sqlite", "pgstac"])
def store_kind(request):
    """Which store keeps the catalogue: tests that ask for it run on both."""
    return request.param


@pytest.fixture(scope="module")
def settings(tmp_path_factory, store_kind, request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSCOPE_DATA_DIR", str(tmp_path_factory.mktemp("catalogue") / "data"))
        if store_kind == "pgstac":
            patch.setenv("GEOSCOPE_CATALOGUE__DATABASE_URL", request.getfixturevalue("new_database")())
        current_settings.cache_clear()
        ensure_secrets(current_settings())
        yield current_settings()
    current_settings.cache_clear()


@pytest.fixture(scope="module")
def running(settings):
    """Address of a running catalogue, as the edge would have it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                create_application(), log_level="warning", lifespan="on", timeout_graceful_shutdown=1
            )
        )
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def clients(running, settings):
    token = issue_token(settings, "anna", frozenset({EDITOR_ROLE}))
    with (
        httpx.Client(base_url=running) as visitor,
        httpx.Client(base_url=running, headers={"Authorization": f"Bearer {token}"}) as editor,
    ):
        yield visitor, editor


@pytest.fixture
def address(running, clients):
    """Address of a running catalogue that holds nothing yet."""
    yield running
    visitor, editor = clients
    for collection in visitor.get("/stac/collections").json()["collections"]:
        editor.delete(f"/stac/collections/{collection['id']}").raise_for_status()


@pytest.fixture
def visitor(address, clients):
    """An HTTP client of somebody who is not signed in."""
    return clients[0]


@pytest.fixture
def editor(address, clients):
    """An HTTP client of a catalogue editor."""
    return clients[1]


@pytest.fixture
def add_items(editor):
    """Put items into a collection, which is made if it is not there."""

    def add(*items, collection="sea-surface-temperature"):
        if editor.get(f"/stac/collections/{collection}").status_code == 404:
            assert editor.post("/stac/collections", json=make_collection(collection)).status_code == 201
        body = {"type": "FeatureCollection", "features": list(items)}
        answer = editor.post(f"/stac/collections/{collection}/items", json=body)
        assert answer.status_code == 201, answer.text

    return add


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "catalogue.sqlite")
    yield store
    store.close()
