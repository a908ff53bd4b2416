"""Sign-in through SAML: allauth's pages, each with a guard."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from allauth.core import ratelimit
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml import views
from allauth.socialaccount.providers.saml.utils import build_saml_config, get_app_or_404
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from lxml.etree import LxmlError
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from geoscope.errors import TooLargeError, TooManyError
from geoscope.settings import current_settings

type View = Callable[..., HttpResponse]

# Responses have some kilobytes; with many attributes some tens.
MOST_BYTES = 256 * 1024
# How long a response waits for its browser to come back with its cookies.
WAITS_S = 60


def _at_public_address(view: View) -> View:
    """Let allauth make addresses from the settings, never from what a stranger calls this host."""

    @wraps(view)
    def guarded(request: HttpRequest, organization_slug: str) -> HttpResponse:
        place = urlsplit(current_settings().public_url)
        request.META |= {"HTTP_HOST": place.netloc, "HTTP_X_FORWARDED_PROTO": place.scheme}
        return view(request, organization_slug=organization_slug)

    return guarded


login = _at_public_address(views.login)


@csrf_exempt
@require_POST
@_at_public_address
def receive(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Take a response that a browser brings from elsewhere, thus without its cookies, and have it come again.

    It is not looked at yet, so that anybody can send one: it is small, and forgotten soon.
    """
    get_app_or_404(request, organization_slug)
    if len(request.body) > MOST_BYTES:
        raise TooLargeError(_("This is larger than any identity provider's response."))
    if not ratelimit.consume(request, action="saml_response"):
        raise TooManyError(_("Too many sign-ins from this address. Try again in a minute."))
    request.saml_acs_session = SessionStore()  # type: ignore[attr-defined]  # where allauth looks for it
    request.saml_acs_session.set_expiry(WAITS_S)  # type: ignore[attr-defined]
    response: HttpResponse = views.acs(request, organization_slug=organization_slug)
    return response


@require_GET
@_at_public_address
def finish(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Check the response and sign in; what cannot be read at all is refused like what is wrong."""
    response: HttpResponse
    try:
        response = views.finish_acs(request, organization_slug=organization_slug)
    except (LxmlError, ValueError, ImproperlyConfigured) as error:
        provider = get_app_or_404(request, organization_slug).get_provider(request)
        response = render_authentication_error(request, provider, exception=error)
    return response


@require_GET
@_at_public_address
def metadata(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Tell an identity provider who we are, without the sign-out that we do not offer."""
    app = get_app_or_404(request, organization_slug)
    config = build_saml_config(request, app.settings, organization_slug)
    del config["sp"]["singleLogoutService"]
    document = OneLogin_Saml2_Settings(config, sp_validation_only=True).get_sp_metadata()
    return HttpResponse(document, content_type="application/samlmetadata+xml")


def no_sign_out(_request: HttpRequest, organization_slug: str) -> HttpResponse:  # noqa: ARG001
    """Keep allauth's sign-out closed: it follows a message without a signature."""
    raise Http404
