"""Single use of codes and refresh tokens, and what happens when one is used twice.

django-allauth 65.21.1 alone gave out tokens several times for one code under parallel requests, and let the
thief's tokens live when a stolen refresh token was used again (RFC 9700, sections 2.1.1 and 4.14.2).
"""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

from allauth.account.authentication import get_authentication_records
from allauth.idp.oidc.models import Token
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from geoscope.portal.accounts.models import User
from geoscope.portal.identity.models import IssuedToken, TokenFamily

logger = logging.getLogger(__name__)

# A client that sends the same request twice at once is clumsy, not stolen from: its second request is
# refused, and its tokens live on.
CLUMSINESS = timedelta(seconds=10)


class AlreadySpentError(Exception):
    """A code or refresh token came a second time."""


def digest_of(value: str) -> str:
    """Return how a code or token is kept, here and by allauth."""
    return hashlib.sha256(value.encode()).hexdigest()


def begin_family(request: HttpRequest, *, bound_to_session: bool) -> TokenFamily:
    """Begin a family for the user who is signed in with this request."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    records = get_authentication_records(request, user)
    at = datetime.fromtimestamp(records[-1]["at"], tz=UTC) if records else None
    return TokenFamily.objects.create(
        user=user,
        session_key=(request.session.session_key or "") if bound_to_session else "",
        authenticated=at or user.last_login or timezone.now(),
        methods=sorted({_method_name(record) for record in records}),
    )


def _method_name(record: dict[str, str]) -> str:
    """Return how somebody proved who they are, in the words of RFC 8176."""
    if record["method"] == "password":
        return "pwd"
    if record["method"] == "mfa":
        return "swk" if record.get("type") == "webauthn" else "otp"
    return "fed" if record["method"] == "socialaccount" else record["method"]


def remember(family: TokenFamily, value: str, lifetime_s: int) -> None:
    """Keep the digest of a code or token that is given out."""
    expires = timezone.now() + timedelta(seconds=lifetime_s)
    IssuedToken.objects.create(digest=digest_of(value), family=family, expires=expires)


def spend(value: str) -> TokenFamily | None:
    """Use a code or refresh token up, and return its family; None for one that was never given out.

    Called inside the transaction that gives out what it is worth: when that fails, nothing is used up.

    Raises
    ------
    AlreadySpentError
        If it was used before. Unless that was only just now, the whole family ends.
    """
    now = timezone.now()
    digest = digest_of(value)
    spent = IssuedToken.objects.filter(digest=digest, spent=None, expires__gt=now).update(spent=now)
    token = IssuedToken.objects.select_related("family__user").filter(digest=digest).first()
    if token is None or (not spent and token.spent is None):
        return None
    if not spent:
        raise AlreadySpentError(digest)
    return token.family


def punish_reuse(value: str) -> None:
    """End the family of a code or refresh token that came again, as somebody else may hold the first."""
    token = IssuedToken.objects.select_related("family__user").filter(digest=digest_of(value)).first()
    if token is None or token.spent is None or timezone.now() - token.spent < CLUMSINESS:
        return
    logger.warning("A token of %s was used twice: that sign-in is ended.", token.family.user)
    end_families(TokenFamily.objects.filter(pk=token.family.pk))


def end_families(families: QuerySet[TokenFamily]) -> None:
    """Revoke every token of some families."""
    with transaction.atomic():
        ids = list(families.values_list("pk", flat=True))
        digests = IssuedToken.objects.filter(family__in=ids).values_list("digest", flat=True)
        Token.objects.filter(hash__in=list(digests)).delete()
        TokenFamily.objects.filter(pk__in=ids).delete()


def end_families_of_user(user: User) -> None:
    """Sign a user out of every client."""
    end_families(TokenFamily.objects.filter(user=user))


def end_families_of_session(session_key: str) -> None:
    """End what was given out in a browser session, when the session ends."""
    if session_key:
        end_families(TokenFamily.objects.filter(session_key=session_key))


def forget_expired() -> None:
    """Drop what can no longer be used."""
    now = timezone.now()
    IssuedToken.objects.filter(expires__lt=now).delete()
    TokenFamily.objects.filter(tokens=None, authenticated__lt=now - timedelta(hours=1)).delete()
    Token.objects.expired().delete()
