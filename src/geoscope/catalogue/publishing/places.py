"""Where published files may be: what a person may publish from, and what may be served in their name."""

import hashlib
import re
from typing import NamedTuple, Self

from geoscope.errors import InvalidInputError, NotAllowedError
from geoscope.objects import PUBLIC_BUCKETS

BUCKET = "collections"
THUMBNAILS = ".thumbnails"

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<key>[^\x00-\x1f]*))?")
_PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_BUCKET_SUBJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,50}[a-z0-9]")


class Place(NamedTuple):
    """A folder or an object of the object store; keys have no slash at either end."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read an `s3://` address.

        Raises
        ------
        InvalidInputError
            If it is none.
        """
        match = _ADDRESS.fullmatch(address)
        key = (match["key"] or "").strip("/") if match else ""
        if match is None or any(part in ("", ".", "..") for part in (key.split("/") if key else [])):
            raise InvalidInputError(
                f"The address {address[:200]!r} cannot be used.",
                "Expected s3://BUCKET or s3://BUCKET/FOLDER.",
            )
        return cls(match["bucket"], key)

    @property
    def address(self) -> str:
        """The `s3://` address."""
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    def below(self, path: str) -> "Place":
        """Return a place inside of this folder."""
        return Place(self.bucket, f"{self.key}/{path}".strip("/"))

    def holds(self, other: "Place") -> bool:
        """Tell whether another place is this one or lies inside of it."""
        inside = not self.key or other.key == self.key or other.key.startswith(self.key + "/")
        return other.bucket == self.bucket and inside


def uploads_of(subject: str, collection: str) -> Place:
    """Return the folder that somebody uploads the files of a collection to."""
    return _uploads(subject).below(collection)


def own_roots(subject: str) -> list[Place]:
    """Return the folders from which somebody may publish: their bucket, their uploads, public buckets."""
    places = [_uploads(subject), *(Place(bucket, "") for bucket in PUBLIC_BUCKETS)]
    if _BUCKET_SUBJECT.fullmatch(subject):
        places.insert(0, Place(f"home-{subject}", ""))
    return places


def own_places(subject: str, collection: str) -> list[Place]:
    """Return the folders whose files may become somebody's collection, and are served in their name."""
    uploads = _uploads(subject)
    return [place if place != uploads else uploads.below(collection) for place in own_roots(subject)]


def require_own(place: Place, subject: str, collection: str) -> None:
    """Refuse a place that somebody may not publish from.

    Raises
    ------
    NotAllowedError
        Naming the places from which they may.
    """
    own = own_places(subject, collection)
    if not any(each.holds(place) for each in own):
        raise NotAllowedError(
            f"You may not publish from {place.address}.",
            f"You may from {', '.join(each.address for each in own)}.",
        )


def _uploads(subject: str) -> Place:
    plain = _PLAIN_SUBJECT.fullmatch(subject) is not None
    return Place(BUCKET, subject if plain else "~" + hashlib.sha256(subject.encode()).hexdigest()[:40])
