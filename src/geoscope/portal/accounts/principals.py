"""Who sends a request to the portal: by session or by token, the same kind of principal as everywhere."""

from django.http import HttpRequest

from geoscope.access import ADMINISTRATOR, Principal, verify_token
from geoscope.errors import NotSignedInError
from geoscope.portal.accounts.models import User
from geoscope.settings import current_settings


def token_principal(request: HttpRequest) -> Principal | None:
    """Return who sends a request by its bearer token, or None without one.

    Raises
    ------
    NotSignedInError
        If there is a token and it is not valid.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedInError(
            "Only bearer tokens are accepted.", "Send 'Authorization: Bearer TOKEN' (RFC 6750)."
        )
    return verify_token(current_settings(), token.strip())


def principal_of(request: HttpRequest) -> Principal | None:
    """Return who sends a request, by token or else by session; None for a stranger."""
    principal = token_principal(request)
    if principal is None and isinstance(request.user, User):
        return Principal(request.user.get_username(), roles_of(request.user))
    return principal


def roles_of(user: User) -> frozenset[str]:
    """Return the roles of a user: the names of their groups; a superuser is an administrator."""
    roles = set(user.groups.values_list("name", flat=True))
    return frozenset(roles | ({ADMINISTRATOR} if user.is_superuser else set()))
