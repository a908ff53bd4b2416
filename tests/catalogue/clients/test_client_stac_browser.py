"""STAC Browser, unmodified, opens the catalogue in Chromium from another site."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

BUILT = Path(__file__).parents[3] / ".tools" / "stac-browser"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SLOW_MS = 60_000


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
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(SLOW_MS)
        page.route(lambda url: not url.startswith(allowed), lambda route: route.abort())
        yield page
        browser.close()


def test_collections_and_items_are_shown(page, site, scenes):
    answered = []
    page.on("response", lambda answer: answered.append((answer.url, answer.status)))
    expect.set_options(timeout=SLOW_MS)
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
