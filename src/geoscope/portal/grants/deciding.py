"""Taking a step on a request, and what follows from it."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from geoscope.access import Principal
from geoscope.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.changes import announce_changed_rights
from geoscope.portal.entities.members import add_member, close_entity
from geoscope.portal.entities.models import Entity, Place
from geoscope.portal.grants.asking import DECIDED_WITHIN, check_until
from geoscope.portal.grants.boards import board_of, decides_on, holders_of, is_own, people_of
from geoscope.portal.grants.course import (
    COURSE,
    WITHOUT_REASON,
    possible_steps,
    require_possible,
    require_theirs,
)
from geoscope.portal.grants.models import OPEN_STATES, Decision, Kind, Request, State, Step, today
from geoscope.portal.grants.offers import Offer, offer_of, offers_of
from geoscope.portal.letters.posting import write_to

ANSWERED_WITHIN = timedelta(days=14)
SYSTEM = "service:portal"


@dataclass(frozen=True)
class Less:
    """What is granted instead of what was asked for: a smaller quota of the service, or an earlier end."""

    offer: Offer | None = None
    until: date | None = None


def may_see(user: User, principal: Principal, request: Request) -> bool:
    """Tell whether somebody may read a request: who asked, who would get it, who decides."""
    return is_own(user, request) or decides_on(user, principal, request.service)


def find_request(user: User, principal: Principal, number: int) -> Request:
    """Return a request that somebody may read.

    Raises
    ------
    NotFoundError
        If there is none, or not for them.
    """
    request = Request.objects.select_related("holder_entity").filter(pk=number).first()
    if request is None or not may_see(user, principal, request):
        raise NotFoundError(_("There is no such request."))
    return request


def take_step(
    user: User, principal: Principal, number: int, step: Step, *, reason: str = "", less: Less | None = None
) -> Request:
    """Take a step on a request; what follows from it is done in the same transaction, and mailed.

    Raises
    ------
    NotFoundError
        If there is no such request for them.
    NotAllowedError
        If the step is not theirs to take.
    ConflictError
        If the request is not in a state for it (any more).
    InvalidInputError
        If a reason is missing, or what is granted is not less than what was asked for.
    """
    try:
        with transaction.atomic():
            request = find_request(user, principal, number)
            request = Request.objects.select_for_update(of=("self",)).get(pk=request.pk)
            require_possible(request, step)
            require_theirs(user, principal, request, step)
            if not reason and step not in WITHOUT_REASON:
                raise InvalidInputError(_("Please give a reason."))
            _apply(user.username, request, step, reason, less or Less())
            return request
    except IntegrityError as error:  # the database's own rule, should ours have missed a case
        raise NotAllowedError(_("Nobody decides on their own request.")) from error


def allot(
    user: User,
    principal: Principal,
    offer: Offer,
    *,
    holder: User | None,
    entity: Entity | None,
    purpose: str,
    until: date,
) -> Request:
    """Give a role or a quota to a user or an entity that did not ask for it.

    Raises
    ------
    NotAllowedError
        If the service is not theirs to allot, or they would get it themselves.
    InvalidInputError
        If neither or both of user and entity are given, or the end date cannot be.
    """
    if not decides_on(user, principal, offer.service.id):
        raise NotAllowedError(_("Only the service's provider and the board can do this."))
    if (holder is None) == (entity is None):
        raise InvalidInputError(_("Name either a user or an entity."))
    check_until(until)
    with transaction.atomic():
        request = Request.objects.create(
            kind=Kind.QUOTA if offer.quota else Kind.ROLE,
            holder=holder.username if holder else "",
            holder_entity=entity,
            service=offer.service.id,
            role=offer.role_name,
            quota=offer.quota_name,
            purpose=purpose,
            until=until,
        )
        return take_step(user, principal, request.pk, Step.GRANT)


def lapse(request: Request) -> None:
    """End a request whose applicant did not answer in time."""
    with transaction.atomic():
        locked = Request.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if locked.state == State.ASKED and locked.is_overdue:
            _apply(SYSTEM, locked, Step.LAPSE, _("There was no answer in time."), Less())


def _apply(author: str, request: Request, step: Step, reason: str, less: Less) -> None:
    was_granted = request.state == State.GRANTED
    decision = Decision(request=request, step=step, author=author, reason=reason)
    if step is Step.GRANT:
        decision.role, decision.quota, decision.until = request.role, request.quota, request.until
    elif step is Step.REDUCE:
        _reduce(request, decision, less)
    # First the decision: the database refuses one on the author's own request before anything follows.
    decision.save(force_insert=True)
    if step in (Step.GRANT, Step.REDUCE):
        request.granted_role, request.granted_quota = decision.role, decision.quota
        request.granted_until = decision.until
    request.state = COURSE[step][1]
    request.due = {
        State.WAITING: today() + DECIDED_WITHIN,
        State.ASKED: today() + ANSWERED_WITHIN,
    }.get(request.state)
    request.reminded = False
    request.save()
    details = {"role": decision.role, "quota": decision.quota, "until": str(decision.until or "")}
    record(author, f"request.{step.value}", f"request:{request.pk}", reason=reason, **details)
    _follow_up(author, request, decision, was_granted=was_granted)


def withdraw_all(user: User) -> None:
    """Withdraw what a user who goes asked for, and give back what they alone have."""
    own = Request.objects.filter(holder=user.username) | Request.objects.filter(applicant=user.username)
    for request in own.filter(state__in=(*OPEN_STATES, State.GRANTED), holder_entity=None):
        if Step.WITHDRAW in possible_steps(request):
            _apply(user.username, request, Step.WITHDRAW, "", Less())


def _reduce(request: Request, decision: Decision, less: Less) -> None:
    """Write down what is granted instead."""
    before = _most(request) if request.quota else None
    offer, until = less.offer or before, less.until or request.until
    if offer is not None and (before is None or not _is_within(offer, before)):
        raise InvalidInputError(_("Choose a smaller quota of the same service."))
    asked_until = request.granted_until or request.until
    if until is not None and asked_until is not None and not today() <= until <= asked_until:
        raise InvalidInputError(_("The end date must lie between today and the one that was asked for."))
    if offer == before and until == asked_until:
        raise InvalidInputError(_("This is as much as was asked for."))
    decision.role = offer.role_name if offer else request.role
    decision.quota = offer.quota_name if offer else ""
    decision.until = until


def _most(request: Request) -> Offer | None:
    """Return what less is measured by: what was granted, and before that what was asked for."""
    asked = offer_of(request)
    if asked is None or request.state != State.GRANTED:
        return asked
    of_service = offers_of(asked.service)
    return next((offer for offer in of_service if offer.quota_name == request.granted_quota), None)


def smaller_offers(request: Request) -> list[Offer]:
    """Return the quotas that could be granted instead of the one that was asked for."""
    asked = _most(request)
    if asked is None or asked.quota is None:
        return []
    return [offer for offer in offers_of(asked.service) if offer != asked and _is_within(offer, asked)]


def _is_within(offer: Offer, other: Offer) -> bool:
    """Tell whether an offer gives nothing that another one does not."""
    if offer.service.id != other.service.id or offer.quota is None or other.quota is None:
        return False
    most = other.quota.amounts
    fits = all(unit in most and amount <= most[unit] for unit, amount in offer.quota.amounts.items())
    return fits and offer.role_name in ("", other.role_name)


def _follow_up(author: str, request: Request, decision: Decision, *, was_granted: bool) -> None:
    """Do what a step brings about, and tell whom it concerns."""
    if request.kind == Kind.ENTITY and decision.step == Step.GRANT:
        _found_entity(author, request)
    if request.kind == Kind.ENTITY and decision.step == Step.REVOKE:
        close_entity(author, Entity.objects.get(slug=request.proposal["slug"]), decision.reason)
    elif was_granted or request.state == State.GRANTED:
        announce_changed_rights(user.username for user in holders_of(request))
    if decision.step in (Step.ANSWER, Step.WITHDRAW):
        write_to(board_of(request), "request_step.txt", request=request, decision=decision)
    else:
        write_to(people_of(request), "request_step.txt", request=request, decision=decision)


def _found_entity(author: str, request: Request) -> None:
    applicant = User.objects.filter(username=request.applicant, is_active=True).first()
    if applicant is None:
        raise ConflictError(_("Whoever asked for it has no account any more."))
    entity, is_new = Entity.objects.get_or_create(slug=request.proposal["slug"], defaults=request.proposal)
    if not is_new:
        raise ConflictError(_("This short name is taken."))
    record(author, "entity.founded", f"entity:{entity.slug}", request=request.pk)
    add_member(entity, applicant, by=author, place=Place.ADMINISTRATOR)
