"""The host names of Destination Earth lead to a real edge here, with certificates of its own authority."""

import contextlib
import os
import socket
import subprocess
import sysconfig
import time
from pathlib import Path

import httpx
import pytest
from live_portal import LivePortal

from geoscope.manifests import core_manifests
from geoscope.runtime import edge
from geoscope.runtime.edge_destination_earth import HOSTS
from geoscope.runtime.ports import free_ports
from geoscope.settings import EdgeSettings, IdentitySettings, InternalSettings


class DestinationEarth:
    """A portal behind an edge that answers to the hosts of Destination Earth."""

    def __init__(self, data_dir: Path) -> None:
        ports = free_ports(("edge", "s3", "https", "nothing"))
        self.https_port = ports["https"]
        self.portal = LivePortal(
            data_dir,
            GEOSCOPE_IDENTITY__DESTINATION_EARTH_HOSTS="true",
            public_port=ports["edge"],
        )
        nothing = f"http://127.0.0.1:{ports['nothing']}"
        self.settings = self.portal.settings.model_copy(
            update={
                "edge": EdgeSettings(port=ports["edge"], s3_port=ports["s3"], https_port=ports["https"]),
                # No data services here; what eodag follows a redirect to only has to answer.
                "internal": InternalSettings(
                    portal_url=self.portal.url, data_apis_url=self.portal.url, object_store_url=nothing
                ),
                "identity": IdentitySettings(destination_earth_hosts=True),
            }
        )
        edge.write_config(self.settings, core_manifests())
        caddy = Path(sysconfig.get_path("scripts")) / "caddy"
        folder = str(data_dir / "edge")
        with (data_dir / "logs" / "edge.log").open("wb") as log:
            self.process = subprocess.Popen(
                [caddy, "run", "--config", edge.config_path(self.settings)],
                env=os.environ | {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder},
                stdout=log,
                stderr=log,
            )
        self.authority = data_dir / "edge" / "pki" / "authorities" / "local" / "root.crt"
        self.url = f"http://127.0.0.1:{ports['edge']}"
        deadline = time.monotonic() + 60
        while not (self.authority.exists() and self._answers()):
            assert time.monotonic() < deadline, (data_dir / "logs" / "edge.log").read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=5).is_success
        return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        self.portal.stop()

    @contextlib.contextmanager
    def reached(self):
        """Let names of Destination Earth resolve to this machine, and its authority be trusted."""
        real = socket.getaddrinfo

        def resolve(host, port, *args, **kwargs):
            name = host.decode() if isinstance(host, bytes) else host
            if name in HOSTS:
                assert int(port) == 443
                return real("127.0.0.1", self.https_port, *args, **kwargs)
            return real(host, port, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", resolve)
            patch.setenv("REQUESTS_CA_BUNDLE", str(self.authority))
            patch.setenv("SSL_CERT_FILE", str(self.authority))
            for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy"):
                patch.delenv(name, raising=False)
            yield
