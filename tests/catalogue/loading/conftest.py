import subprocess
import sys

import anyio
import orjson
import pytest

from geoscope.catalogue.loading.loader import LoadOptions, load
from geoscope.catalogue.loading.opening import SourceOptions, open_source
from geoscope.catalogue.models import ItemSearch, Reader


@pytest.fixture
def load_into(store, tmp_path):
    """Load a source into the store, as the command line does, and return how it ended."""

    def run(location, *, base_url=None, transport=None, on_progress=lambda _: None, **options):
        options = LoadOptions(folder=tmp_path / "loads", **options)
        how = SourceOptions(
            downloads=options.folder, collections=options.collections, base_url=base_url, transport=transport
        )

        async def run_load():
            async with open_source(str(location), how) as source:
                return await load(store, source, options, on_progress)

        return anyio.run(run_load)

    return run


@pytest.fixture
def stored(store):
    """Return what the store holds: documents of items by collection and id."""

    def read():
        async def run():
            found = {}
            search = ItemSearch(limit=1000, reader=Reader(sees_all=True))
            page = await store.find_items(search)
            while True:
                found |= {(item.collection, item.id): orjson.loads(item.document) for item in page.items}
                if page.end is None:
                    return found
                page = await store.find_items(ItemSearch(limit=1000, after=page.end, reader=search.reader))

        return anyio.run(run)

    return read


@pytest.fixture
def collection_of(store):
    """Return the document of a collection, or None."""

    def read(id_):
        document = anyio.run(store.collection, id_, Reader(sees_all=True))
        return None if document is None else orjson.loads(document)

    return read


@pytest.fixture
def problems():
    """Return the report of a load."""

    def read(progress):
        return [orjson.loads(line) for line in progress.report.read_bytes().splitlines()]

    return read


@pytest.fixture
def write_lines(tmp_path):
    """Write documents as newline-delimited JSON; what is bytes already is written as it is."""

    def write(*documents, name="items.ndjson"):
        path = tmp_path / name
        parts = [part if isinstance(part, bytes) else orjson.dumps(part) for part in documents]
        path.write_bytes(b"\n".join(parts) + b"\n")
        return path

    return write


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def start_load(data_dir):
    """Start the command in a process of its own."""
    started = []

    def start(*arguments, stdin=subprocess.PIPE):
        command = [sys.executable, "-m", "geoscope", "catalogue", "load", "--data-dir", data_dir, *arguments]
        started.append(subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
