"""Login links: made by the operator's command line, good for one use and a short time."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from geoscope.portal.accounts.models import FailedLogin, LoginLink, User

LIFETIME = timedelta(minutes=15)
# The link printed at the first start may be found later in the day.
FIRST_LIFETIME = timedelta(hours=24)
FAILURES_ALLOWED = 20
FAILURES_COUNTED_FOR = timedelta(minutes=10)


def create_link(user: User) -> str:
    """Return the path of a new link that signs a user in once.

    Parameters
    ----------
    user : User
        Whom it signs in. Somebody who never signed in has a day to use it, others a quarter of an hour.
    """
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    lifetime = LIFETIME if user.last_login else FIRST_LIFETIME
    LoginLink.objects.filter(expires__lte=now).delete()
    LoginLink.objects.create(token_digest=_digest(token), user=user, expires=now + lifetime)
    return reverse("login-link", args=[token])


def is_usable(token: str) -> bool:
    """Tell whether a link would sign somebody in now."""
    return LoginLink.objects.filter(
        token_digest=_digest(token), expires__gt=timezone.now(), user__is_active=True
    ).exists()


def redeem(token: str) -> User | None:
    """Return the user of a link and use the link up, or None if it cannot be used (any more)."""
    with transaction.atomic():
        link = (
            LoginLink.objects.select_for_update()
            .select_related("user")
            .filter(token_digest=_digest(token), expires__gt=timezone.now(), user__is_active=True)
            .first()
        )
        if link is None:
            return None
        user = link.user
        link.delete()
        return user


def too_many_failures(address: str) -> bool:
    """Tell whether an address tried too many links that do not exist."""
    since = timezone.now() - FAILURES_COUNTED_FOR
    return FailedLogin.objects.filter(address=address, at__gt=since).count() >= FAILURES_ALLOWED


def count_failure(address: str) -> None:
    """Remember a try with a link that cannot be used, and forget the old ones."""
    now = timezone.now()
    FailedLogin.objects.filter(at__lte=now - FAILURES_COUNTED_FOR).delete()
    FailedLogin.objects.create(address=address, at=now)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
