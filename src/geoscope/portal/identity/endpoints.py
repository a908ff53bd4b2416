"""The provider's endpoints: allauth's, each with a guard before it where one was missing."""

import json
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.idp.oidc import views
from allauth.idp.oidc.internal.clientkit import is_loopback, lookup_client
from allauth.idp.oidc.internal.oauthlib import device_codes
from allauth.idp.oidc.models import Client, Token
from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from geoscope.portal.identity.clients import owner_of
from geoscope.portal.identity.exchange import exchange
from geoscope.portal.identity.families import (
    AlreadySpentError,
    begin_family,
    digest_of,
    end_families,
    punish_reuse,
    remember,
    spend,
)
from geoscope.portal.identity.keys import is_over, note_use
from geoscope.portal.identity.models import TokenFamily
from geoscope.portal.identity.oauth import (
    OFFLINE_ACCESS,
    TOKEN_EXCHANGE,
    caller_id,
    decode_basic,
    oauth_error,
    with_query,
)

CODE_LIFETIME_S = 60


@csrf_exempt
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask the user for consent, or give out a code; refuse what allauth would let pass.

    A page, never a redirect, answers when the redirect address is not exactly a registered one
    (RFC 9700, section 2.1).
    """
    asked = _asked(request)
    refusal = refusal_of(request, asked)
    if refusal is not None:
        return refusal
    if request.method == "GET" and _is_too_long_ago(request):
        if "none" in request.GET.get("prompt", ""):
            return _redirect_with_error(asked, "login_required")
        query = request.GET.copy()
        query["prompt"] = "login"
        request = with_query(request, query)
    response: HttpResponse = views.authorization(request)
    if response.status_code == 302:
        granted = request.POST.getlist("scopes") or (asked.get("scope") or "").split()
        _remember_code(request, response, granted)
    return response


def refusal_of(request: HttpRequest, asked: dict[str, str]) -> HttpResponse | None:
    """Return the page that refuses what a client asks for, or None."""
    client = lookup_client(asked.get("client_id", ""))
    if client is None:
        return _refused(request, _("There is no such client."))
    if not is_exact_redirect(client, asked.get("redirect_uri", "")):
        return _refused(request, _("The redirect address is not one that this client registered."))
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        return _refused(request, _("Only the PKCE method S256 is accepted."))
    return None


def _asked(request: HttpRequest) -> dict[str, str]:
    """Return what a client asks for: from the address, or from the consent form, which is signed."""
    if request.method != "POST" or "request" not in request.POST:
        return values_of(request.POST or request.GET)
    try:
        scopes, asked = Signer().unsign_object(request.POST["request"])
    except (BadSignature, ValueError):
        return {}
    return {**asked, "scope": " ".join(scopes)}


def values_of(query: QueryDict) -> dict[str, str]:
    """Return the parameters of a query, the last of those that are given twice."""
    return {name: str(value) for name, value in query.items()}


def is_exact_redirect(client: Client, address: str) -> bool:
    """Tell whether an address is one that a client registered, character by character.

    On loopback the port is free (RFC 8252, section 7.3).
    """
    registered = client.get_redirect_uris()
    if address in registered:
        return True
    try:
        given = urlsplit(address)
        if not is_loopback(given) or given.username or given.port is None:
            return False
        bare = given._replace(netloc=_without_port(given.netloc))
        return any(
            bare == each._replace(netloc=_without_port(each.netloc)) for each in map(urlsplit, registered)
        )
    except ValueError:
        return False


def _without_port(place: str) -> str:
    host, _, port = place.rpartition(":")
    return host if host and port.isdigit() else place


def _redirect_with_error(asked: dict[str, str], error: str) -> HttpResponse:
    """Send the browser back to the client, whose redirect address has been checked."""
    words = {"error": error} | ({"state": asked["state"]} if "state" in asked else {})
    address = asked["redirect_uri"]
    answer = HttpResponse(status=302)
    answer["Location"] = f"{address}{'&' if '?' in address else '?'}{urlencode(words)}"
    return answer


def _is_too_long_ago(request: HttpRequest) -> bool:
    """Tell whether the sign-in is older than `max_age` (OpenID Connect Core 1.0, section 3.1.2.1)."""
    largest = request.GET.get("max_age", "")
    if not re.fullmatch(r"[0-9]{1,10}", largest) or not request.user.is_authenticated:
        return False
    records = get_authentication_records(request, request.user)
    return not records or time.time() - records[-1]["at"] > int(largest)


def _remember_code(request: HttpRequest, response: HttpResponse, granted: list[str]) -> None:
    code = parse_qs(urlsplit(response["Location"]).query).get("code")
    if code and request.user.is_authenticated:
        family = begin_family(request, bound_to_session=OFFLINE_ACCESS not in granted)
        remember(family, code[0], CODE_LIFETIME_S)


def _refused(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "idp/oidc/error.html", {"reason": reason}, status=400)


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Give out tokens; a code, a refresh token and a device code are each worth something once."""
    decode_basic(request)
    grant = request.POST.get("grant_type")
    if grant == TOKEN_EXCHANGE:
        return exchange(request)
    if grant in ("authorization_code", "refresh_token"):
        return _token_for_spent(
            request, request.POST.get("code" if grant == "authorization_code" else grant, "")
        )
    if grant == Client.GrantType.DEVICE_CODE:
        return _token_for_device(request)
    if grant != Client.GrantType.CLIENT_CREDENTIALS:
        return oauth_error(
            "unsupported_grant_type", "The discovery document lists the grants that are there."
        )
    return _token_for_key(request)


def _token_for_key(request: HttpRequest) -> HttpResponse:
    client = lookup_client(caller_id(request))
    owner = owner_of(client) if client else None
    if owner is not None and not owner.is_active:
        return oauth_error("invalid_client", "The account that this client belongs to is closed.", 401)
    if client is not None and is_over(client):
        return oauth_error("invalid_client", "The last day of this key is over.", 401)
    response: HttpResponse = views.token(request)
    if response.status_code == 200 and client is not None:
        note_use(client)
    return response


def _token_for_spent(request: HttpRequest, presented: str) -> HttpResponse:
    try:
        with transaction.atomic():
            family = spend(presented)
            if family is None:
                return oauth_error("invalid_grant", "The code or refresh token is not valid.")
            request.token_family = family  # type: ignore[attr-defined]
            response: HttpResponse = views.token(request)
            if response.status_code == 200:
                _remember_tokens(family, response)
            else:
                transaction.set_rollback(True)
            return response
    except AlreadySpentError:
        punish_reuse(presented)
        return oauth_error("invalid_grant", "The code or refresh token was used before.")


def _token_for_device(request: HttpRequest) -> HttpResponse:
    code = request.POST.get("device_code", "")
    state = cache.get(device_codes.cache_device_code_key(code))
    if state and state["granted"] and not cache.add(f"spent-device-code:{digest_of(code)}", 1, timeout=600):
        return oauth_error("invalid_grant", "The device code was used before.")
    response: HttpResponse = views.token(request)
    if response.status_code == 200:
        value = json.loads(response.content)["access_token"]
        user = Token.objects.by_value(value).select_related("user").get().user
        _remember_tokens(TokenFamily.objects.create(user=user, authenticated=user.last_login), response)
    return response


def _remember_tokens(family: TokenFamily, response: HttpResponse) -> None:
    given = json.loads(response.content)
    remember(family, given["access_token"], given["expires_in"])
    if "refresh_token" in given:
        lifetime_s = given.get("refresh_expires_in") or settings.IDP_OIDC_REFRESH_TOKEN_EXPIRES_IN
        remember(family, given["refresh_token"], lifetime_s)


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """Revoke a token of the caller's own, and with a refresh token all that came from the same sign-in.

    RFC 7009, section 2.1: a token of another client is refused.
    """
    decode_basic(request)
    value = request.POST.get("token", "")
    found = Token.objects.by_value(value).first()
    if found is not None and found.client_id != caller_id(request):
        return oauth_error("invalid_grant", "The token belongs to another client.")
    response: HttpResponse = views.revoke(request)
    if response.status_code == 200 and found is not None and found.type == Token.Type.REFRESH_TOKEN:
        end_families(TokenFamily.objects.filter(tokens__digest=digest_of(value)))
    return response


@csrf_exempt
@require_POST
def introspect(request: HttpRequest) -> HttpResponse:
    """Tell a client whether a token of its own is valid, and what it says (RFC 7662)."""
    decode_basic(request)
    response: HttpResponse = views.introspect(request)
    return response


def device(request: HttpRequest) -> HttpResponse:
    """Ask the user whether the device that shows this code may act for them.

    allauth's own view is exempt from the check against forged forms; this one is not.
    """
    response: HttpResponse = views.device_authorization(request)
    return response
