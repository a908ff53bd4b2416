"""The files of an order as streams of bytes, wherever they come from."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from obstore.exceptions import BaseError as ObjectStoreError

from geoscope.catalogue.orders.origins import OriginRefusedError, open_client, require_origin
from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

# Buckets of this platform that local items may point into; never those that belong to persons.
SOURCE_BUCKETS = ("archive", "demo", "public-twins", "twins")

CHUNK_BYTES = 1024**2
MAX_REDIRECTS = 5

# A source that fails is asked again after these times; each byte that comes starts them anew.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_BUSY = (408, 425, 429, 500, 502, 503, 504)


class SourceError(GeoscopeError):
    """A source does not give what it should."""

    status = 502
    code = "SourceFailed"


class SourceChangedError(SourceError):
    """What came so far cannot be continued: the whole must be fetched again."""


class Source(Protocol):
    """A file that is read once, from its first byte to its last."""

    size: int | None

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes; `size` is known by the first of them, if it will ever be.

        Raises
        ------
        SourceError, SourceChangedError
            If it cannot be read to its end.
        OriginRefusedError
            If it lies where nothing may be fetched from.
        UnavailableError
            If the object store does not answer.
        """
        ...


def open_source(href: str, settings: Settings) -> Source:
    """Return what stands at `https://...` or, in this platform's object store, at `s3://bucket/key`."""
    parts = urlsplit(href)
    if parts.scheme == "s3":
        return _ObjectSource(parts.netloc, unquote(parts.path).lstrip("/"), settings)
    return _WebSource(href, settings)


def safe_name(href: str, fallback: str) -> str:
    """Return the file name of an address, in characters that are safe in a header and in an archive."""
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", PurePosixPath(unquote(urlsplit(href).path)).name).lstrip(".")
    return name[-200:] or fallback


class FileSource:
    """A file on this machine's disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size: int | None = path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes."""
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class _ObjectSource:
    def __init__(self, bucket: str, key: str, settings: Settings) -> None:
        self._bucket, self._key, self._settings = bucket, key, settings
        self.size: int | None = None

    def chunks(self) -> Iterator[bytes]:
        if self._bucket not in SOURCE_BUCKETS:
            raise OriginRefusedError(
                f"Products may not be fetched from the bucket {self._bucket!r}.",
                f"They may from {', '.join(SOURCE_BUCKETS)}.",
            )
        try:
            bucket = open_bucket(self._settings, self._bucket, read_s3_keys(self._settings, "jobs"))
            found = bucket.get(self._key)
            self.size = found.meta["size"]
            for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise SourceError(f"There is no object {self._key!r} in the bucket {self._bucket!r}.") from error
        except ObjectStoreError as error:
            raise UnavailableError(f"The object store does not answer as it should: {error}") from error


class _BusyError(Exception):
    """The server answers that it cannot now."""


class _WebSource:
    """A file over HTTP; a connection that breaks is taken up again where it broke."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url, self._settings = url, settings.catalogue.orders
        self._host = urlsplit(url).hostname
        self._position = 0
        self._validator: str | None = None
        self.size: int | None = None

    def chunks(self) -> Iterator[bytes]:
        failures = 0
        with open_client(self._settings) as client:
            while True:
                before = self._position
                try:
                    yield from self._go_on(client)
                except (httpx.TransportError, _BusyError) as error:
                    failures = 1 if self._position > before else failures + 1
                    if failures > len(PAUSES_S):
                        raise SourceError(
                            f"The source {self._host} failed {failures} times in a row, "
                            f"after {self._position} bytes ({type(error).__name__.strip('_')})."
                        ) from error
                    time.sleep(PAUSES_S[failures - 1])
                else:
                    return

    def _go_on(self, client: httpx.Client) -> Iterator[bytes]:
        """Yield what is missing, as far as the connection carries."""
        headers = {}
        if self._position:
            if self._validator is None:
                raise SourceChangedError(
                    f"The source {self._host} broke off, and cannot tell whether it is still the same."
                )
            headers = {"Range": f"bytes={self._position}-", "If-Range": self._validator}
        with closing(self._ask(client, headers)) as response:
            self._check(response)
            for chunk in response.iter_raw(CHUNK_BYTES):
                self._position += len(chunk)
                yield chunk

    def _ask(self, client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
        url = self._url
        for _ in range(MAX_REDIRECTS + 1):
            require_origin(url, self._settings)
            response = client.send(client.build_request("GET", url, headers=headers), stream=True)
            if not response.has_redirect_location:
                return response
            response.close()
            url = urljoin(url, response.headers["Location"])
        raise SourceError(f"The source {self._host} redirects too often.")

    def _check(self, response: httpx.Response) -> None:
        if response.status_code in _BUSY:
            raise _BusyError
        if response.status_code not in (200, 206):
            raise SourceError(f"The source {self._host} answers with status {response.status_code}.")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise SourceError(f"The source {self._host} sends the file encoded, which was not asked for.")
        if not self._position:
            tag = response.headers.get("ETag", "")
            self._validator = tag if tag.startswith('"') else response.headers.get("Last-Modified")
            length = response.headers.get("Content-Length", "")
            self.size = int(length) if length.isdecimal() else None
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {self._position}-"):
            raise SourceChangedError(f"The source {self._host} broke off, and cannot go on where it did.")
