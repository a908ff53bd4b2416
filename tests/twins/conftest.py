import pytest

from twins.twin_store import TwinServer, write_store


@pytest.fixture(scope="session")
def twin_store(tmp_path_factory):
    """Twin data in a folder: the folder, the catalogue's documents, and what is held."""
    folder = tmp_path_factory.mktemp("twins")
    return folder, *write_store(folder)


@pytest.fixture(scope="session")
def held(twin_store):
    return twin_store[2]


@pytest.fixture(scope="module")
def twins(twin_store, tmp_path_factory):
    """The twins service, running."""
    folder, documents, _ = twin_store
    with pytest.MonkeyPatch.context() as monkeypatch:
        server = TwinServer(tmp_path_factory.mktemp("installation"), folder, documents)
        with server.running(monkeypatch):
            yield server
