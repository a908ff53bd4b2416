"""Revisions of documents: entity tags and conditional requests (RFC 9110, sections 8.8 and 13)."""

import hashlib

from geoscope.errors import ConflictError


class PreconditionFailedError(ConflictError):
    """The document is not, or no longer, the one that the client has seen."""

    status = 412
    code = "PreconditionFailed"


def entity_tag(document: bytes) -> str:
    """Return the strong entity tag of a stored document."""
    return f'"{hashlib.blake2b(document, digest_size=16).hexdigest()}"'


def is_known(document: bytes, if_none_match: str | None) -> bool:
    """Tell whether the client holds this revision, by the header `If-None-Match` of its request."""
    return if_none_match is not None and _lists(if_none_match, entity_tag(document))


def require_match(document: bytes, if_match: str | None) -> None:
    """Refuse a change of a document that the client has not seen in this revision, by its header `If-Match`.

    Raises
    ------
    PreconditionFailedError
        If the header names other revisions.
    """
    if if_match is not None and not _lists(if_match, entity_tag(document)):
        raise PreconditionFailedError(
            "It was changed meanwhile.", "Get it again, and repeat the change on that."
        )


def _lists(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header.split(","))
