"""The way from a form of ours to somebody else's site, by a page of ours."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

# Where a sign-in may end at a client, or begin at another provider.
_PATHS = ("/account/", "/identity/", "/realms/", "/auth/")
_NOT_PLACES = {"javascript", "data", "vbscript"}


class GoingOn:
    """Lets a sign-in end at another site although no form of ours may send anything there.

    The content security policy keeps forms to our own address (`form-action`), and Chromium counts each
    redirect that follows a form. So the last redirect becomes a page that goes on by itself, without a form.
    Programs are redirected as ever.

    Parameters
    ----------
    get_response : callable
        The rest of Django.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a redirect from a page of ours to another site with a page that goes on there."""
        response = self._get_response(request)
        target = response.headers.get("Location", "")
        if not (
            target
            and request.path.startswith(_PATHS)
            and _comes_from_a_page_of_ours(request)
            and _is_elsewhere(request, target)
        ):
            return response
        page = render(request, "accounts/going_on.html", {"target": target, "host": urlsplit(target).netloc})
        page.cookies = response.cookies
        add_never_cache_headers(page)
        return page


def _comes_from_a_page_of_ours(request: HttpRequest) -> bool:
    """Tell whether a browser follows a form or a link of ours; it names the page over redirects, too."""
    is_browser = "text/html" in request.headers.get("Accept", "")
    return is_browser and urlsplit(request.headers.get("Referer", "")).netloc == request.get_host()


def _is_elsewhere(request: HttpRequest, target: str) -> bool:
    place = urlsplit(target)
    if place.scheme in _NOT_PLACES or not (place.scheme or place.netloc):
        return False
    return (place.scheme or request.scheme, place.netloc) != (request.scheme, request.get_host())
