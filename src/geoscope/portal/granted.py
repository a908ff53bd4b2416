"""What is granted to somebody now: `GET /health/principals/SUBJECT`, asked by jobs that act for them."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from geoscope.acting import PRINCIPAL_READER
from geoscope.errors import NotFoundError, NotSignedInError
from geoscope.portal.accounts.models import User
from geoscope.portal.principals import principal_for, token_principal
from geoscope.portal.registry.views import answers_problems


@require_safe
@answers_problems
def granted_principal(request: HttpRequest, subject: str) -> JsonResponse:
    """Return somebody's roles, entities and quotas to a part of the platform."""
    asker = token_principal(request)
    if asker is None:
        raise NotSignedInError("This needs an access token.")
    asker.require_role(PRINCIPAL_READER)
    user = User.objects.filter(username=subject, is_active=True).first()
    if user is None:
        raise NotFoundError(f"There is nobody called {subject!r} who may sign in.")
    principal = principal_for(user)
    return JsonResponse(
        {
            "subject": principal.subject,
            "roles": sorted(principal.roles),
            "entities": sorted(principal.entities),
            "quotas": sorted(principal.quotas),
        }
    )
