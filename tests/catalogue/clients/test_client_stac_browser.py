"""STAC Browser, unmodified, opens the catalogue in Chromium from another site."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chromium import chromium, new_context

BUILT = Path(__file__).parents[3] / ".tools" / "stac-browser"


@pytest.fixture(scope="module")
def site():
    """Address of a site with STAC Browser."""

    class Site(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, directory=BUILT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(scenes, site):
    """A page in Chromium, which reaches the catalogue and the site and nothing else."""
    allowed = (scenes.removesuffix("/stac"), site, "data:", "blob:")
    with chromium() as browser:
        page = new_context(browser).new_page()
        page.route(lambda url: not url.startswith(allowed), lambda route: route.abort())
        yield page


def test_collections_and_items_are_shown(page, site, scenes):
    answered = []
    page.on("response", lambda answer: answered.append((answer.url, answer.status)))
    page.goto(site)
    page.get_by_role("textbox").fill(scenes)
    page.get_by_role("button", name="Load").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text("Geoscope")
    page.get_by_role("link", name="Scenes").first.click()
    expect(title).to_contain_text("Scenes")
    page.get_by_role("link", name="Scene 23").first.click()
    expect(title).to_contain_text("Scene 23")
    expect(page.get_by_text("sentinel-2a").first).to_be_visible()
    of_catalogue = [(url, status) for url, status in answered if url.startswith(scenes)]
    assert of_catalogue
    assert not [(url, status) for url, status in of_catalogue if status >= 400]
