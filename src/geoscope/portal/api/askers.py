"""Who asks the API: a bearer token, or a browser's session with the CSRF token."""

from dataclasses import dataclass

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.idp.oidc.models import Token
from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from geoscope.access import Principal
from geoscope.errors import NotAllowedError
from geoscope.portal.accounts.models import User
from geoscope.portal.principals import principal_for, token_principal


@dataclass(frozen=True)
class Asker:
    """A user who asks, with the rights that they ask with: those of the token, or all of theirs."""

    user: User
    principal: Principal


class TokenAsker(HttpBearer):
    """An access token of this platform (RFC 6750)."""

    def authenticate(self, request: HttpRequest, token: str) -> Asker:  # noqa: ARG002 (ninja's)
        """Return whose token it is.

        Raises
        ------
        NotSignedInError
            If it is not valid.
        NotAllowedError
            If it belongs to no user.
        """
        principal = token_principal(request)
        user = User.objects.filter(username=principal.subject, is_active=True).first() if principal else None
        if principal is None or user is None:
            raise NotAllowedError("This token belongs to no user of this platform.")
        return Asker(user, principal)


class SessionAsker(SessionAuth):
    """Somebody who has signed in with this browser; changes need the CSRF token."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Asker | None:  # noqa: ARG002 (ninja's)
        """Return who has signed in, or None."""
        user = request.user
        return Asker(user, principal_for(user)) if isinstance(user, User) else None


def asker_of(request: HttpRequest) -> Asker:
    """Return who asks, as the API's guards found out."""
    asker: Asker = request.auth  # type: ignore[attr-defined]  # ninja puts it there
    return asker


def require_fresh_proof(request: HttpRequest) -> None:
    """Refuse a token that was revoked, and a browser where nobody gave a password for a while.

    Elsewhere a token is good until it ends; a key that it makes would live on.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if not Token.objects.valid().by_value(token.strip()).exists():
            raise NotAllowedError("This token was revoked, or made for another purpose.", "Sign in again.")
    elif not did_recently_reauthenticate(request):
        raise NotAllowedError(
            "This needs a fresh sign-in.", "Confirm on a page of your account that it is you."
        )
