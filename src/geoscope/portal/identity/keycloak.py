"""The provider under Keycloak's paths, for clients that read its login page as a browser would.

`/realms/desp/...` and `/auth/realms/dedl/...`; what each client sends and reads, and every trap, is tested
with the real clients.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.forms import LoginForm
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.idp.oidc import views
from allauth.idp.oidc.internal.clientkit import lookup_client
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.terms import terms_to_accept
from geoscope.portal.identity import endpoints
from geoscope.portal.identity.clients import needs_no_pkce
from geoscope.portal.identity.oauth import caller_id, decode_basic, with_query
from geoscope.portal.identity.realms import REALMS, issuer_of, set_realm
from geoscope.settings import current_settings

LOGIN_LIFETIME_S = 600
# Programs that sign in here never sign out; a browser stays signed in for as long.
SESSION_LIFETIME_S = 3600
_LOGIN = "realm_login"
# eodag looks for these words, and for the second in the last address.
WRONG_PASSWORD = "Invalid username or password."  # noqa: S105 (a message)
TERMS_MARK = "TERMS_AND_CONDITIONS"

type View = Callable[..., HttpResponse]


def in_realm(view: View) -> View:
    """Let a view speak as the realm in its path."""

    @never_cache
    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, realm: str) -> HttpResponse:
        if realm not in REALMS:
            raise Http404
        set_realm(request, REALMS[realm])
        return view(request)

    return wrapped


@in_realm
def configuration(request: HttpRequest) -> HttpResponse:
    """Return the discovery document, with the realm's own paths."""
    document = json.loads(views.configuration(request).content)
    base = f"{issuer_of(request)}/protocol/openid-connect"
    paths = {
        "authorization_endpoint": "auth",
        "token_endpoint": "token",
        "jwks_uri": "certs",
        "userinfo_endpoint": "userinfo",
        "introspection_endpoint": "token/introspect",
        "revocation_endpoint": "revoke",
        "end_session_endpoint": "logout",
        "device_authorization_endpoint": "auth/device",
    }
    return JsonResponse(document | {name: f"{base}/{path}" for name, path in paths.items()})


@in_realm
def authorize(request: HttpRequest) -> HttpResponse:
    """Show the login form, or go on at once with a browser that has signed in."""
    if request.user.is_authenticated:
        return _go_on(request, request.GET)
    refusal = endpoints.refusal_of(request, endpoints.values_of(request.GET))
    if refusal is not None:
        return refusal
    return _login_page(request, request.GET.urlencode())


@in_realm
def authenticate(request: HttpRequest) -> HttpResponse:
    """Take the password, then the one-time code where there is a second factor, then give out a code.

    The address holds a secret of this browser session, good for one step: it stands for the hidden field
    that such clients do not send back.
    """
    step = request.session.pop(_LOGIN, None)
    given = request.GET.get("session_code", "").encode()
    if request.method != "POST" or not step or not hmac.compare_digest(step["secret"].encode(), given):
        return _page(request, "identity/login_expired.html", {}, status=400)
    if time.time() - step["at"] > LOGIN_LIFETIME_S:
        return _login_page(request, step["query"], "Your login attempt timed out. Start again.")
    if step.get("user"):
        return _check_one_time_code(request, step)
    return _check_password(request, step["query"])


def _check_password(request: HttpRequest, query: str) -> HttpResponse:
    given = {"login": request.POST.get("username", ""), "password": request.POST.get("password", "")}
    form = LoginForm(given, request=request)
    if not form.is_valid():
        return _login_page(request, query, _words_of(form), given["login"])
    user = form.user
    if not user.is_active:
        return _login_page(request, query, WRONG_PASSWORD, given["login"])
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        place = current_settings().public_url
        return _login_page(
            request, query, f"Verify your e-mail address first: sign in at {place}.", given["login"]
        )
    record_authentication(request, user, method="password", username=user.get_username())
    if is_mfa_enabled(user):
        return _code_page(request, query, user)
    return _signed_in(request, query, user)


def _check_one_time_code(request: HttpRequest, step: dict[str, str]) -> HttpResponse:
    user = User.objects.filter(pk=step["user"], is_active=True).first()
    if user is None:
        return _login_page(request, step["query"], WRONG_PASSWORD)
    form = AuthenticateForm({"code": request.POST.get("otp", "")}, user=user)
    if not form.is_valid():
        return _code_page(request, step["query"], user, _words_of(form, "Invalid authenticator code."))
    form.save()
    return _signed_in(request, step["query"], user)


def _signed_in(request: HttpRequest, query: str, user: User) -> HttpResponse:
    if terms_to_accept(user) is not None:
        return HttpResponseRedirect(f"{current_settings().public_url}/account/terms?{TERMS_MARK}")
    get_account_adapter().login(request, user)
    request.session.set_expiry(SESSION_LIFETIME_S)
    return _go_on(request, QueryDict(query))


def _go_on(request: HttpRequest, query: QueryDict) -> HttpResponse:
    """Ask the provider for a code, with the PKCE challenge that clients of before do not send."""
    asked = query.copy()
    client = lookup_client(asked.get("client_id", ""))
    if client is not None and needs_no_pkce(client) and "code_challenge" not in asked:
        verifier = _verifier(client.id, str(asked.get("redirect_uri", "")))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        asked["code_challenge_method"] = "S256"
    return endpoints.authorize(with_query(request, asked))


@in_realm
def token(request: HttpRequest) -> HttpResponse:
    """Give out tokens, with the PKCE verifier that clients of before do not send."""
    decode_basic(request)
    client = lookup_client(caller_id(request))
    if client is not None and needs_no_pkce(client) and "code_verifier" not in request.POST:
        given = request.POST.copy()
        given["code_verifier"] = _verifier(client.id, request.POST.get("redirect_uri", ""))
        request.POST = given  # type: ignore[assignment]  # Django can, its stubs do not know
    return endpoints.token(request)


def _verifier(client_id: str, redirect_uri: str) -> str:
    """Return the PKCE verifier of a client that knows none: bound to its exact redirect address."""
    text = f"pkce\n{client_id}\n{redirect_uri}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), text, "sha256").hex()


def _words_of(form: LoginForm, wrong: str = WRONG_PASSWORD) -> str:
    """Return the error of a form in the words that clients look for; a limit is told as a limit."""
    problems = [problem for errors in form.errors.as_data().values() for problem in errors]
    if any(problem.code == "too_many_login_attempts" for problem in problems):
        return str(problems[0].message)
    return wrong


def _login_page(request: HttpRequest, query: str, problem: str = "", login: str = "") -> HttpResponse:
    context = {"action": _next_step(request, query), "problem": problem, "login": login}
    return _page(request, "identity/login.html", context)


def _code_page(request: HttpRequest, query: str, user: User, problem: str = "") -> HttpResponse:
    context = {"action": _next_step(request, query, user=str(user.pk)), "problem": problem}
    return _page(request, "identity/one_time_code.html", context)


def _next_step(request: HttpRequest, query: str, **more: str) -> str:
    secret = secrets.token_urlsafe(24)
    request.session[_LOGIN] = {"secret": secret, "query": query, "at": time.time(), **more}
    if not request.user.is_authenticated:
        request.session.set_expiry(LOGIN_LIFETIME_S)
    return f"{issuer_of(request)}/login-actions/authenticate?session_code={secret}"


def _page(request: HttpRequest, template: str, context: dict[str, str], status: int = 200) -> HttpResponse:
    return render(request, template, context, status=status)


certs = in_realm(views.jwks)
userinfo = in_realm(views.user_info)
introspect = in_realm(endpoints.introspect)
logout = in_realm(views.logout)
device_code = in_realm(views.device_code)
revoke = in_realm(endpoints.revoke)
