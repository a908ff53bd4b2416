"""Asking other servers over HTTP, as if each were hostile.

Only the configured server itself is asked: no link, redirect or token leads anywhere else. Its name may not
lead into a private network unless the operator wrote it so. Size and time of an answer are limited.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio
import httpx
import orjson

from geoscope.catalogue.federation.backends import BackendError, CredentialsNeededError
from geoscope.catalogue.federation.private_networks import is_written_private
from geoscope.network import PrivateAddressError, open_async_transport

CONNECT_TIMEOUT_S = 5.0
MAX_REDIRECTS = 3

_DEFAULT_PORTS = {"http": 80, "https": 443}


class NotFoundHereError(BackendError):
    """The server has nothing at this address."""


class RefusedRequestError(BackendError):
    """The server does not understand the request."""


class Fetcher:
    """Asks one server for JSON.

    Parameters
    ----------
    url : str
        Address of the server; nothing outside of its origin is ever asked.
    headers : mapping
        Sent with each request.
    private_network : bool
        Whether its host name may lead into a private network; an address or `localhost` may in any case, as
        then it was the operator who wrote where it leads.
    max_bytes : int
        Largest answer that is read.
    timeout_s : float
        Longest time for one answer.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        private_network: bool = False,
        max_bytes: int,
        timeout_s: float,
    ) -> None:
        self._origin = _origin(urlsplit(url))
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        may_be_private = private_network or is_written_private(urlsplit(url).hostname)
        self._client = httpx.AsyncClient(
            transport=open_async_transport(lambda _host: may_be_private),
            headers={"Accept": "application/geo+json, application/json", **headers},
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            trust_env=False,
        )

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Return what the server has at an address, as JSON; errors as of `post`.

        Raises
        ------
        NotFoundHereError
            If it has nothing there.
        """
        return await self._ask("GET", url, None, headers)

    async def post(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Send JSON and return the JSON that is answered.

        Raises
        ------
        RefusedRequestError
            If the server answers that the request is wrong.
        CredentialsNeededError
            If it asks for credentials, or for others.
        BackendError
            If there is no answer, or none that can be used.
        """
        return await self._ask("POST", url, orjson.dumps(body), headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None) -> Any:  # noqa: ANN401 (JSON)
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            with anyio.fail_after(self._timeout_s):
                content = await self._read(method, url, body, sent)
        except TimeoutError:
            raise BackendError(f"It did not answer within {self._timeout_s:.0f} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, PrivateAddressError) as error:
            raise BackendError(f"It cannot be reached or breaks off ({type(error).__name__}).") from error
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise BackendError("Its answer is not JSON.") from None

    async def _read(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            self.require_own(url)
            request = self._client.build_request(method, url, content=body, headers=headers)
            response = await self._client.send(request, stream=True)
            try:
                if response.has_redirect_location:
                    url = urljoin(url, response.headers["Location"])
                    continue
                _require_success(response)
                return await self._read_limited(response)
            finally:
                await response.aclose()
        raise BackendError("It redirects too often.")

    async def _read_limited(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._max_bytes:
                raise BackendError(f"Its answer has more than {self._max_bytes} bytes.")
        return bytes(content)

    def require_own(self, url: str) -> None:
        """Refuse an address that is not at the configured server.

        Raises
        ------
        BackendError
            Naming neither the address nor what is in it.
        """
        try:
            is_own = _origin(urlsplit(url)) == self._origin
        except ValueError:
            is_own = False
        if not is_own:
            raise BackendError("It leads to another server, which is not followed.")


def _require_success(response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        raise CredentialsNeededError(f"It asks for credentials, or for others (status {status}).")
    if status in (404, 410):
        raise NotFoundHereError(f"It has nothing there (status {status}).")
    if status in (400, 405, 422):
        raise RefusedRequestError(f"It does not understand the request (status {status}).")
    if not response.is_success:
        raise BackendError(f"It answers with status {status}.")


def _origin(address: SplitResult) -> tuple[str, str, int | None]:
    if address.username is not None or address.scheme not in _DEFAULT_PORTS:
        raise ValueError("not an address of a web server")
    return address.scheme, address.hostname or "", address.port or _DEFAULT_PORTS[address.scheme]
