"""The host names of Destination Earth lead to a real edge here, with certificates of its own authority."""

import contextlib
import socket
from pathlib import Path

import pytest
from live_portal import LivePortal

from geoscope.runtime.edge_destination_earth import HOSTS
from geoscope.runtime.ports import free_ports
from geoscope.settings import EdgeSettings, IdentitySettings, InternalSettings
from real_edge import authority_of, running_edge
from running import answers, until


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
        self.url = f"http://127.0.0.1:{ports['edge']}"
        with contextlib.ExitStack() as started:
            started.callback(self.portal.stop)
            started.enter_context(running_edge(self.settings))
            until(lambda: answers(f"{self.url}/health"), what="the portal behind the edge")
            self._started = started.pop_all()

    def stop(self) -> None:
        self._started.close()

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

        authority = str(authority_of(self.settings.data_dir))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", resolve)
            patch.setenv("REQUESTS_CA_BUNDLE", authority)
            patch.setenv("SSL_CERT_FILE", authority)
            for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy"):
                patch.delenv(name, raising=False)
            yield
