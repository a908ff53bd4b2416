"""Datasets of other providers, before real servers: one that answers, one that hangs."""

import functools
import json
import socket
import threading
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from geoscope.portal.explorer import federation

PORTFOLIO = """\
[backends.partner]
kind = "static"
title = "Partner archive"
url = "{partner}/catalog.json"
private_network = true

[backends.hung]
kind = "stac"
title = "Hung archive"
url = "{hung}/stac"
private_network = true

[[collections]]
id = "EO.PARTNER.DAT.SCENES"
title = "Scenes at the partner's"
provider = "Partner institute"
backends = [{{name = "partner", collection = "scenes"}}]

[[collections]]
id = "EO.HUNG.DAT.SCENES"
title = "Scenes that do not come"
provider = "Partner institute"
orderable = true
backends = [{{name = "hung", collection = "scenes"}}]
"""


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


def write_catalogue(folder):
    """Write a static catalogue of one collection with three items."""
    scenes = [
        {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": f"scene-{number}",
            "collection": "scenes",
            "geometry": {"type": "Point", "coordinates": [number, 45]},
            "bbox": [number, 45, number, 45],
            "links": [],
            "assets": {},
            "properties": {"datetime": f"2024-0{number}-01T00:00:00Z", "title": f"Far scene {number}"},
        }
        for number in (1, 2, 3)
    ]
    collection = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "scenes",
        "description": "Scenes.",
        "license": "other",
        "links": [{"rel": "item", "href": f"./{scene['id']}.json"} for scene in scenes],
        "extent": {"spatial": {"bbox": [[0, 0, 60, 60]]}, "temporal": {"interval": [[None, None]]}},
    }
    root = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "root",
        "description": "A static catalogue.",
        "links": [{"rel": "child", "href": "./scenes.json"}],
    }
    documents = {"catalog": root, "scenes": collection} | {scene["id"]: scene for scene in scenes}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def partner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partner")
    write_catalogue(folder)
    handler = functools.partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def hung():
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="module")
def more_settings():
    return {"GEOSCOPE_CATALOGUE__FEDERATION__DEADLINE_S": "1"}


@pytest.fixture(scope="module")
def _portfolio(settings, partner, hung):
    """The portfolio, before the data services start."""
    file = settings.data_dir / "portfolio" / "own.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(PORTFOLIO.format(partner=partner, hung=hung))
    yield
    file.unlink()


@pytest.fixture(autouse=True)
def _titles_are_asked_anew():
    federation._titles.cache_clear()
    yield
    federation._titles.cache_clear()


def words_of(answer):
    assert answer.status_code == 200
    return unescape(answer.content.decode())


@pytest.mark.usefixtures("_portfolio", "data_half")
class TestPages:
    def test_page_comes_at_once_and_asks_for_its_results(self, browser):
        page = words_of(browser.get("/explore/products", {"collection": "EO.PARTNER.DAT.SCENES"}))
        assert 'hx-get="/explore/products?collection=EO.PARTNER.DAT.SCENES"' in page
        assert 'hx-trigger="load"' in page
        assert "Asking Partner archive" in page
        assert "Far scene" not in page

    def test_reader_without_script_is_sent_to_the_page_with_results(self, browser):
        page = words_of(browser.get("/explore/products", {"collection": "EO.PARTNER.DAT.SCENES"}))
        address = "/explore/products?collection=EO.PARTNER.DAT.SCENES&wait=1"
        assert f'<noscript><meta http-equiv="refresh" content="0; url={address}">' in page
        assert "Far scene 3" in words_of(browser.get(address))

    def test_products_of_others_say_who_serves_them(self, browser):
        asked = {"collection": "EO.PARTNER.DAT.SCENES", "start": "2024-02-01"}
        results = words_of(browser.get("/explore/products", asked, headers={"HX-Request": "true"}))
        assert "Far scene 3" in results
        assert "Far scene 1" not in results
        assert "from Partner archive" in results

    def test_product_of_others_has_a_page(self, browser):
        page = words_of(browser.get("/explore/collections/EO.PARTNER.DAT.SCENES/items/scene-2"))
        assert "Far scene 2" in page
        assert "Partner archive" in page

    def test_provider_that_hangs_is_named_and_costs_a_second(self, browser):
        asked = {"collection": "EO.HUNG.DAT.SCENES"}
        results = words_of(browser.get("/explore/products", asked, headers={"HX-Request": "true"}))
        assert "Hung archive did not answer in time" in results
        assert "This dataset holds no products yet" not in results

    def test_dataset_of_others_says_how_to_get_its_products(self, browser):
        page = words_of(browser.get("/explore/collections/EO.HUNG.DAT.SCENES"))
        assert "served by Hung archive" in page
        assert "They are made when you order them." in page
        assert 'name="collection" value="EO.HUNG.DAT.SCENES"' in page

    def test_status_page_tells_of_services_and_providers(self, browser):
        browser.get("/explore/products", {"collection": "EO.PARTNER.DAT.SCENES", "wait": "1"})
        page = words_of(browser.get("/status"))
        for words in ("Catalogue", "Workflows", "Partner archive", "Hung archive", "answers"):
            assert words in page
        assert "<html" not in words_of(browser.get("/status", headers={"HX-Request": "true"}))


def test_backend_without_title_keeps_its_name(settings):
    assert federation.title_of_backend("far-away") == "far-away"
    assert federation.title_of_backend("geoscope") == settings.site_name
