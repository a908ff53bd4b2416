"""A platform without its pages: a real object store and a real catalogue, each a process of its own."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.secrets import ensure_secrets
from geoscope.settings import InternalSettings, Settings
from object_store_server import choose_ports, end, start_object_store


@dataclass
class DirectJob:
    """A job that keeps nothing: it runs each step at once and remembers what it was told."""

    reports: list = field(default_factory=list)
    owner: str = "administrator"

    def step(self, _title, work):
        return work()

    def report(self, done, total, message):
        self.reports.append((done, total, message))


@contextmanager
def running_object_store(folder):
    """Run an object store with every bucket of the platform; give settings that lead to it."""
    ports = choose_ports()
    settings = Settings(
        data_dir=folder,
        internal=InternalSettings(
            object_store_url=f"http://127.0.0.1:{ports['s3']}",
            data_apis_url=f"http://127.0.0.1:{ports['data-apis']}",
        ),
    )
    prepare_data_folder(settings.data_dir)
    ensure_secrets(settings)
    process = start_object_store(settings, ports)
    try:
        yield settings
    finally:
        end(process)


@contextmanager
def running_catalogue(settings):
    """Run the catalogue of these settings."""
    port = settings.internal.data_apis_url.rpartition(":")[2]
    with (settings.data_dir / "logs" / "catalogue.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "--factory", "geoscope.catalogue.api:create_application"),
                *("--port", port, "--log-level", "warning"),
            ],
            env=os.environ | environment_of(settings),
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_well(f"{settings.internal.data_apis_url}/stac")
        yield settings
    finally:
        process.terminate()
        process.wait(timeout=20)


def environment_of(settings):
    """The variables that give a process these settings."""
    return {
        "GEOSCOPE_DATA_DIR": str(settings.data_dir),
        "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": settings.internal.object_store_url,
        "GEOSCOPE_INTERNAL__DATA_APIS_URL": settings.internal.data_apis_url,
    }


def wait_until_well(url, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer within {timeout_s} s")
