"""`/api/me`, `/api/offers`, `/api/requests`, `/api/allotments` and `/api/audit`."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from geoscope.errors import NotFoundError
from geoscope.portal.accounts.models import User
from geoscope.portal.api.askers import asker_of
from geoscope.portal.api.documents import (
    AuditEntryDocument,
    AuditPage,
    Me,
    NewAllotment,
    NewRequest,
    NewStep,
    OfferDocument,
    RequestDocument,
    RequestPage,
)
from geoscope.portal.audit.log import first_broken_entry
from geoscope.portal.audit.models import AuditEntry
from geoscope.portal.entities.members import find_entity
from geoscope.portal.grants.asking import ask_for
from geoscope.portal.grants.boards import BOARD_ROLE, queue
from geoscope.portal.grants.deciding import Less, allot, find_request, take_step
from geoscope.portal.grants.models import Request, State, Step
from geoscope.portal.grants.offers import all_offers, find_offer

router = Router(tags=["Requests"])

Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0)]


@router.get("/me")
def me(request: HttpRequest) -> Me:
    """Return who asks, with all that was granted to them."""
    principal = asker_of(request).principal
    granted = {name: sorted(getattr(principal, name)) for name in ("roles", "entities", "quotas")}
    return Me(user=principal.subject, **granted)


@router.get("/offers")
def offers(request: HttpRequest) -> list[OfferDocument]:  # noqa: ARG001 (ninja's)
    """Return what people can ask the services for."""
    return [OfferDocument.of(offer) for offer in all_offers()]


@router.get("/requests")
def requests(
    request: HttpRequest,
    of: str = "me",
    state: State | None = None,
    service: str = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> RequestPage:
    """Return requests, newest first: one's own, or with `of=board` those that one decides on."""
    asker = asker_of(request)
    found = (
        queue(asker.user, asker.principal)
        if of == "board"
        else Request.objects.filter(applicant=asker.user.username)
    )
    wanted = {"state": state, "service": service}
    found = found.filter(**{name: value for name, value in wanted.items() if value})
    page = found.select_related("holder_entity").order_by("-created")[offset : offset + limit]
    return RequestPage(requests=[RequestDocument.of(one) for one in page], number_matched=found.count())


@router.post("/requests", response={201: RequestDocument})
def new_request(request: HttpRequest, body: NewRequest) -> tuple[int, RequestDocument]:
    """Ask for a role or a quota."""
    entity = find_entity(body.entity) if body.entity else None
    user, offer = asker_of(request).user, find_offer(body.offer)
    made = ask_for(user, offer, purpose=body.purpose, until=body.until, entity=entity)
    return 201, RequestDocument.of(made)


@router.get("/requests/{int:number}")
def one_request(request: HttpRequest, number: int) -> RequestDocument:
    """Return a request with the steps that were taken on it."""
    asker = asker_of(request)
    return RequestDocument.of(find_request(asker.user, asker.principal, number), with_decisions=True)


@router.post("/requests/{int:number}/steps")
def new_step(request: HttpRequest, number: int, body: NewStep) -> RequestDocument:
    """Take a step: ask back, answer, grant, grant less, refuse, revoke, withdraw."""
    asker = asker_of(request)
    less = Less(find_offer(body.offer) if body.offer else None, body.until)
    taken = take_step(asker.user, asker.principal, number, Step(body.step), reason=body.reason, less=less)
    return RequestDocument.of(taken, with_decisions=True)


@router.post("/allotments", response={201: RequestDocument})
def new_allotment(request: HttpRequest, body: NewAllotment) -> tuple[int, RequestDocument]:
    """Give a role or a quota to a user or an entity that did not ask."""
    asker = asker_of(request)
    holder = User.objects.filter(username=body.user, is_active=True).first() if body.user else None
    if body.user and holder is None:
        raise NotFoundError("There is no such user.")
    entity = find_entity(body.entity) if body.entity else None
    made = allot(
        asker.user,
        asker.principal,
        find_offer(body.offer),
        holder=holder,
        entity=entity,
        purpose=body.purpose,
        until=body.until,
    )
    return 201, RequestDocument.of(made, with_decisions=True)


@router.get("/audit", tags=["Audit log"])
def audit(request: HttpRequest, after: Offset = 0, limit: Limit = 100) -> AuditPage:
    """Return the audit log from an entry on; for the approval board."""
    asker_of(request).principal.require_role(BOARD_ROLE)
    names = AuditEntryDocument.model_fields
    entries = AuditEntry.objects.filter(pk__gt=after).order_by("pk").values(*names)[:limit]
    told = [AuditEntryDocument(**entry) for entry in entries]
    return AuditPage(entries=told, is_whole=first_broken_entry() is None)
