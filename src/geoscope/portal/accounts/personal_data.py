"""What the platform keeps about a person: to take away, and to erase."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import Q

from geoscope.portal.accounts.models import AcceptedTerms, RetiredName, User
from geoscope.portal.audit.log import record
from geoscope.portal.entities.members import leave_all
from geoscope.portal.entities.models import Membership
from geoscope.portal.grants.deciding import withdraw_all
from geoscope.portal.grants.models import Request
from geoscope.portal.identity.keys import keys_of
from geoscope.portal.principals import principal_for
from geoscope.portal.storage.models import StorageKey


def personal_data(user: User) -> dict[str, Any]:
    """Return all that is kept about a user as a person; no secrets."""
    return {
        "user_name": user.get_username(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "organisation": user.organisation,
        "country": str(user.country),
        "language": user.language,
        "purpose": user.purpose,
        "joined": user.date_joined.isoformat(),
        "last_sign_in": user.last_login.isoformat() if user.last_login else None,
        "roles": sorted(principal_for(user).roles),
        "email_addresses": list(
            EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
        ),
        "second_factors": [
            {"type": one.type, "created": one.created_at.isoformat()}
            for one in Authenticator.objects.filter(user=user)
        ],
        "sessions": [
            {"address": one.ip, "browser": one.user_agent, "begun": one.created_at.isoformat()}
            for one in UserSession.objects.filter(user=user)
        ],
        "linked_accounts": [
            {"provider": one.provider, "id": one.uid, "since": one.date_joined.isoformat()}
            for one in SocialAccount.objects.filter(user=user)
        ],
        "keys": [
            {
                "client_id": one.pk,
                "name": one.name,
                "created": one.created_at.isoformat(),
                "last_used": one.last_used.isoformat() if one.last_used else None,
            }
            for one in keys_of(user)
        ],
        "storage_keys": [
            {"access_key": one.access_key, "name": one.name, "created": one.created.isoformat()}
            for one in StorageKey.objects.filter(user=user)
        ],
        "entities": [
            {"entity": one.entity.slug, "place": one.place, "since": one.since.isoformat()}
            for one in Membership.objects.select_related("entity").filter(user=user)
        ],
        "requests": [
            {
                "number": one.pk,
                "service": one.service,
                "role": one.role,
                "quota": one.quota,
                "entity": one.proposal,
                "purpose": one.purpose,
                "state": one.state,
                "made": one.created.isoformat(),
                "until": one.until.isoformat() if one.until else None,
            }
            for one in Request.objects.filter(Q(applicant=user.username) | Q(holder=user.username))
        ],
        "accepted_terms": [
            {"version": one.terms.version, "at": one.at.isoformat()}
            for one in AcceptedTerms.objects.select_related("terms").filter(user=user)
        ],
    }


def delete_account(user: User) -> None:
    """Erase a user, with every session, key and token.

    The name is never given to anybody else, as data and logs carry it: the audit log and the requests, which
    others answer for, keep it.

    Raises
    ------
    ConflictError
        If an entity with other members would have no administrator any more.
    """
    with transaction.atomic():
        leave_all(user)
        withdraw_all(user)
        record(user.username, "account.deleted", f"user:{user.username}")
        for session in UserSession.objects.filter(user=user):
            SessionStore().delete(session.session_key)
        RetiredName.objects.get_or_create(name=user.get_username())
        user.delete()
