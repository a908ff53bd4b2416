"""Token exchange (RFC 8693): an access token for one service becomes one for another.

With Keycloak's extension `subject_issuer`, which names where the first token comes from: here always
this platform, so that it changes nothing.
"""

import time
import uuid
from datetime import UTC, datetime

from allauth.core.internal.httpkit import extract_basic_auth
from allauth.idp.oidc.internal.clientkit import lookup_client
from allauth.idp.oidc.models import Client, Token
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from geoscope.access import AUDIENCE, TOKEN_LIFETIME_S
from geoscope.access.tokens import sign, verified_claims
from geoscope.errors import NotSignedInError
from geoscope.portal.accounts.models import User
from geoscope.portal.identity.adapter import claims_of
from geoscope.portal.identity.families import digest_of, remember
from geoscope.portal.identity.models import IssuedToken
from geoscope.portal.identity.oauth import ACCESS_TOKEN, caller_id, oauth_answer, oauth_error
from geoscope.portal.identity.realms import issuer_of
from geoscope.settings import current_settings


def exchange(request: HttpRequest) -> HttpResponse:
    """Answer a request of the token endpoint whose grant type is token exchange."""
    client = _authenticated_client(request)
    if client is None:
        return oauth_error("invalid_client", "The client is unknown, or its secret is wrong.", 401)
    if not (client.data or {}).get("token_exchange"):
        return oauth_error("unauthorized_client", "This client may not exchange tokens.")
    for name, default in (("subject_token_type", ""), ("requested_token_type", ACCESS_TOKEN)):
        if request.POST.get(name, default) != ACCESS_TOKEN:
            return oauth_error("invalid_request", f"{name} must be {ACCESS_TOKEN}.")
    audiences = request.POST.getlist("audience")
    if not set(audiences) <= {client.id, AUDIENCE}:
        return oauth_error("invalid_target", f"The audience must be {client.id!r} or {AUDIENCE!r}.")
    try:
        subject = _subject(request.POST.get("subject_token", ""))
    except NotSignedInError as error:
        return oauth_error("invalid_request", str(error))
    return _answer(request, client, *subject)


def _authenticated_client(request: HttpRequest) -> Client | None:
    client = lookup_client(caller_id(request))
    if client is None:
        return None
    _client_id, secret = extract_basic_auth(request.headers)
    secret = secret or request.POST.get("client_secret", "")
    if client.type == Client.Type.PUBLIC or (secret and client.check_secret(secret)):
        return client
    return None


def _subject(token: str) -> tuple[User, IssuedToken, int]:
    """Return whose token it is, its entry, and when it ends, in seconds of Unix time.

    Raises
    ------
    NotSignedInError
        If it is not valid, was revoked, or belongs to one of the platform's own parts.
    """
    claims = verified_claims(current_settings(), token)
    known = Token.objects.valid().by_value(token).exists()
    entry = IssuedToken.objects.select_related("family").filter(digest=digest_of(token)).first()
    user = User.objects.filter(username=claims["sub"], is_active=True).first()
    if not known or entry is None or user is None:
        raise NotSignedInError("The subject token was revoked, or is not a user's.", "Sign in again.")
    return user, entry, claims["exp"]


def _answer(
    request: HttpRequest, client: Client, user: User, subject: IssuedToken, expires_s: int
) -> HttpResponse:
    """Give out a token that lives no longer than the one that it is made of."""
    now = int(time.time())
    expires_s = min(expires_s, now + TOKEN_LIFETIME_S)
    claims = claims_of(user, client) | {
        "iss": issuer_of(request),
        "aud": sorted({AUDIENCE, client.id}),
        "azp": client.id,
        "client_id": client.id,
        "iat": now,
        "nbf": now,
        "exp": expires_s,
        "jti": uuid.uuid4().hex,
        "token_use": "access",
        "scope": "openid",
    }
    value = sign(current_settings(), claims)
    with transaction.atomic():
        token = Token(client=client, user=user, type=Token.Type.ACCESS_TOKEN, hash=digest_of(value))
        token.expires_at = datetime.fromtimestamp(expires_s, tz=UTC)
        token.set_scopes(["openid"])
        token.save()
        remember(subject.family, value, expires_s - now)
    return oauth_answer(
        {
            "access_token": value,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": expires_s - now,
            "scope": "openid",
        }
    )
