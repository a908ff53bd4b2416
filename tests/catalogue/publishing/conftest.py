"""A platform without its pages: object store, data services and job worker, each a process of its own."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from published_files import write_cog, write_netcdf, write_zarr

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE, PUBLISHER_ROLE
from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.secrets import ensure_secrets
from geoscope.settings import EdgeSettings, InternalSettings, Settings
from object_store_server import choose_ports, end, start_object_store


def environment_of(settings):
    """The variables that give a process these settings."""
    return {
        "GEOSCOPE_DATA_DIR": str(settings.data_dir),
        "GEOSCOPE_EDGE__S3_PORT": str(settings.edge.s3_port),
        "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": settings.internal.object_store_url,
        "GEOSCOPE_INTERNAL__DATA_APIS_URL": settings.internal.data_apis_url,
        "DBOS__VMID": "job-worker-0",
    }


def until(condition, timeout_s=180.0):
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true within {timeout_s} s"
        time.sleep(0.05)
    return answer


def answers(url):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=5, trust_env=False).is_success


@contextlib.contextmanager
def running_part(settings, name, command):
    with (settings.data_dir / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=os.environ | environment_of(settings), stdout=log, stderr=log)
    yield process
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    process.kill()


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """Settings whose object store runs."""
    ports = choose_ports()
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("publishing"),
        # There is no edge here: the S3 endpoint is the object store's own.
        edge=EdgeSettings(s3_port=ports["s3"]),
        internal=InternalSettings(
            object_store_url=f"http://127.0.0.1:{ports['s3']}",
            data_apis_url=f"http://127.0.0.1:{ports['data-apis']}",
        ),
    )
    prepare_data_folder(settings.data_dir)
    ensure_secrets(settings)
    process = start_object_store(settings, ports)
    yield settings
    end(process)


@pytest.fixture(scope="session")
def served(stored):
    """Settings whose object store, data services and job worker run."""
    url = stored.internal.data_apis_url
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", "--log-level", "warning"]
    place = ["--app-dir", str(Path(__file__).parent), "--port", url.rpartition(":")[2]]
    services = [*uvicorn, "published_services:create_application", *place]
    worker = [sys.executable, "-m", "geoscope.workflows.worker"]
    with running_part(stored, "data-apis", services), running_part(stored, "job-worker", worker):
        until(lambda: answers(f"{url}/stac"))
        until((stored.data_dir / "run" / "job-worker.ready").exists)
        yield stored


class TokenAuth(httpx.Auth):
    """A new token for each request: a test on a busy machine may outlive one."""

    def __init__(self, settings, name, roles):
        self.settings, self.name, self.roles = settings, name, frozenset(roles)

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {issue_token(self.settings, self.name, self.roles)}"
        yield request


@pytest.fixture(scope="session")
def client_of(served):
    """Make HTTP clients of people by their names; of a stranger without one."""
    with contextlib.ExitStack() as stack:

        def make(name=None, *roles):
            auth = TokenAuth(served, name, roles) if name else None
            base = served.internal.data_apis_url
            return stack.enter_context(httpx.Client(base_url=base, auth=auth, timeout=60, trust_env=False))

        yield make


@pytest.fixture(scope="session")
def anna(client_of):
    """An HTTP client of somebody who may publish."""
    return client_of("anna", PUBLISHER_ROLE)


@pytest.fixture(scope="session")
def stranger(client_of):
    return client_of()


@pytest.fixture(scope="session")
def editor(client_of):
    return client_of("edith", EDITOR_ROLE)


@pytest.fixture(scope="session")
def administrator(client_of):
    return client_of("administrator", ADMINISTRATOR)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of one file of each kind but GRIB, that no test changes."""
    place = tmp_path_factory.mktemp("files")
    write_cog(place / "rome_20240301.tif")
    write_netcdf(place / "waves.nc")
    write_zarr(place / "winds.zarr")
    return place
