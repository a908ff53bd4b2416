"""`/account/s3-keys`: keys to one's buckets."""

from datetime import date, datetime
from typing import Annotated, Self

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from geoscope.portal.api.askers import asker_of, require_fresh_proof
from geoscope.portal.api.documents import Given
from geoscope.portal.principals import principal_for
from geoscope.portal.storage.keys import make_key, revoke_key
from geoscope.portal.storage.models import StorageKey
from geoscope.portal.storage.policies import buckets_of
from geoscope.settings import current_settings

router = Router(tags=["Storage"])


class NewKey(Given):
    """A key to make."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    until: date | None = Field(None, description="The last day, in UTC; by default until it is revoked.")


class KeyDocument(Schema):
    """A key."""

    access_key: str
    name: str
    created: datetime
    until: date | None

    @classmethod
    def of(cls, key: StorageKey, **more: str) -> Self:
        """Describe a key."""
        return cls(access_key=key.access_key, name=key.name, created=key.created, until=key.until, **more)


class MadeKeyDocument(KeyDocument):
    """A key that was made just now."""

    secret_key: str


class StorageDocument(Schema):
    """Where somebody's data lie, and the keys to it."""

    endpoint: str
    buckets: list[str]
    keys: list[KeyDocument]


@router.get("")
def keys(request: HttpRequest) -> StorageDocument:
    """Return one's buckets and keys."""
    user = asker_of(request).user
    found = [KeyDocument.of(key) for key in StorageKey.objects.filter(user=user)]
    buckets = buckets_of(principal_for(user))
    return StorageDocument(endpoint=current_settings().s3_url, buckets=buckets, keys=found)


@router.post("", response={201: MadeKeyDocument})
def new_key(request: HttpRequest, body: NewKey) -> tuple[int, MadeKeyDocument]:
    """Make a key; this answer alone holds its secret."""
    require_fresh_proof(request)
    key, pair = make_key(asker_of(request).user, body.name, body.until)
    return 201, MadeKeyDocument.of(key, secret_key=pair.secret_key)


@router.delete("/{access_key}", response={204: None})
def remove_key(request: HttpRequest, access_key: str) -> tuple[int, None]:
    """Revoke a key."""
    revoke_key(asker_of(request).user, access_key)
    return 204, None
