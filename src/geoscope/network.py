"""HTTP to servers that others name: never into a private network, unless the operator allows it.

A name is resolved once, and the very addresses that were looked at are connected to, so that a name server
cannot answer something else in between (DNS rebinding). Each redirect is a connection, so it comes by here.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import anyio
import httpcore
import httpx

from geoscope.errors import GeoscopeError

MAX_CONNECTIONS = 8

# RFC 6052: an IPv4 address of whatever kind stands in the last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

type MayBePrivate = Callable[[str], bool]


class PrivateAddressError(GeoscopeError):
    """A name leads into a private network."""

    status = 422
    code = "PrivateAddress"


@lru_cache(maxsize=1)
def ssl_context() -> ssl.SSLContext:
    """Return one context for all servers: each takes a twentieth of a second to make."""
    return ssl.create_default_context()


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, and not to a network of one's own.

    Raises
    ------
    ValueError
        If it is no IP address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if parsed in _NAT64 or parsed.teredo is not None:
            return False
    return parsed.is_global and not parsed.is_multicast


def open_transport(may_be_private: MayBePrivate, remedy: str = "") -> httpx.HTTPTransport:
    """Return a transport for `httpx.Client`.

    Parameters
    ----------
    may_be_private : callable
        Tells of a host whether it may lead into a private network.
    remedy : str
        What a `PrivateAddressError` advises.
    """
    transport = httpx.HTTPTransport(verify=ssl_context(), trust_env=False)
    # httpx offers no other way to say how its pool connects.
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001
        ssl_context=ssl_context(),
        max_connections=MAX_CONNECTIONS,
        network_backend=_Connections(may_be_private, remedy),
    )
    return transport


def open_async_transport(may_be_private: MayBePrivate, remedy: str = "") -> httpx.AsyncHTTPTransport:
    """Return a transport for `httpx.AsyncClient`; as `open_transport`."""
    transport = httpx.AsyncHTTPTransport(verify=ssl_context(), trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(  # noqa: SLF001
        ssl_context=ssl_context(),
        max_connections=MAX_CONNECTIONS,
        network_backend=_AsyncConnections(may_be_private, remedy),
    )
    return transport


class _Connections(httpcore.SyncBackend):
    def __init__(self, may_be_private: MayBePrivate, remedy: str) -> None:
        self._may_be_private, self._remedy = may_be_private, remedy

    def connect_tcp(self, host: str, port: int, *arguments: Any, **options: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        failure: Exception | None = None
        for address in _checked(host, found, self._may_be_private, self._remedy):
            try:
                return super().connect_tcp(address, port, *arguments, **options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


class _AsyncConnections(httpcore.AnyIOBackend):
    def __init__(self, may_be_private: MayBePrivate, remedy: str) -> None:
        self._may_be_private, self._remedy = may_be_private, remedy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        *arguments: Any,  # noqa: ANN401 (handed on)
        **options: Any,  # noqa: ANN401
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        failure: Exception | None = None
        for address in _checked(host, found, self._may_be_private, self._remedy):
            try:
                return await super().connect_tcp(address, port, *arguments, **options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


def _checked(host: str, found: Iterable[Any], may_be_private: MayBePrivate, remedy: str) -> list[str]:
    addresses = [str(entry[4][0]) for entry in found]
    if not may_be_private(host) and not all(map(is_public, addresses)):
        raise PrivateAddressError(f"{host} is in a private network.", remedy)
    return addresses
