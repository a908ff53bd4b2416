"""A real edge with the platform's own configuration, for tests that bring what lies behind it."""

import contextlib
import os
import socket
import ssl
import subprocess
from pathlib import Path

from geoscope.manifests import core_manifests
from geoscope.runtime import edge
from geoscope.runtime.edge_destination_earth import HOSTS
from geoscope.runtime.plan import program
from running import until


def authority_of(data_dir: Path) -> Path:
    return data_dir / "edge" / "pki" / "authorities" / "local" / "root.crt"


@contextlib.contextmanager
def running_edge(settings):
    """Run an edge that serves, with certificates for all of its names, until the end of the block."""
    edge.write_config(settings, core_manifests())
    folder = str(settings.data_dir / "edge")
    command = [program("caddy"), "run", "--config", edge.config_path(settings)]
    log_file = settings.data_dir / "edge.log"
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            command,
            env=os.environ | {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder},
            stdout=log,
            stderr=log,
        ) as caddy,
    ):
        try:
            until(lambda: _serves(settings, caddy, log_file), what="the edge")
            yield
        finally:
            caddy.terminate()


def _serves(settings, caddy, log_file) -> bool:
    assert caddy.poll() is None, log_file.read_text()
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", settings.edge.port), timeout=5).close()
        if settings.identity.destination_earth_hosts:
            trusting = ssl.create_default_context(cafile=authority_of(settings.data_dir))
            for host in HOSTS:
                _shake_hands(trusting, host, settings.edge.https_port)
        return True
    return False


def _shake_hands(trusting, host, port) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trusting.wrap_socket(plain, server_hostname=host),
    ):
        pass
