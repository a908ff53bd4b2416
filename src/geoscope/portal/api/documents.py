"""What the API takes and gives."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from geoscope.portal.entities.models import Entity, Invitation, Membership, Place
from geoscope.portal.grants.models import Decision, Kind, Request, State, Step
from geoscope.portal.grants.offers import Offer

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Purpose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=4000)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$")]


class Given(Schema):
    """What a client sends; a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid")


class OfferDocument(Schema):
    """What people can ask a service for."""

    name: str
    service: str
    title: str
    summary: str
    role: str
    amounts: dict[str, float]

    @classmethod
    def of(cls, offer: Offer) -> Self:
        """Describe an offer."""
        amounts = {unit: amount for amount, unit in offer.amounts}
        names = {"name": offer.name, "service": offer.service.id, "role": offer.role_name}
        return cls(**names, title=offer.title, summary=offer.summary, amounts=amounts)


class NewRequest(Given):
    """A request for a role or a quota."""

    offer: str = Field(max_length=120, description="The name of an offer.")
    purpose: Purpose = Field(description="The planned activities.")
    until: date = Field(description="The last day, in UTC.")
    entity: Slug | None = Field(None, description="Whose members shall have it; else only you.")


class NewAllotment(NewRequest):
    """A role or a quota for somebody who did not ask; either `user` or `entity`."""

    user: str | None = Field(None, max_length=150)


class NewStep(Given):
    """A step on a request."""

    step: Literal["question", "answer", "grant", "reduce", "refuse", "revoke", "withdraw"]
    reason: Words = ""
    offer: str | None = Field(None, max_length=120, description="With `reduce`: the smaller quota.")
    until: date | None = Field(None, description="With `reduce`: the earlier last day.")


class DecisionDocument(Schema):
    """One step that was taken."""

    step: Step
    author: str
    reason: str
    role: str
    quota: str
    until: date | None
    at: datetime

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Describe a step."""
        return cls(**{name: getattr(decision, name) for name in cls.model_fields})


class RequestDocument(Schema):
    """A request, and what became of it."""

    number: int
    kind: Kind
    state: State
    applicant: str
    user: str
    entity: str | None
    service: str
    role: str
    quota: str
    proposal: dict[str, str]
    purpose: str
    until: date | None
    due: date | None
    created: datetime
    in_force: bool
    granted_role: str
    granted_quota: str
    granted_until: date | None
    decisions: list[DecisionDocument] = []

    @classmethod
    def of(cls, request: Request, *, with_decisions: bool = False) -> Self:
        """Describe a request."""
        plain = set(cls.model_fields) - {"number", "user", "entity", "in_force", "decisions"}
        return cls(
            **{name: getattr(request, name) for name in plain},
            number=request.pk,
            user=request.holder,
            entity=request.holder_entity.slug if request.holder_entity else None,
            in_force=request.is_in_force,
            decisions=[DecisionDocument.of(one) for one in request.decisions.all()] if with_decisions else [],
        )


class RequestPage(Schema):
    """Some of the requests, and how many there are."""

    requests: list[RequestDocument]
    number_matched: int


class EntityDocument(Schema):
    """An entity."""

    slug: str
    title: str
    description: str
    website: str
    created: datetime
    place: Place | None = Field(description="What you are in it; null: no member.")

    @classmethod
    def of(cls, entity: Entity, place: Membership | None) -> Self:
        """Describe an entity as somebody in this place sees it."""
        names = ("slug", "title", "description", "website", "created")
        told = {name: getattr(entity, name) for name in names}
        return cls(**told, place=Place(place.place) if place else None)


class NewEntity(Given):
    """A proposed entity."""

    slug: Slug
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    website: str = Field("", max_length=200)
    purpose: Purpose


class MemberDocument(Schema):
    """A member of an entity."""

    user: str
    name: str
    place: Place
    since: datetime

    @classmethod
    def of(cls, membership: Membership) -> Self:
        """Describe a member."""
        user = membership.user
        told = {"user": user.username, "name": user.get_full_name()}
        return cls(**told, place=Place(membership.place), since=membership.since)


class NewPlace(Given):
    """What a member becomes."""

    place: Place


class NewInvitation(Given):
    """Whom to invite, and for how long."""

    email: str = Field("", max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")
    days: int = Field(14, ge=1, le=90)
    uses: int = Field(1, ge=1, le=200)


class InvitationDocument(Schema):
    """An invitation; its code is told once, when it has been made without an address."""

    number: int
    email: str
    invited_by: str
    expires: datetime
    uses_left: int
    code: str | None = None

    @classmethod
    def of(cls, invitation: Invitation, code: str | None = None) -> Self:
        """Describe an invitation."""
        names = ("email", "invited_by", "expires", "uses_left")
        told = {name: getattr(invitation, name) for name in names}
        return cls(**told, number=invitation.pk, code=code)


class Code(Given):
    """An invitation code."""

    code: str = Field(max_length=100)


class Me(Schema):
    """Who asks, and what was granted to them."""

    user: str
    roles: list[str]
    entities: list[str]
    quotas: list[str]


class AuditEntryDocument(Schema):
    """An entry of the audit log."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, object]
    previous: str
    digest: str


class AuditPage(Schema):
    """Some entries, oldest first, and whether the whole log is as it was written."""

    entries: list[AuditEntryDocument]
    is_whole: bool
