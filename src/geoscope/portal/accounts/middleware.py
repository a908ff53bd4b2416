"""Shows new terms of use to everybody who signed in, before anything else."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.terms import newest_terms, terms_to_accept

_ACCEPTED = "accepted_terms"
# What somebody needs who will not accept: to read, to leave, to take their data with them.
_FREE = ("/account/terms", "/account/data", "/account/reauthenticate/", "/health", "/static/", "/admin/")


class TermsOfUse:
    """Sends a page's visitor to the terms of use while the newest version is not accepted.

    Parameters
    ----------
    get_response : callable
        The rest of Django.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or send its sender to the terms."""
        user = request.user
        is_page = request.method == "GET" and not request.path.startswith(_FREE)
        if is_page and isinstance(user, User) and self._has_to_accept(request, user):
            return redirect(f"{reverse('terms')}?{urlencode({'next': request.get_full_path()})}")
        return self._get_response(request)

    def _has_to_accept(self, request: HttpRequest, user: User) -> bool:
        newest = newest_terms()
        if newest is None or request.session.get(_ACCEPTED) == newest.version:
            return False
        if terms_to_accept(user) is not None:
            return True
        request.session[_ACCEPTED] = newest.version
        return False
