"""Who sends a request to the portal: by session or by token, the same kind of principal as everywhere."""

import time
from functools import lru_cache

from django.http import HttpRequest

from geoscope.access import (
    ADMINISTRATOR,
    TOKEN_LIFETIME_S,
    Principal,
    issue_token_for,
    principal_of_header,
)
from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import entities_of
from geoscope.portal.grants.models import in_force_for
from geoscope.settings import current_settings

# As the catalogue's manifest names it.
PUBLISHER_ROLE = "collection-publisher"

# A user's token is made anew after half its life, so that it never ends under way.
_TOKEN_PERIOD_S = TOKEN_LIFETIME_S // 2


def principal_for(user: User) -> Principal:
    """Return a user with all that was granted to them, and to the entities that they are members of.

    The names of a user's groups are roles, too; a superuser is an administrator.
    """
    roles = set(user.groups.values_list("name", flat=True))
    if user.is_superuser:
        roles.add(ADMINISTRATOR)
    granted = in_force_for(user).values_list("service", "granted_role", "granted_quota")
    return Principal(
        user.get_username(),
        frozenset(roles | {role for _, role, _ in granted if role}),
        frozenset(entities_of(user).values_list("slug", flat=True)),
        frozenset(f"{service}/{quota}" for service, _, quota in granted if quota),
    )


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
        return principal_for(request.user)
    return principal


def may_publish(request: HttpRequest) -> bool:
    """Tell whether somebody has signed in who may publish collections."""
    user = request.user
    return isinstance(user, User) and principal_for(user).has_role(PUBLISHER_ROLE)


def token_of(user: User) -> str:
    """Return a token that the data services take for this user; good for five minutes at least."""
    return _issue(principal_for(user), int(time.time() // _TOKEN_PERIOD_S))


def token_for(subject: str, roles: frozenset[str]) -> str:
    """Return a token for somebody with these roles; good for five minutes at least."""
    return _issue(Principal(subject, roles), int(time.time() // _TOKEN_PERIOD_S))


@lru_cache(maxsize=512)
def _issue(principal: Principal, _period: int) -> str:
    """Sign a token; kept, as a page asks several times and a signature takes longer than a question."""
    return issue_token_for(current_settings(), principal)
