"""Invitations: a code of 128 random bits, for whoever has it or for one e-mail address."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from geoscope.errors import InvalidInputError, NotAllowedError, NotFoundError, TooManyError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.entities.members import add_member, require_administrator
from geoscope.portal.entities.models import Entity, Invitation, Membership
from geoscope.portal.letters.posting import write_to_address

CODE_BYTES = 16
LONGEST_DAYS = 90
MOST_USES = 200
MOST_OPEN = 50
# The name of the rate limit in the portal's settings.
TRIES = "join_entity"


def invite(
    actor: User, entity: Entity, *, email: str = "", days: int = 14, uses: int = 1
) -> tuple[Invitation, str]:
    """Make an invitation and return it with its code, shown once; with an address it is mailed there.

    Parameters
    ----------
    actor : User
        An administrator of the entity.
    entity : Entity
        To which it invites.
    email : str
        The address that alone may use it, once; empty for whoever has the code.
    days : int
        How long it is good for, 1 to 90.
    uses : int
        How often it can be used, 1 to 200.

    Raises
    ------
    NotAllowedError
        If the actor does not manage the entity.
    InvalidInputError
        If a number is out of its range.
    TooManyError
        If as many invitations wait as may.
    """
    require_administrator(actor, entity)
    if not (1 <= days <= LONGEST_DAYS and 1 <= uses <= MOST_USES):
        raise InvalidInputError(_("An invitation is good for 1 to 90 days, and for 1 to 200 uses."))
    if open_invitations(entity).count() >= MOST_OPEN:
        raise TooManyError(_("Too many invitations wait already. Take some back first."))
    code, email = secrets.token_urlsafe(CODE_BYTES), email.lower()
    with transaction.atomic():
        made = Invitation.objects.create(
            digest=_digest(code),
            entity=entity,
            email=email,
            invited_by=actor.username,
            expires=timezone.now() + timedelta(days=days),
            uses_left=1 if email else uses,
        )
        record(actor.username, "invitation.made", f"entity:{entity.slug}", email=email, days=days)
        if email:
            write_to_address(email, "invitation.txt", entity=entity, code=code, actor=actor, days=days)
    return made, code


def open_invitations(entity: Entity) -> QuerySet[Invitation]:
    """Return the invitations that can still be used."""
    return entity.invitations.filter(expires__gt=timezone.now(), uses_left__gt=0)


def take_back(actor: User, entity: Entity, number: int) -> None:
    """Make an invitation useless.

    Raises
    ------
    NotAllowedError
        If the actor does not manage the entity.
    NotFoundError
        If the entity has no such invitation.
    """
    require_administrator(actor, entity)
    with transaction.atomic():
        if not entity.invitations.filter(pk=number).delete()[0]:
            raise NotFoundError(_("There is no such invitation."))
        record(actor.username, "invitation.taken_back", f"entity:{entity.slug}", number=number)


def join(request: HttpRequest, user: User, code: str) -> Membership:
    """Use an invitation: become a member of its entity.

    Raises
    ------
    TooManyError
        If too many codes were tried from this address, or by this user.
    NotFoundError
        If the code cannot be used (any more).
    NotAllowedError
        If it is for another e-mail address.
    ConflictError
        If they are a member already.
    """
    if not ratelimit.consume(request, action=TRIES, key=user.username):
        raise TooManyError(_("Too many invitation codes were tried."), _("Try again in ten minutes."))
    with transaction.atomic():
        invitation = _usable(user, code)
        # Of several who use the last place at once, one is told that it is gone.
        used = Invitation.objects.filter(pk=invitation.pk, uses_left__gt=0).update(
            uses_left=F("uses_left") - 1
        )
        if not used:
            raise _unusable()
        return add_member(invitation.entity, user, by=user.username)


def _usable(user: User, code: str) -> Invitation:
    invitation = (
        Invitation.objects.select_related("entity")
        .filter(
            digest=_digest(code.strip()), expires__gt=timezone.now(), uses_left__gt=0, entity__closed=None
        )
        .first()
    )
    if invitation is None:
        raise _unusable()
    own = EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email)
    if invitation.email and not own.exists():
        raise NotAllowedError(
            _("This invitation is for another e-mail address."),
            _("Add the address that it was sent to under “E-mail”, confirm it, and try again."),
        )
    return invitation


def _unusable() -> NotFoundError:
    return NotFoundError(_("This invitation cannot be used (any more)."), _("Ask for a new one."))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
