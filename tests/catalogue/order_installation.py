"""A catalogue with all that orders need, each a process: object store, data services, job worker."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.objects import open_bucket
from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.secrets import ensure_secrets, read_s3_keys
from geoscope.settings import InternalSettings, Settings
from object_store_server import choose_ports, start_object_store

MAX_PRODUCT_BYTES = 60_000_000


def until(condition, timeout_s=200.0, pause_s=0.05):
    """Return the first truthy answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true within {timeout_s} s"
        time.sleep(pause_s)
    return answer


class Installation:
    """Processes on one data folder."""

    def __init__(self, data_dir: Path, orders: str) -> None:
        ports = choose_ports()
        self.ports = ports
        self.port = ports["data-apis"]
        self.url = f"http://127.0.0.1:{self.port}"
        prepare_data_folder(data_dir)
        (data_dir / "geoscope.toml").write_text(f"[catalogue.orders]\n{orders}")
        self.settings = Settings(
            data_dir=data_dir,
            internal=InternalSettings(
                object_store_url=f"http://127.0.0.1:{ports['s3']}", data_apis_url=self.url
            ),
        )
        ensure_secrets(self.settings)
        self.environment: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        self.start_object_store()
        self.start_services()
        self.start_worker()

    def start_object_store(self) -> None:
        self.processes["object-store"] = start_object_store(self.settings, self.ports)

    def start_services(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "--factory", "order_services:create_application"]
        place = ["--app-dir", str(Path(__file__).parent), "--port", str(self.port)]
        self._run("services", [*command, *place, "--log-level", "warning"])
        until(lambda: self._answers("/stac/health") or self.processes["services"].poll() is not None, 180)
        assert self.processes["services"].poll() is None, self.log("services")

    def start_worker(self) -> None:
        self._run("worker", [sys.executable, str(Path(__file__).parent / "order_worker.py")])

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def bucket(self, name: str, identity: str = "jobs"):
        return open_bucket(self.settings, name, read_s3_keys(self.settings, identity))

    def client(self, subject: str | None = None, *roles: str) -> httpx.Client:
        """Return a client of somebody, or of a stranger."""
        client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        if subject:
            client.headers["Authorization"] = f"Bearer {self.token(subject, *roles)}"
        return client

    def token(self, subject: str, *roles: str) -> str:
        return issue_token(self.settings, subject, frozenset(roles))

    def administrator(self) -> httpx.Client:
        return self.client("root", ADMINISTRATOR)

    def log(self, name: str) -> str:
        return (self.settings.data_dir / "logs" / f"{name}.log").read_text()

    def _run(self, name: str, command: list[str]) -> None:
        given = {
            "GEOSCOPE_DATA_DIR": str(self.settings.data_dir),
            "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": self.settings.internal.object_store_url,
            "GEOSCOPE_INTERNAL__DATA_APIS_URL": self.url,
            "DBOS__VMID": "job-worker-0",
        }
        with (self.settings.data_dir / "logs" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=os.environ | given | self.environment,
                stdout=log,
                stderr=log,
            )

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(self.url + path, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False


def content(name: str, size: int) -> bytes:
    """Return bytes that are the same for the same name, and compress badly."""
    return random.Random(name).randbytes(size)  # noqa: S311 (test data)


class _Handler(BaseHTTPRequestHandler):
    """Serves `/MANNER/SIZE/NAME`: bytes of that size, in a manner that real servers have too."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        origin = self.server.origin
        manner, size, name = self.path.strip("/").split("/", 2)
        body = content(name, int(size))
        origin.asked.append((name, self.headers.get("Range")))
        if manner in origin.special:
            return origin.special[manner](self)
        has_ranges = manner != "no-ranges"
        start = 0
        if has_ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if has_ranges:
            self.send_header("ETag", f'"{name}-{size}"')
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        if manner in ("breaks", "no-ranges") and origin.count(name) == 1:
            self.wfile.write(rest[: len(rest) // 2])
            self.close_connection = True
            return None
        while manner == "held" and not origin.released.wait(0.25):
            self.wfile.write(rest[:1000])
            rest = rest[1000:]
        pause_s = {"slow": 0.1}.get(manner, 0)
        for begin in range(0, len(rest), 250_000):
            self.wfile.write(rest[begin : begin + 250_000])
            time.sleep(pause_s)
        return None

    def log_message(self, *_):
        pass


class Origin:
    """A web server of somebody else, that holds products."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.released = Event()  # until then, products in the manner `held` come drop by drop
        self.special = {
            "refuses": lambda handler: _answer(handler, 404),
            "redirects": lambda handler: _answer(handler, 302, Location="http://169.254.169.254/latest"),
            "endless": _endless,
            "always-busy": lambda handler: _answer(handler, 503),
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.origin = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def count(self, name: str) -> int:
        return sum(1 for asked, _ in self.asked if asked == name)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(handler, status, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _endless(handler):
    """Send without saying how much, and more than anybody wants."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"\0" * 1_000_000)


def offline_item(id_: str, *hrefs: str, **asset) -> dict:
    """Return an item whose data must be ordered."""
    assets = {
        f"data-{number}" if number else "data": {"href": href, "roles": ["data"], **asset}
        for number, href in enumerate(hrefs)
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": id_,
        "geometry": {"type": "Point", "coordinates": [8.6, 49.9]},
        "bbox": [8.6, 49.9, 8.6, 49.9],
        "properties": {"datetime": "2026-05-28T00:00:00Z", "storage:tier": "offline"},
        "assets": assets | {"thumbnail": {"href": "https://example.org/t.png", "roles": ["thumbnail"]}},
        "links": [],
    }
