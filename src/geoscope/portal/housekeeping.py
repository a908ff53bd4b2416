"""What has to be done now and then: `POST /health/housekeeping`, asked by the runtime's watch each minute."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from geoscope.errors import NotSignedInError
from geoscope.portal.grants.chores import look_after_requests
from geoscope.portal.identity.keys import forget_ended_keys
from geoscope.portal.letters.posting import send_waiting
from geoscope.portal.principals import token_principal
from geoscope.portal.registry.views import WATCH_ROLE, answers_problems
from geoscope.portal.storage.access import refresh_all

_log = logging.getLogger(__name__)

# Each may be done by several processes at once, and may be ended in the middle: the next round goes on.
CHORES: list[Callable[[], None]] = [look_after_requests, send_waiting, refresh_all, forget_ended_keys]


@csrf_exempt  # authenticated by a bearer token, never by a cookie
@require_POST
@answers_problems
def housekeeping(request: HttpRequest) -> HttpResponse:
    """Do every chore; one that fails does not keep the others from being done."""
    principal = token_principal(request)
    if principal is None:
        raise NotSignedInError("This needs an access token.")
    principal.require_role(WATCH_ROLE)
    for chore in CHORES:
        try:
            chore()
        except Exception:  # noqa: BLE001 (told in the log, tried again in a minute)
            _log.exception("A chore failed: %s", chore.__qualname__)
    return HttpResponse(status=204)
