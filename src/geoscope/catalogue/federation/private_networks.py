"""Which addresses lie in a private network, where a stranger's server may lead nobody."""

import re
import socket
from collections.abc import Iterable
from typing import Any
from urllib.request import getproxies

from geoscope.network import is_public

_HOST_OF_ADDRESS = re.compile(r"[a-z0-9+]+://(?:[^/@\s]*@)?(\[[0-9a-f:]+\]|[^/:?#\s{}]+)", re.IGNORECASE)


def is_written_private(host: str | None) -> bool:
    """Tell whether a host is private by how it is written: as an address, or as `localhost`."""
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return host is not None
    try:
        return not is_public(host)
    except ValueError:
        return False


def hosts_in(text: str) -> set[str]:
    """Return the hosts of all addresses that stand in a text."""
    return {host.strip("[]").lower() for host in _HOST_OF_ADDRESS.findall(text)}


class NameGuard:
    """Lets this process find no private address, except those of hosts that the operator has written.

    It takes the place of the standard library's `socket.getaddrinfo`, by which every client finds a server.
    """

    def __init__(self) -> None:
        self._find = socket.getaddrinfo
        self._allowed = hosts_in(" ".join(getproxies().values()))

    def allow(self, hosts: Iterable[str]) -> None:
        """Allow hosts to be private."""
        self._allowed |= set(hosts)

    def install(self) -> None:
        """Take the place of the standard library's function, in the whole process."""
        socket.getaddrinfo = self._find_public

    def _find_public(self, host: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 (as of the library)
        found = self._find(host, *arguments, **options)
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.lower() not in self._allowed and not all(is_public(str(each[4][0])) for each in found):
            raise socket.gaierror(socket.EAI_FAIL, f"{name} lies in a private network")
        return found
