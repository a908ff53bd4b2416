"""A catalogue with a federation, in the test's own event loop."""

import contextlib

import pytest
from catalogue_documents import make_collection
from federation_servers import fill, serve_catalogue

from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.finder import FederatedFinder
from geoscope.catalogue.federation.keys import token_key
from geoscope.catalogue.federation.portfolio import Portfolio, PortfolioCollection, ServedBy
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.secrets import ensure_secrets
from geoscope.settings import FederatedBackend, Settings, current_settings


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSCOPE_DATA_DIR", str(tmp_path_factory.mktemp("federation") / "data"))
        current_settings.cache_clear()
        ensure_secrets(current_settings())
        yield current_settings()
    current_settings.cache_clear()


@pytest.fixture
def remote(settings, tmp_path):
    """Another catalogue: the address of its STAC API, and its store."""
    with serve_catalogue(tmp_path / "remote.sqlite") as served:
        yield served


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "local.sqlite")
    yield store
    store.close()


@pytest.fixture
def federated(settings, store):
    """Open a finder over the store and backends, with collections as (id, (backend, remote id), ...)."""

    @contextlib.asynccontextmanager
    async def open_(backends, collections, **options):
        own = Settings(data_dir=settings.data_dir, catalogue={"federation": options})
        entries = {}
        for id_, *served in collections:
            by = tuple(ServedBy(name=name, collection=remote_id) for name, remote_id in served)
            entries[id_] = PortfolioCollection(id=id_, title=id_, backends=by)
        known = {name: FederatedBackend(**backend) for name, backend in backends.items()}
        await fill(store, *(make_collection(id_) for id_ in entries))
        federation = Federation(own, Portfolio(known, entries))
        try:
            yield FederatedFinder(store, federation, token_key(own)), federation
        finally:
            await federation.close()

    return open_
