"""Tokens of pages: where a page ends, written so that it can stand in a URL."""

import base64
import binascii

import orjson

from geoscope.catalogue.models import Position
from geoscope.errors import InvalidInputError


def encode_token(end: Position | str) -> str:
    """Write the end of a page as an opaque token that is safe in a URL."""
    key = list(end) if isinstance(end, Position) else end
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def item_position(token: str, key_count: int) -> Position:
    """Read the token of a page of items that are sorted by `key_count` properties.

    Raises
    ------
    InvalidInputError
        If it is no such token.
    """
    match _decode_token(token):
        case [list(values), str(collection), str(id_)] if len(values) == key_count:
            if all(value is None or isinstance(value, bool | int | float | str) for value in values):
                return Position(tuple(values), collection, id_)
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
