"""Which web servers products may be fetched from: those that the operator names, and never by a detour."""

from urllib.parse import SplitResult, urlsplit

import httpx

from geoscope.errors import GeoscopeError
from geoscope.network import open_transport
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
        transport=open_transport(
            lambda _host: settings.allow_private_addresses,
            "The operator can allow it: setting catalogue.orders.allow_private_addresses.",
        ),
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
