"""Answers the edge: whether a principal may use a service, and what token a session is worth."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from geoscope.access import ADMINISTRATOR, Principal
from geoscope.errors import GeoscopeError, NotAllowedError, NotSignedInError
from geoscope.portal.accounts.models import User
from geoscope.portal.principals import principal_of, token_of
from geoscope.portal.registry.manifests import find_manifest
from geoscope.portal.registry.views import problem_answer
from geoscope.service import Access, AccessPolicy
from geoscope.settings import current_settings

# The edge takes it off every request and sets it on its own: no script in a page gets at a token.
EDGE_HEADER = "Geoscope-Edge"


@never_cache
def verify(request: HttpRequest) -> HttpResponse:
    """Answer 204 with who it is in headers, or 401, 403 or 404 as the client shall see it."""
    try:
        manifest = find_manifest(request.GET.get("service", ""))
        principal = principal_of(request)
        check_access(manifest.access, principal)
    except GeoscopeError as error:
        if error.status in (401, 403) and "text/html" in request.headers.get("accept", ""):
            template = "errors/not_signed_in.html" if error.status == 401 else "errors/403.html"
            return render(request, template, _told(error), status=error.status)
        return problem_answer(error)
    return HttpResponse(status=204, headers=_who(principal) if principal else None)


def _told(error: GeoscopeError) -> dict[str, str]:
    """Return what the page of an error says; an address in words would stand beside its link."""
    return {"problem": error.problem if error.help_url else str(error), "help_url": error.help_url}


def _who(principal: Principal) -> dict[str, str]:
    """Return the headers by which a service behind the edge knows who asks."""
    granted = {"Roles": principal.roles, "Entities": principal.entities, "Quotas": principal.quotas}
    lists = {f"Remote-{title}": ",".join(sorted(names)) for title, names in granted.items()}
    return {"Remote-User": principal.subject} | lists


def check_access(access: Access, principal: Principal | None) -> None:
    """Refuse a principal whom a service's access policy keeps out.

    Raises
    ------
    NotSignedInError
        If the service is not public and nobody is signed in.
    NotAllowedError
        If none of the roles that open the service was granted.
    """
    if access.policy is AccessPolicy.PUBLIC:
        return
    if principal is None:
        raise NotSignedInError(
            "This service is for people who have signed in.", "Sign in, or send an access token."
        )
    if access.policy is AccessPolicy.ROLES and principal.roles.isdisjoint({*access.roles, ADMINISTRATOR}):
        names = ", ".join(access.roles)
        page = f"{current_settings().public_url}/account/requests/new?role={access.roles[0]}"
        raise NotAllowedError(f"This service needs one of the roles: {names}.", f"Ask for it at {page}", page)


@never_cache
def visitor(request: HttpRequest) -> HttpResponse:
    """Answer the edge 200 with the token of who has signed in with this browser, or 204."""
    if EDGE_HEADER in request.headers and isinstance(request.user, User):
        return HttpResponse(headers={"Visitor-Authorization": f"Bearer {token_of(request.user)}"})
    return HttpResponse(status=204)
