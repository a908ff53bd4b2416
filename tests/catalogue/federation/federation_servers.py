"""Real servers that the federation's tests start: other catalogues, well-behaved ones and hostile ones."""

import contextlib
import json
import socket
import threading
import time

import uvicorn

from geoscope.catalogue.api import create_application
from geoscope.catalogue.finding import StoreFinder
from geoscope.catalogue.models import Reader
from geoscope.catalogue.records import collection_record, item_record
from geoscope.catalogue.store.sqlite import SqliteStore

EVERYBODY = Reader(sees_all=True)


@contextlib.contextmanager
def serve(application):
    """Serve an ASGI application on a free port, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@contextlib.contextmanager
def serve_catalogue(path):
    """Serve another catalogue of this platform, with a store of its own; give its STAC API and its store."""
    store = SqliteStore(path)
    application = create_application()
    application.state.store = store
    application.state.finder = StoreFinder(store)
    with serve(application) as address:
        yield f"{address}/stac", store
    store.close()


async def fill(store, *collections, items=()):
    """Put collections, and items that say theirs, into a store."""
    records = [item_record(item, item["collection"]) for item in items]

    def write(transaction):
        for collection in collections:
            transaction.put_collection(collection_record(collection))
        for record in records:
            transaction.put_item(record)

    await store.change(write)


class Misbehaving:
    """A STAC API that does, for each search, what it was told last; it counts how often it is asked.

    `behaviour` takes the number of the search and the body, and returns what `respond` understands.
    """

    def __init__(self, conforms=("https://api.stacspec.org/v1.0.0/item-search#sort",)):
        self.conforms = conforms
        self.behaviour = None
        self.bodies = []
        self.headers = []
        self.address = ""

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["path"].endswith("/search"):
            self.bodies.append(json.loads(body or b"{}"))
            self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await self.behaviour(len(self.bodies), self.bodies[-1], send)
        else:
            search = {"rel": "search", "href": "/search", "method": "POST"}
            await answer(send, {"conformsTo": list(self.conforms), "links": [search]})


async def answer(send, document, status=200, headers=()):
    """Answer with JSON, or with bytes as they are."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": content})


def features(items, next_body=None):
    """Return a page of items as a FeatureCollection, with a link to the next if there is one."""
    links = []
    if next_body is not None:
        links = [{"rel": "next", "href": "/search", "method": "POST", "body": next_body}]
    return {"type": "FeatureCollection", "features": items, "links": links}
