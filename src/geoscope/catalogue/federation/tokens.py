"""Tokens of pages that several catalogues fill: how far each of them has come, signed.

A client cannot make one: what a token says of a backend is believed.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from geoscope.catalogue.federation.ordering import Values
from geoscope.catalogue.models import Position
from geoscope.errors import InvalidInputError

MAX_TOKEN_CHARACTERS = 16_000

_SIGNATURE_BYTES = 16
_MAX_BYTES = 256 * 1024


type Mode = Literal["", "start", "datetime", "window"]


@dataclass(frozen=True)
class Bookmark:
    """How far a backend's answer was read.

    Parameters
    ----------
    backend : str
        Name of the backend that is asked.
    state : str
        `open` while there may be more, `done` when there is not, `left` when the backend has failed.
    cursor : str or None
        Leads to the page that is being read; None is the first.
    size : int
        How many items a page was asked to have.
    mode : str
        How its items come: sorted by `start` or by `datetime` (see `ordering.sort_values`), or as a `window`
        of them that is sorted here; empty before the first page.
    last : tuple or None
        What the last item that was given out is sorted by.
    last_id : str or None
        Its id, while its page is still being read.
    ties : tuple of str
        Marks of those given out that are sorted by the same, in case a page repeats them.
    pages : int
        How many pages were read.
    """

    backend: str
    state: Literal["open", "done", "left"] = "open"
    cursor: str | None = None
    size: int = 10
    mode: Mode = ""
    last: Values | None = None
    last_id: str | None = None
    ties: tuple[str, ...] = ()
    pages: int = 0


@dataclass(frozen=True)
class Bookmarks:
    """How far a search was read: in the store, and in each federated collection by its id.

    `is_store_done` says that the store has no more; `position` is None before its first item.
    """

    position: Position | None = None
    is_store_done: bool = False
    backends: dict[str, Bookmark] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to read."""
        return self.is_store_done and all(mark.state != "open" for mark in self.backends.values())


def write_token(bookmarks: Bookmarks, search: str, key: bytes) -> str:
    """Write bookmarks as a token that is safe in a URL.

    Parameters
    ----------
    bookmarks : Bookmarks
        How far the search was read.
    search : str
        Fingerprint of the search that the token belongs to.
    key : bytes
        Signs it (HMAC, SHA-256).
    """
    backends = {
        collection: [
            mark.backend,
            mark.state,
            mark.cursor,
            mark.size,
            mark.mode,
            mark.last,
            mark.last_id,
            mark.ties,
            mark.pages,
        ]
        for collection, mark in bookmarks.backends.items()
    }
    body = zlib.compress(
        orjson.dumps([search, bookmarks.position, bookmarks.is_store_done, backends], default=list), 9
    )
    return base64.urlsafe_b64encode(_sign(body, key) + body).rstrip(b"=").decode()


def read_token(token: str, search: str, key: bytes) -> Bookmarks:
    """Read a token of this search.

    Raises
    ------
    InvalidInputError
        If it was not made here, or for another search.
    """
    try:
        signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _bad_token(token) from None
    signature, body = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if len(token) > MAX_TOKEN_CHARACTERS or not hmac.compare_digest(signature, _sign(body, key)):
        raise _bad_token(token)
    of_search, position, is_store_done, backends = orjson.loads(
        zlib.decompressobj().decompress(body, _MAX_BYTES)
    )
    if of_search != search:
        raise InvalidInputError("token: it belongs to another search.", "Follow the link 'next' unchanged.")
    return Bookmarks(
        position and Position(tuple(position[0]), *position[1:]),
        is_store_done,
        {collection: _bookmark(mark) for collection, mark in backends.items()},
    )


def _bookmark(mark: list[Any]) -> Bookmark:
    backend, state, cursor, size, mode, last, last_id, ties, pages = mark
    return Bookmark(backend, state, cursor, size, mode, last and tuple(last), last_id, tuple(ties), pages)


def _sign(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE_BYTES]


def _bad_token(token: str) -> InvalidInputError:
    return InvalidInputError(
        f"token: {token[:80]!r} was not made by this catalogue.", "Follow the link 'next' of the page before."
    )
