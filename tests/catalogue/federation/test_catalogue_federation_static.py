"""A catalogue of plain STAC files on a web server, searched as if it could search."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from catalogue_documents import make_collection, make_item

from geoscope.catalogue.areas import Box, area_of_box
from geoscope.catalogue.models import ItemSearch

pytestmark = pytest.mark.anyio


class Handler(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def files(tmp_path):
    """A folder with a catalogue of one collection with twelve items, and its address."""
    folder = tmp_path / "files"
    (folder / "snow" / "items").mkdir(parents=True)
    write(
        folder / "catalog.json",
        {"type": "Catalog", "id": "c", "links": [link("child", "./snow/collection.json")]},
    )
    links = [link("item", f"./items/{n}.json") for n in range(1, 13)]
    links += [link("item", "./items/missing.json"), link("child", "../catalog.json")]
    links += [link("item", "http://169.254.169.254/latest/meta-data"), link("item", "file:///etc/passwd")]
    write(folder / "snow" / "collection.json", make_collection("snow") | {"links": links})
    for n in range(1, 13):
        item = make_item(f"s{n}", (n, 40.0, n + 0.5, 41.0), f"2026-03-{n:02d}T00:00:00Z", collection="snow")
        item["assets"] = {"data": {"href": f"./data-{n}.tif"}}
        write(folder / "snow" / "items" / f"{n}.json", item)
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def write(path, document):
    path.write_text(json.dumps(document))


def link(rel, href):
    return {"rel": rel, "href": href}


async def test_its_items_are_found_sorted_and_paged(files, federated):
    _, address = files
    backends = {"files": {"kind": "static", "url": f"{address}/catalog.json"}}
    async with federated(backends, [("winter", ("files", "snow"))]) as (finder, _):
        found, token = [], None
        while True:
            page = await finder.find_items(ItemSearch(5, collections=("winter",)), token)
            found.append([item.id for item in page.items])
            token = page.token
            if token is None:
                break
        assert found == [["s12", "s11", "s10", "s9", "s8"], ["s7", "s6", "s5", "s4", "s3"], ["s2", "s1"]]
        asked = len(Handler.asked)
        area = area_of_box(Box(3.2, 40, 4.2, 41))
        page = await finder.find_items(ItemSearch(5, collections=("winter",), area=area))
        assert [item.id for item in page.items] == ["s4", "s3"]
        assert page.matched == 2
        item = await finder.item("winter", "s7")
        assert f"{address}/snow/items/data-7.tif".encode() in item.document
        # Each file was read once.
        assert len(Handler.asked) == asked == 15
        assert page.reports[0].message == "1 of its files cannot be read."


async def test_a_catalogue_that_is_away_costs_only_its_own_items(federated):
    backends = {"files": {"kind": "static", "url": "http://127.0.0.1:9/catalog.json"}}
    async with federated(backends, [("winter", ("files", "snow"))]) as (finder, _):
        page = await finder.find_items(ItemSearch(5, collections=("winter",)))
        assert page.items == []
        assert page.reports[0].state == "failed"
