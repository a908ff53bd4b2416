"""Loads that others ask for reach public hosts alone, and none of the platform's own network."""

from collections.abc import Collection
from types import TracebackType
from typing import Self

import httpx

from geoscope.errors import InvalidInputError
from geoscope.network import open_async_transport


class PublicHosts(httpx.AsyncBaseTransport):
    """A transport to public hosts by HTTPS, and to hosts that the operator allows.

    Parameters
    ----------
    allowed_hosts : collection of str
        Hosts that are reached whatever their address is, also by plain HTTP.
    """

    def __init__(self, allowed_hosts: Collection[str] = ()) -> None:
        self._allowed_hosts = frozenset(allowed_hosts)
        self._transport = open_async_transport(
            self._allowed_hosts.__contains__, "The operator can allow it: catalogue.loading.allowed_hosts."
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises
        ------
        InvalidInputError
            If it must not be sent so.
        PrivateAddressError
            If it must not be sent there.
        """
        host, scheme = request.url.host, request.url.scheme
        if scheme != "https" and host not in self._allowed_hosts:
            raise InvalidInputError(f"{host} is not asked by {scheme}.", "Expected https.")
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
