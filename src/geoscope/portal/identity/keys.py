"""Keys for programs: clients of a user that act for them by client credentials, until they are revoked.

A key is an allauth `Client`; from here it comes with `only_reads`, `until` and `last_used` of its `KeyTerms`.
"""

import secrets
import uuid
from datetime import date, timedelta

from allauth.idp.oidc.models import Client
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from geoscope.access import AUDIENCE, READING_AUDIENCE
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.identity.clients import PLATFORM_SCOPE, hash_of_random_secret
from geoscope.portal.identity.models import KeyTerms
from geoscope.portal.letters.posting import write_to

MOST_KEYS = 20
USUAL_LIFE = timedelta(days=365)
READING_SCOPE = "read-data"


def usual_last_day() -> date:
    """Return the last day of a key whose user names none."""
    return timezone.now().date() + USUAL_LIFE


def make_key(user: User, name: str, until: date | None, *, only_reads: bool) -> tuple[Client, str]:
    """Make a key, tell its user by mail, and return it with its secret, which nobody can ask for again.

    Parameters
    ----------
    user : User
        Whom it acts for.
    name : str
        What it is called.
    until : date, optional
        Its last day, in UTC.
    only_reads : bool
        Whether it is good for reading data alone, and for nothing else on this platform.

    Raises
    ------
    InvalidInputError
        If the last day is over.
    ConflictError
        If the user has as many keys as one may have.
    """
    if until is not None and until < timezone.now().date():
        raise InvalidInputError(_("The last day is over."))
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        # Whoever makes several at once waits here: the limit holds.
        User.objects.select_for_update().get(pk=user.pk)
        if Client.objects.filter(owner=user).count() >= MOST_KEYS:
            raise ConflictError(_("You have as many keys as one may have. Remove one first."))
        client = _client(user, name, secret, only_reads=only_reads)
        KeyTerms.objects.create(client=client, until=until, only_reads=only_reads)
        record(user.username, "key.made", f"key:{client.pk}", name=name, only_reads=only_reads)
    write_to([user], "key_made.txt", key=client)
    return keys_of(user).get(pk=client.pk), secret


def _client(user: User, name: str, secret: str, *, only_reads: bool) -> Client:
    client = Client(
        pk=str(uuid.uuid4()),
        name=name,
        owner=user,
        type=Client.Type.CONFIDENTIAL,
        secret=hash_of_random_secret(secret),
    )
    client.set_grant_types([Client.GrantType.CLIENT_CREDENTIALS])
    scope = READING_SCOPE if only_reads else PLATFORM_SCOPE
    client.set_scopes([scope] if only_reads else ["openid", scope])
    client.set_default_scopes([scope])
    client.data = {"audience": [READING_AUDIENCE if only_reads else AUDIENCE]}
    client.save()
    return client


def keys_of(user: User) -> QuerySet[Client]:
    """Return the keys of a user, oldest first."""
    terms = {name: F(f"terms__{name}") for name in ("only_reads", "until", "last_used")}
    found: QuerySet[Client] = Client.objects.filter(owner=user).annotate(**terms).order_by("created_at")
    return found


def revoke_key(user: User, client_id: str) -> None:
    """Revoke a key of a user, with every token that it got.

    Raises
    ------
    NotFoundError
        If they have no such key.
    """
    with transaction.atomic():
        client = Client.objects.select_for_update().filter(owner=user, pk=client_id).first()
        if client is None:
            raise NotFoundError(_("You have no such key."))
        record(user.username, "key.revoked", f"key:{client.pk}", name=client.name)
        client.delete()


def is_over(client: Client) -> bool:
    """Tell whether the last day of a key has passed."""
    return KeyTerms.objects.filter(client=client, until__lt=timezone.now().date()).exists()


def note_use(client: Client) -> None:
    """Keep when a key was used last."""
    KeyTerms.objects.update_or_create(client=client, defaults={"last_used": timezone.now()})


def forget_ended_keys() -> None:
    """Remove the keys whose last day has passed."""
    Client.objects.filter(terms__until__lt=timezone.now().date()).delete()
