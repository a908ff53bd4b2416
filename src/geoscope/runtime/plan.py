"""Which parts the platform consists of, as data: the supervisor runs this list, and a cluster can too."""

import os
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path

from geoscope.errors import SetupError
from geoscope.runtime import edge, object_store
from geoscope.runtime.data_folder import socket_folder
from geoscope.runtime.ports import free_port_pair, free_ports
from geoscope.settings import InternalSettings, Settings


@dataclass(frozen=True)
class HttpProbe:
    """A part is ready when this address answers 2xx; `socket` names a Unix socket to ask through."""

    url: str
    socket: Path | None = None


@dataclass(frozen=True)
class FileProbe:
    """A part is ready while this file exists and was touched within `max_age_s` seconds."""

    path: Path
    max_age_s: float


@dataclass(frozen=True)
class ObjectStoreProbe:
    """The object store is ready when it reads and writes: its volume server is known, its buckets are there.

    Its own health check answers earlier. A volume server that calls its master too early tries again after
    five seconds, and every read until then is an error.
    """

    settings: Settings
    master_url: str


@dataclass(frozen=True)
class Part:
    """One process of the platform, and how to tell that it is well."""

    name: str
    title: str
    command: tuple[str, ...]
    probe: HttpProbe | FileProbe | ObjectStoreProbe
    after: tuple[str, ...] = ()
    address: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    start_timeout_s: float = 60.0
    stop_grace_s: float = 10.0


@dataclass(frozen=True)
class Plan:
    """All parts, each after those that it needs."""

    settings: Settings
    parts: tuple[Part, ...]


def program(name: str) -> str:
    """Return the path of a program that a package of ours installs beside Python.

    Raises
    ------
    SetupError
        If the installation is not complete.
    """
    path = Path(sysconfig.get_path("scripts")) / name
    if not os.access(path, os.X_OK):
        raise SetupError(
            f"The program {path} is missing.", "Install Geoscope again: `pip install --force-reinstall`."
        )
    return str(path)


def make_plan(settings: Settings) -> Plan:
    """Choose the ports behind the edge and list the parts.

    Ports are chosen anew at each start: nothing that is kept refers to them.
    """
    ports = _choose_ports(settings)
    settings = settings.model_copy(
        update={
            "internal": InternalSettings(
                portal_url=f"http://127.0.0.1:{ports['portal']}",
                data_apis_url=f"http://127.0.0.1:{ports['data-apis']}",
                object_store_url=f"http://127.0.0.1:{ports['s3']}",
                object_store_filer_url=f"http://127.0.0.1:{ports['filer']}",
            )
        }
    )
    environment = _settings_environment(settings)
    parts = (
        _object_store(settings, ports),
        _data_apis(settings, ports),
        _portal(settings, ports),
        _job_worker(settings),
        _edge(settings),
    )
    return Plan(settings, tuple(replace(part, environment=environment | part.environment) for part in parts))


def _choose_ports(settings: Settings) -> dict[str, int]:
    admin, admin_grpc = free_port_pair(object_store.ADMIN_GRPC_DISTANCE)
    edge_ports = {settings.edge.port, settings.s3_port, settings.edge.https_port, settings.edge.http_port}
    names = ("portal", "data-apis", *object_store.PORTS)
    ports = free_ports(names, avoid=frozenset({admin, admin_grpc} | edge_ports))
    return ports | {"admin": admin, "admin-grpc": admin_grpc}


def _settings_environment(settings: Settings) -> dict[str, str]:
    """Hand the settings to a part, so that every part sees the same tree."""
    edge_settings, internal = settings.edge, settings.internal
    given: dict[str, object] = {
        "GEOSCOPE_DATA_DIR": settings.data_dir,
        "GEOSCOPE_EDGE__HOST": settings.listen_host,
        "GEOSCOPE_EDGE__PORT": edge_settings.port,
        "GEOSCOPE_EDGE__S3_PORT": settings.s3_port,
        "GEOSCOPE_INTERNAL__PORTAL_URL": internal.portal_url,
        "GEOSCOPE_INTERNAL__DATA_APIS_URL": internal.data_apis_url,
        "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": internal.object_store_url,
        "GEOSCOPE_INTERNAL__OBJECT_STORE_FILER_URL": internal.object_store_filer_url,
        "PYTHONUNBUFFERED": "1",
    }
    if edge_settings.public_host:
        given |= {
            "GEOSCOPE_EDGE__PUBLIC_HOST": edge_settings.public_host,
            "GEOSCOPE_EDGE__HTTPS_PORT": edge_settings.https_port,
            "GEOSCOPE_EDGE__HTTP_PORT": edge_settings.http_port,
        }
    return {name: str(value) for name, value in given.items()}


def _object_store(settings: Settings, ports: dict[str, int]) -> Part:
    url = settings.internal.object_store_url
    return Part(
        name="object-store",
        title="Object store (SeaweedFS)",
        command=(program("weed"), *object_store.arguments(settings, ports)),
        environment=object_store.environment(settings),
        probe=ObjectStoreProbe(settings, f"http://127.0.0.1:{ports['master']}"),
        address=url,
    )


def _portal(settings: Settings, ports: dict[str, int]) -> Part:
    url = settings.internal.portal_url
    return Part(
        name="portal",
        title="Portal (Django)",
        command=(
            *(sys.executable, "-m", "geoscope.portal", "serve"),
            *("--bind", f"127.0.0.1:{ports['portal']}"),
        ),
        probe=HttpProbe(f"{url}/health"),
        # It brings its database up to date first.
        start_timeout_s=120.0,
        address=url,
    )


def _data_apis(settings: Settings, ports: dict[str, int]) -> Part:
    internal = settings.internal
    url = internal.data_apis_url
    return Part(
        name="data-apis",
        title="Data services (catalogue, cuts, tiles, jobs)",
        command=(
            *(sys.executable, "-m", "uvicorn", "--factory", "geoscope.runtime.data_apis:create_application"),
            *(
                "--host",
                "127.0.0.1",
                "--port",
                str(ports["data-apis"]),
                "--no-access-log",
                "--log-level",
                "warning",
            ),
            *("--proxy-headers", "--forwarded-allow-ips", "127.0.0.1", "--timeout-graceful-shutdown", "5"),
            *("--timeout-keep-alive", str(internal.KEEP_ALIVE_S)),
        ),
        probe=HttpProbe(f"{url}/stac/health"),
        address=url,
    )


def _job_worker(settings: Settings) -> Part:
    return Part(
        name="job-worker",
        title="Job worker (DBOS)",
        command=(sys.executable, "-m", "geoscope.workflows.worker"),
        # The slot's name, not the process's: a restarted worker takes up the jobs that the killed one held.
        environment={"DBOS__VMID": "job-worker-0"},
        probe=FileProbe(settings.data_dir / "run" / "job-worker.ready", max_age_s=30.0),
        after=("object-store",),
    )


def _edge(settings: Settings) -> Part:
    sockets = socket_folder(settings.data_dir)
    return Part(
        name="edge",
        title="Edge (Caddy)",
        command=(program("caddy"), "run", "--config", str(edge.config_path(settings))),
        environment={
            "XDG_CONFIG_HOME": str(settings.data_dir / "edge"),
            "XDG_DATA_HOME": str(settings.data_dir / "edge"),
        },
        probe=HttpProbe("http://localhost/config/admin", socket=sockets / edge.ADMIN_SOCKET),
        after=("portal", "data-apis", "object-store"),
        address=settings.public_url,
        stop_grace_s=5.0,
    )
