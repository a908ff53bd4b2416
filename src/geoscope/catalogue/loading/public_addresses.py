"""Requests that others ask for reach public addresses alone, and none of the platform's own network."""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from types import TracebackType
from typing import Self

import httpx

from geoscope.errors import InvalidInputError, UnavailableError

# RFC 6052: an IPv4 address of whatever kind stands in the last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class PublicAddresses(httpx.AsyncBaseTransport):
    """A transport to public hosts by HTTPS, and to hosts that the operator allows.

    A name is resolved once, and what was looked at is what is connected to. Each redirect comes by here too.

    Parameters
    ----------
    allowed_hosts : collection of str
        Hosts that are reached whatever their address is, also by plain HTTP.
    """

    def __init__(self, allowed_hosts: Collection[str] = ()) -> None:
        self._allowed_hosts = frozenset(allowed_hosts)
        self._transport = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises
        ------
        InvalidInputError
            If it must not be sent there.
        UnavailableError
            If there is no host of that name.
        """
        host = request.url.host
        if host not in self._allowed_hosts:
            if request.url.scheme != "https":
                raise InvalidInputError(f"{host} is not asked by {request.url.scheme}.", "Expected https.")
            address = await _public_address(host, request.url.port or 443)
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=address)
        return await self._transport.handle_async_request(request)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)


async def _public_address(host: str, port: int) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(f"The host {host} is not found.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not all(is_public(address) for address in addresses):
        raise InvalidInputError(
            f"{host} is no public host.", "The operator can allow it: catalogue.loading.allowed_hosts."
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, and not to a network of one's own."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if parsed in _NAT64 or parsed.teredo is not None:
            return False
    return parsed.is_global and not parsed.is_multicast
