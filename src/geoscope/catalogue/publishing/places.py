"""Where published files may be: what a person may publish from, and what may be served in their name."""

import hashlib
import re

from geoscope.catalogue.orders.sources import SOURCE_BUCKETS
from geoscope.errors import NotAllowedError
from geoscope.objects import PUBLIC_BUCKETS, Place

BUCKET = "collections"
USER = "user:"
THUMBNAILS = ".thumbnails"

_PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_BUCKET_SUBJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,50}[a-z0-9]")


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


def served_places(owner: str | None, collection: str) -> list[Place]:
    """Return the folders whose files the platform may give out as those of a collection.

    Its services may read every bucket: an item that names a file elsewhere must not open it. A collection
    without owner is the work of catalogue editors, and is served from the platform's own buckets; one with an
    owner from the owner's places, and from nobody else's.
    """
    if owner is None:
        return [Place(bucket, "") for bucket in SOURCE_BUCKETS]
    return own_places(owner.removeprefix(USER), collection) if owner.startswith(USER) else []


def is_served(place: Place, owner: str | None, collection: str) -> bool:
    """Tell whether the platform may give out a file as one of a collection."""
    return any(each.holds(place) for each in served_places(owner, collection))


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
