"""`/account/keys`: keys for programs; those that are made here only read data."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from geoscope.portal.api.askers import asker_of, require_fresh_proof
from geoscope.portal.api.documents import Given
from geoscope.portal.identity.keys import keys_of, make_key, revoke_key, usual_last_day
from geoscope.user_keys import user_key_of

router = Router(tags=["Keys"])


class NewKey(Given):
    """A key to make."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    until: date | None = Field(
        default_factory=usual_last_day,
        description="The last day, in UTC; by default in a year. Null: until it is revoked.",
    )


class KeyDocument(Schema):
    """A key."""

    id: str
    name: str
    only_reads: bool
    created: datetime
    until: date | None
    last_used: datetime | None

    @classmethod
    def of(cls, key: Any, **more: str) -> Self:  # noqa: ANN401 (allauth has no types)
        """Describe a key."""
        return cls(
            id=key.pk,
            name=key.name,
            only_reads=bool(key.only_reads),
            created=key.created_at,
            until=key.until,
            last_used=key.last_used,
            **more,
        )


class MadeKeyDocument(KeyDocument):
    """A key that was made just now."""

    user_key: str


@router.get("")
def keys(request: HttpRequest) -> list[KeyDocument]:
    """Return one's keys, those that do more than read as well."""
    return [KeyDocument.of(key) for key in keys_of(asker_of(request).user)]


@router.post("", response={201: MadeKeyDocument})
def new_key(request: HttpRequest, body: NewKey) -> tuple[int, MadeKeyDocument]:
    """Make a key that only reads data; this answer alone holds it."""
    require_fresh_proof(request)
    key, secret = make_key(asker_of(request).user, body.name, body.until, only_reads=True)
    return 201, MadeKeyDocument.of(key, user_key=user_key_of(key.pk, secret))


@router.delete("/{key_id}", response={204: None})
def remove_key(request: HttpRequest, key_id: str) -> tuple[int, None]:
    """Revoke a key."""
    revoke_key(asker_of(request).user, key_id)
    return 204, None
