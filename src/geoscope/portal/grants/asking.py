"""Asking for a role, a quota or a new entity."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from geoscope.errors import ConflictError, InvalidInputError, TooManyError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.entities.members import require_administrator
from geoscope.portal.entities.models import Entity
from geoscope.portal.grants.boards import board_of
from geoscope.portal.grants.models import OPEN_STATES, Kind, Request, State, in_force, today
from geoscope.portal.grants.offers import Offer
from geoscope.portal.letters.posting import write_to

DECIDED_WITHIN = timedelta(days=7)
LONGEST = timedelta(days=2 * 366)
MOST_OPEN = 20


def ask_for(user: User, offer: Offer, *, purpose: str, until: date, entity: Entity | None = None) -> Request:
    """Ask for a role or a quota, for oneself or for an entity that one manages.

    Parameters
    ----------
    user : User
        Who asks.
    offer : Offer
        What for.
    purpose : str
        The planned activities, in words that the board reads.
    until : date
        The last day on which it is needed, in UTC.
    entity : Entity, optional
        Whose members shall have it; else the user alone.

    Raises
    ------
    NotAllowedError
        If the user does not manage the entity.
    InvalidInputError
        If the day is past or more than two years away.
    ConflictError
        If it has been asked for, or is there already.
    TooManyError
        If as many requests of the user wait as may.
    """
    if entity is not None:
        require_administrator(user, entity)
    check_until(until)
    wanted = {"role": offer.role_name, "quota": offer.quota_name, "service": offer.service.id}
    holder = {"holder": "" if entity else user.username, "holder_entity": entity}
    with transaction.atomic():
        _lock(user)
        if Request.objects.filter(**wanted, **holder, state__in=OPEN_STATES).exists():
            raise ConflictError(_("This has been asked for already."), _("Your requests show how far it is."))
        granted = {f"granted_{name}": wanted[name] for name in ("role", "quota")}
        longer = in_force().filter(**granted, **holder, service=offer.service.id, granted_until__gte=until)
        if longer.exists():
            raise ConflictError(_("This has been granted already, for at least as long."))
        kind = Kind.QUOTA if offer.quota else Kind.ROLE
        return _new(user, Request(kind=kind, **wanted, **holder, purpose=purpose, until=until))


def ask_for_entity(user: User, proposed: Entity, purpose: str) -> Request:
    """Ask for a new entity, to be its first administrator.

    Raises
    ------
    ConflictError
        If the short name is, or was, or may become somebody else's.
    TooManyError
        If as many requests of the user wait as may.
    """
    fields = ("slug", "title", "description", "website")
    proposal = {name: str(getattr(proposed, name)) for name in fields}
    with transaction.atomic():
        _lock(user)
        waiting = Request.objects.filter(
            kind=Kind.ENTITY, state__in=OPEN_STATES, proposal__slug=proposed.slug
        )
        if waiting.exists() or Entity.objects.filter(slug=proposed.slug).exists():
            raise ConflictError(_("This short name is taken."), _("Choose another one."))
        return _new(user, Request(kind=Kind.ENTITY, proposal=proposal, purpose=purpose))


def check_until(until: date) -> None:
    """Refuse a last day that is past, or too far away.

    Raises
    ------
    InvalidInputError
        Saying so.
    """
    if not today() <= until <= today() + LONGEST:
        raise InvalidInputError(_("The end date must lie within the next two years."))


def _lock(user: User) -> None:
    """Let nobody ask for the same at the same time under this name."""
    User.objects.select_for_update().get(pk=user.pk)
    if Request.objects.filter(applicant=user.username, state__in=OPEN_STATES).count() >= MOST_OPEN:
        raise TooManyError(_("Too many of your requests wait already."), _("Withdraw one first."))


def _new(user: User, request: Request) -> Request:
    request.applicant, request.state, request.due = user.username, State.WAITING, today() + DECIDED_WITHIN
    request.save(force_insert=True)
    details = {"kind": request.kind, "service": request.service, "role": request.role, "quota": request.quota}
    entity = request.holder_entity.slug if request.holder_entity else request.proposal.get("slug", "")
    record(user.username, "request.made", f"request:{request.pk}", **details, entity=entity)
    write_to(board_of(request), "request_made.txt", request=request)
    return request
