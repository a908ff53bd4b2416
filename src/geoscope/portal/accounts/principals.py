"""Who sends a request to the portal: by session or by token, the same kind of principal as everywhere."""

import time
from functools import lru_cache

from django.http import HttpRequest

from geoscope.access import ADMINISTRATOR, TOKEN_LIFETIME_S, Principal, issue_token, principal_of_header
from geoscope.portal.accounts.models import User
from geoscope.settings import current_settings

# As the catalogue's manifest names it.
PUBLISHER_ROLE = "collection-publisher"

# A user's token is made anew after half its life, so that it never ends under way.
_TOKEN_PERIOD_S = TOKEN_LIFETIME_S // 2


def token_principal(request: HttpRequest) -> Principal | None:
    """Return who sends a request by its bearer token, or None without one.

    Raises
    ------
    NotSignedInError
        If there is a token and it is not valid.
    """
    return principal_of_header(current_settings(), request.headers.get("authorization"))


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


def may_publish(request: HttpRequest) -> bool:
    """Tell whether somebody has signed in who may publish collections."""
    user = request.user
    return isinstance(user, User) and not roles_of(user).isdisjoint({PUBLISHER_ROLE, ADMINISTRATOR})


def token_of(user: User) -> str:
    """Return a token that the data services take for this user; good for five minutes at least."""
    return token_for(user.get_username(), roles_of(user))


def token_for(subject: str, roles: frozenset[str]) -> str:
    """Return a token for somebody with these roles; good for five minutes at least."""
    return _issue(subject, roles, int(time.time() // _TOKEN_PERIOD_S))


@lru_cache(maxsize=512)
def _issue(subject: str, roles: frozenset[str], _period: int) -> str:
    """Sign a token; kept, as a page asks several times and a signature takes longer than a question."""
    return issue_token(current_settings(), subject, roles)
