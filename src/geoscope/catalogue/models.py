"""What the catalogue speaks of: searches, the pages that answer them, and the place where a page ends."""

import base64
import binascii
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from geoscope.catalogue.areas import Area, Box, Footprint
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import Filter
from geoscope.errors import InvalidInputError


class Position(NamedTuple):
    """Where a page of items ends. Items come newest start first, then by collection, then by id."""

    start_us: int
    collection: str
    id: str


@dataclass(frozen=True)
class ItemSearch:
    """A search for items; what is None or empty does not narrow it.

    Parameters
    ----------
    limit : int
        Largest number of items of a page.
    ids, collections : tuple of str or None
        The item is one of these, in one of these collections.
    area : Area or None
        The item's geometry has a point in common with it; an item without geometry never matches.
    time : Interval or None
        The item's time has an instant in common with it.
    phrases : tuple of str
        The item, or its collection, holds at least one of these phrases.
    filter : Filter or None
        The item's document meets it.
    after : Position or None
        Where the page before this one ended.
    """

    limit: int
    ids: tuple[str, ...] | None = None
    collections: tuple[str, ...] | None = None
    area: Area | None = None
    time: Interval | None = None
    phrases: tuple[str, ...] = ()
    filter: Filter | None = None
    after: Position | None = None


@dataclass(frozen=True)
class CollectionSearch:
    """A search for collections, in order of id; fields as in `ItemSearch`, held against the extent."""

    limit: int
    area: Area | None = None
    time: Interval | None = None
    phrases: tuple[str, ...] = ()
    after: str | None = None


class FoundItem(NamedTuple):
    """An item as a page holds it: its document is stored bytes, never parsed."""

    collection: str
    id: str
    document: bytes


class FoundCollection(NamedTuple):
    """A collection as a page holds it."""

    id: str
    document: bytes


@dataclass(frozen=True)
class ItemPage:
    """A page of items.

    `matched` counts all that the search finds, or is None where that would cost too much; `end` is None on
    the last page.
    """

    items: list[FoundItem]
    matched: int | None
    end: Position | None


@dataclass(frozen=True)
class CollectionPage:
    """A page of collections; `end` is None on the last."""

    collections: list[FoundCollection]
    matched: int
    end: str | None


@dataclass(frozen=True)
class ItemRecord:
    """An item as a store keeps it: the document, and what it can be found by."""

    collection: str
    id: str
    time: Interval
    footprint: Footprint | None
    text: str
    document: bytes


@dataclass(frozen=True)
class CollectionRecord:
    """A collection as a store keeps it; `box` is its whole extent."""

    id: str
    title: str
    time: Interval
    box: Box
    text: str
    document: bytes


def encode_token(end: Position | str) -> str:
    """Write the end of a page as an opaque token that is safe in a URL."""
    key = list(end) if isinstance(end, Position) else end
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def item_position(token: str) -> Position:
    """Read the token of a page of items.

    Raises
    ------
    InvalidInputError
        If it is no such token.
    """
    match _decode_token(token):
        case [int(start_us), str(collection), str(id_)] if abs(start_us) < 2**62:
            return Position(start_us, collection, id_)
    raise _bad_token(token)


def collection_position(token: str) -> str:
    """Read the token of a page of collections: the id of the last one."""
    match _decode_token(token):
        case str(id_):
            return id_
    raise _bad_token(token)


def _decode_token(token: str) -> object:
    try:
        return orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _bad_token(token) from None


def _bad_token(token: str) -> InvalidInputError:
    return InvalidInputError(
        f"token: {token[:80]!r} was not made by this catalogue.", "Follow the link 'next' of the page before."
    )
