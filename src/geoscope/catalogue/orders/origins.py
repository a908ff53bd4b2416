"""Which web servers products may be fetched from: those that the operator names, and never by a detour.

The name is resolved once and the very address that was looked at is connected to, so that a name server
cannot answer something else in between (DNS rebinding). Redirects are looked at like the first address.
"""

import socket
from urllib.parse import SplitResult, urlsplit

import httpx

from geoscope.catalogue.loading.public_addresses import is_public
from geoscope.errors import GeoscopeError
from geoscope.settings import OrderSettings

TIMEOUT = httpx.Timeout(60.0, connect=10.0)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginRefusedError(GeoscopeError):
    """An address is not among those that the operator allows."""

    status = 422
    code = "OriginNotAllowed"


def require_origin(url: str, settings: OrderSettings) -> None:
    """Refuse an address that is not at one of the allowed origins.

    Raises
    ------
    OriginRefusedError
        Naming the origin, and nothing else of the address.
    """
    try:
        sent = urlsplit(url)
        port = sent.port
    except ValueError:
        sent, port = SplitResult("", "", "", "", ""), None
    if sent.username is None and any(_is_at(sent, port, origin) for origin in settings.origins):
        return
    raise OriginRefusedError(
        f"Products may not be fetched from {sent.scheme}://{sent.hostname}.",
        "The operator can allow it: setting catalogue.orders.origins.",
    )


def open_client(settings: OrderSettings) -> httpx.Client:
    """Return a client that connects to public addresses only, unless the operator allows private ones."""
    return httpx.Client(
        transport=_CarefulTransport(allow_private=settings.allow_private_addresses),
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},
    )


def _is_at(sent: SplitResult, port: int | None, origin: str) -> bool:
    allowed = urlsplit(origin)
    host, name = allowed.hostname or "", sent.hostname or ""
    is_host = name.endswith(host[1:]) and name != host[1:] if host.startswith("*.") else name == host
    return (
        is_host
        and sent.scheme == allowed.scheme
        and (port or _DEFAULT_PORTS[sent.scheme]) == (allowed.port or _DEFAULT_PORTS[allowed.scheme])
    )


class _CarefulTransport(httpx.BaseTransport):
    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._transport = httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        try:
            found = socket.getaddrinfo(host, request.url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host}: {error}", request=request) from error
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private and not all(map(is_public, addresses)):
            raise OriginRefusedError(
                f"{host} is in a private network.",
                "The operator can allow it: setting catalogue.orders.allow_private_addresses.",
            )
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=addresses[0])
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()
