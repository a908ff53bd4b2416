"""Documents and files from servers: tried again while a server is busy, and bounded in size."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx
import orjson

from geoscope import __version__
from geoscope.errors import InvalidInputError, TooLargeError, UnavailableError

MAX_DOCUMENT_BYTES = 64 * 1024**2
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
MAX_REDIRECTS = 5

# 0.5 + 1 + 2 + 4 + 8 s, each made up to half as long again by chance so that many do not come back at once.
TRIES = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 120.0

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_GO_ON = "The same load goes on when it is run again."


@dataclass(frozen=True)
class Request:
    """What is asked of a server; `body` is JSON."""

    url: str
    method: str = "GET"
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What a server said: `url` is where it came from, after redirects."""

    url: str
    body: bytes

    def document(self) -> dict[str, Any]:
        """Return the JSON object that it is.

        Raises
        ------
        InvalidInputError
            If it is something else.
        """
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise InvalidInputError(f"{shown(self.url)} is not JSON: {error}.") from error
        if not isinstance(document, dict):
            raise InvalidInputError(f"{shown(self.url)} is not a JSON object.")
        return document


class Fetcher:
    """Asks servers.

    Parameters
    ----------
    client : httpx.AsyncClient
        Its transport decides which hosts may be reached.
    origin : str
        Address of a server that wants credentials.
    authorization : str or None
        The header of that name, sent to the server of `origin` alone.
    """

    def __init__(self, client: httpx.AsyncClient, origin: str, authorization: str | None = None) -> None:
        self._client = client
        self._origin = _origin(origin)
        self._credentials = {"Authorization": authorization} if authorization else {}

    async def get(self, url: str) -> Answer:
        """Ask for a document; errors as of `ask`."""
        return await self.ask(Request(url))

    async def ask(self, request: Request) -> Answer:
        """Ask a server, several times if it is busy or does not answer.

        Raises
        ------
        InvalidInputError
            If the server refuses the request, or it must not be sent there.
        TooLargeError
            If the answer is larger than `MAX_DOCUMENT_BYTES`.
        UnavailableError
            If the server cannot be reached, or stays busy.
        """
        return await _persist(partial(self._ask_once, request))

    async def download(self, url: str, path: Path, max_bytes: int | None) -> None:
        """Store a file; a server that breaks off in the middle is asked for the rest. Errors as of `ask`."""
        state: dict[str, str] = {}
        await _persist(partial(self._download_once, url, anyio.Path(path), max_bytes, state))

    async def _ask_once(self, request: Request) -> Answer:
        response = await self._send(request, {})
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise TooLargeError(f"{shown(request.url)} is larger than {MAX_DOCUMENT_BYTES} bytes.")
        finally:
            await response.aclose()
        return Answer(str(response.url), bytes(body))

    async def _download_once(
        self, url: str, path: anyio.Path, max_bytes: int | None, state: dict[str, str]
    ) -> None:
        """Store a file, or go on where an earlier try has stopped if the file is certainly the same."""
        stored = (await path.stat()).st_size if state else 0
        goes_on = bool(stored and state.get("ETag"))
        headers = {"Range": f"bytes={stored}-", "If-Range": state["ETag"]} if goes_on else {}
        response = await self._send(Request(url), {"Accept-Encoding": "identity", **headers})
        try:
            entity_tag = response.headers.get("ETag", "")
            state["ETag"] = "" if entity_tag.startswith("W/") else entity_tag
            async with await anyio.open_file(path, "ab" if response.status_code == 206 else "wb") as file:
                async for piece in response.aiter_bytes():
                    await file.write(piece)
                    if max_bytes is not None and await file.tell() > max_bytes:
                        raise TooLargeError(f"{shown(url)} is larger than {max_bytes} bytes.")
        finally:
            await response.aclose()

    async def _send(self, request: Request, headers: Mapping[str, str]) -> httpx.Response:
        if urlsplit(request.url).scheme not in ("http", "https"):
            raise InvalidInputError(f"{shown(request.url)} is not fetched.", "Expected http or https.")
        credentials = self._credentials if _origin(request.url) == self._origin else {}
        try:
            asked = self._client.build_request(
                request.method, request.url, json=request.body, headers={**credentials, **headers}
            )
            response = await self._client.send(asked, stream=True, follow_redirects=True)
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise InvalidInputError(f"{shown(request.url)} cannot be followed: {error}") from error
        if response.is_success:
            return response
        await response.aclose()
        if response.status_code in _BUSY:
            raise _BusyError(
                f"{shown(request.url)} answers {response.status_code}.", _retry_after_s(response)
            )
        raise InvalidInputError(f"{shown(request.url)} answers {response.status_code}.")


def open_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client; its transport reaches any host unless another is given."""
    return httpx.AsyncClient(
        transport=transport,
        timeout=TIMEOUT,
        max_redirects=MAX_REDIRECTS,
        headers={"User-Agent": f"geoscope/{__version__}"},
        trust_env=transport is None,
    )


def shown(url: str) -> str:
    """Return an address without what may be secret in it: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _BusyError(UnavailableError):
    """A server asks for patience; it may say for how long."""

    def __init__(self, problem: str, wait_s: float | None) -> None:
        super().__init__(problem, _GO_ON)
        self.wait_s = wait_s


async def _persist[Result](work: Callable[[], Awaitable[Result]]) -> Result:
    """Do it again while servers are busy, silent or break off."""
    pause_s = FIRST_PAUSE_S
    for _ in range(TRIES - 1):
        wait_s = pause_s * (1 + random.random() / 2)  # noqa: S311 (spreads load, keeps no secret)
        try:
            return await work()
        except _BusyError as error:
            if error.wait_s is not None:
                wait_s = error.wait_s
            if wait_s > LONGEST_PAUSE_S:
                raise
        except (httpx.TransportError, httpx.DecodingError):
            pass
        await anyio.sleep(wait_s)
        pause_s *= 2
    try:
        return await work()
    except (httpx.TransportError, httpx.DecodingError) as error:
        address = shown(str(error.request.url))
        raise UnavailableError(f"{address} does not answer ({type(error).__name__}).", _GO_ON) from error


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read the header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date."""
    sent = response.headers.get("Retry-After", "")
    if sent.isascii() and sent.isdigit():
        return float(sent)
    try:
        when = parsedate_to_datetime(sent)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
