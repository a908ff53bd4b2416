import asyncio

import anyio
import httpx
import orjson
import pytest
from catalogue_documents import make_collection, make_item
from loading_documents import COLLECTION, make_items
from static_server import serve

from geoscope.catalogue.loading import jobs
from geoscope.catalogue.loading.process import LOAD_CATALOGUE
from geoscope.catalogue.loading.public_hosts import PublicHosts
from geoscope.catalogue.models import Reader
from geoscope.catalogue.store import open_store
from geoscope.errors import InvalidInputError
from geoscope.network import PrivateAddressError
from geoscope.settings import current_settings


class PlainJob:
    """A job that keeps nothing; like the durable one it cannot be spoken to inside an event loop."""

    def __init__(self):
        self.steps, self.reports = [], []

    def step(self, title, work):
        self.steps.append(title)
        return orjson.loads(orjson.dumps(work()))

    def report(self, done, total, message):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        self.reports.append((done, total, message))


@pytest.fixture
def run_process(tmp_path, monkeypatch):
    def run(job=None, *, allowed="", **inputs):
        monkeypatch.setenv("GEOSCOPE_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv(
            "GEOSCOPE_CATALOGUE__LOADING__ALLOWED_HOSTS", f'["{allowed}"]' if allowed else "[]"
        )
        current_settings.cache_clear()
        return LOAD_CATALOGUE.run(job or PlainJob(), inputs)

    yield run
    current_settings.cache_clear()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    documents = [make_collection(), *make_items(30), make_item("x", collection="elsewhere")]
    (folder / "items.ndjson").write_bytes(b"\n".join(map(orjson.dumps, documents)))
    return folder


def test_an_operator_loads_from_an_allowed_host(run_process, folder, monkeypatch):
    monkeypatch.setattr(jobs, "REPORTS_EVERY_S", 0.01)
    job = PlainJob()
    with serve(folder) as server:
        done = run_process(job, allowed="127.0.0.1", source=f"{server.address}/items.ndjson?key=secret")
    assert (done["items"], done["collections"], done["refused"]) == (30, 1, 1)
    assert done["problems"][0]["id"] == "x"
    assert job.steps == [f"Load {server.address}/items.ndjson"]
    store = open_store(current_settings())
    assert anyio.run(store.item, COLLECTION, "item-29", Reader(sees_all=True)) is not None
    store.close()


def test_a_job_tells_how_far_it_is(run_process, folder, monkeypatch):
    monkeypatch.setattr(jobs, "REPORTS_EVERY_S", 0.001)
    job = PlainJob()
    with serve(folder) as server:
        run_process(job, allowed="127.0.0.1", source=f"{server.address}/items.ndjson", strict=False)
    assert all(total == 1000 and "items stored" in message for _, total, message in job.reports)


@pytest.mark.parametrize(
    "source",
    [
        "http://example.org/stac",
        "https://127.0.0.1/stac",
        "https://localhost:8080/stac",
        "https://[::1]/stac",
        "https://[::ffff:10.0.0.1]/stac",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/stac",
    ],
)
def test_no_private_host_is_asked(run_process, source):
    with pytest.raises((InvalidInputError, PrivateAddressError), match=r"private network|not asked by http"):
        run_process(source=source)


def test_no_redirect_leads_to_a_private_host(run_process, folder):
    with serve(folder) as server, serve(folder) as other:
        moved = {"Location": other.address.replace("127.0.0.1", "localhost") + "/items.ndjson"}
        server.answers["/items.ndjson"] = [(302, moved, b"")]
        with pytest.raises(InvalidInputError, match="localhost is not asked"):
            run_process(allowed="127.0.0.1", source=f"{server.address}/items.ndjson")
        assert not other.asked


@pytest.mark.parametrize(
    "inputs",
    [
        {"source": "file:///etc/passwd"},
        {"source": "/etc/passwd"},
        {"source": "-"},
        {"source": 3},
        {},
        {"source": "https://example.org", "collections": "a"},
        {"source": "https://example.org", "limit": 0},
        {"source": "https://example.org", "strict": "yes"},
    ],
)
def test_inputs_that_are_not_valid(run_process, inputs):
    with pytest.raises(InvalidInputError):
        run_process(**inputs)


def test_a_name_without_a_host():
    async def ask():
        async with PublicHosts() as transport, httpx.AsyncClient(transport=transport) as client:
            await client.get("https://nowhere.invalid/")

    with pytest.raises(httpx.ConnectError, match=r"nowhere\.invalid"):
        anyio.run(ask)
