"""A small site with the built scripts, under the portal's own security policy, and a browser to visit it."""

import json
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from chromium import chromium, new_context

BUILT = files("geoscope.portal") / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Elements</title><link rel="icon" href="data:,">
<script src="/static/built/theme.js"></script><link rel="stylesheet" href="/static/built/main.css">
<script type="module" src="/static/built/main.js"></script>
<script type="application/json" id="geo-labels">{"zoomIn": "Näher heran"}</script>
</head><body><main>%s</main></body></html>"""
TIMES = ["2006-04-16T00:00:00Z", "2006-05-16T00:00:00Z", "2006-06-16T00:00:00Z"]


class Site:
    """Pages made by a test, and tiles of one colour a time."""

    def __init__(self):
        self.pages = {}
        self.address = ""

    def page(self, body, path="/"):
        self.pages[path] = PAGE % body
        return self.address + path

    def answer(self, target):
        url = urlsplit(target)
        if url.path.startswith("/static/"):
            path = BUILT / url.path.removeprefix("/static/")
            return path.read_bytes(), mimetypes.guess_type(path.name)[0]
        if url.path == "/tilejson.json":
            return json.dumps(self.tilejson()).encode(), "application/json"
        if url.path.startswith("/tile/"):
            time = parse_qs(url.query).get("datetime", [TIMES[-1]])[0]
            return one_colour(60 + 60 * TIMES.index(time)), "image/png"
        return self.pages[url.path].encode(), "text/html; charset=utf-8"

    def tilejson(self):
        return {
            "tilejson": "3.0.0",
            "tiles": [self.address + "/tile/{z}/{x}/{y}.png?variable=sst"],
            "bounds": [-180, -80, 180, 80],
            "attribution": "Met &amp; Office <img src=x onerror=alert(1)>",
            "geoscope:legend": {
                "title": "Sea surface temperature",
                "unit": "K",
                "vmin": 270,
                "vmax": 305,
                "stops": [{"value": 270, "color": "#112244"}, {"value": 305, "color": "#ffee99"}],
            },
            "geoscope:times": TIMES,
            "geoscope:time": TIMES[1],
        }


class Server(ThreadingHTTPServer):
    """Holds as many waiting connections as a browser may open at once; the base class holds five."""

    request_queue_size = 64


def one_colour(red):
    buffer = BytesIO()
    Image.new("RGBA", (256, 256), (red, 90, 120, 255)).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def site():
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                content, media_type = site.answer(self.path)
                status = 200
            except (KeyError, OSError):
                content, media_type, status = b"", "text/plain", 404
            self.send_response(status)
            self.send_header("Content-Type", media_type or "application/octet-stream")
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, site):
    """A page whose console must stay silent: an error or a breach of the policy fails the test.

    It needs the site only to be closed before it: what a page still loads when its server goes is an error.
    """
    context = new_context(browser, reduced_motion="reduce", viewport={"width": 600, "height": 600})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    complaints = []
    page.on(
        "console", lambda message: message.type in ("error", "warning") and complaints.append(message.text)
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    complaints = [text for text in complaints if "GPU stall" not in text]
    assert complaints == []
