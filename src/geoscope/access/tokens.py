"""Access tokens: JWTs signed with RS256 (RFC 7519, RFC 9068), verified offline with public keys.

Real Destination Earth clients accept no other algorithm.
"""

import json
import time
import uuid
from functools import lru_cache
from typing import Any

import jwt
from jwt.utils import base64url_decode

from geoscope.access.principals import Principal
from geoscope.access.public_keys import public_key
from geoscope.access.signing_keys import current_signing_key
from geoscope.errors import NotSignedInError
from geoscope.settings import Settings

AUDIENCE = "geoscope"
# Of tokens that keys for reading get: only services that serve data take them, and those change nothing.
READING_AUDIENCE = "geoscope:reading"
TOKEN_LIFETIME_S = 600
CLOCK_SKEW_S = 30


def issue_token(settings: Settings, subject: str, roles: frozenset[str] = frozenset()) -> str:
    """Sign a token of ten minutes for one of the platform's own parts, or for the operator's command line.

    Parameters
    ----------
    settings : Settings
        Says where the signing key is.
    subject : str
        Who it is for, such as `service:workflows`.
    roles : frozenset of str
        The roles that it carries.
    """
    return issue_token_for(settings, Principal(subject, roles))


def issue_token_for(settings: Settings, principal: Principal) -> str:
    """Sign a token of ten minutes that says all that was granted to a principal."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.public_url,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_LIFETIME_S,
        "jti": uuid.uuid4().hex,
        "token_use": "access",
    }
    return sign(settings, claims | claims_of(principal))


def claims_of(principal: Principal) -> dict[str, Any]:
    """Return what an access token says of a principal: subject, roles, entities and quotas."""
    return {
        "sub": principal.subject,
        "realm_access": {"roles": sorted(principal.roles)},
        "entity": sorted(principal.entities),
        "quota": sorted(principal.quotas),
    }


def sign(settings: Settings, claims: dict[str, Any]) -> str:
    """Return a token that carries these claims, signed with the key that signs now."""
    key = current_signing_key(settings)
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.key_id})


def verify_token(settings: Settings, token: str, audience: str = AUDIENCE) -> Principal:
    """Return the principal of a token that is for this audience.

    Raises
    ------
    NotSignedInError
        If the token is malformed, expired, of another issuer or signed with another key.
    """
    principal, expires_s = _verified(settings, token, audience)
    if time.time() >= expires_s:
        raise NotSignedInError("The access token is not valid: it has expired.", "Ask for a new one.")
    return principal


@lru_cache(maxsize=1024)
def _verified(settings: Settings, token: str, audience: str) -> tuple[Principal, float]:
    """Return the principal of a token, and until when it is one; kept, as clients send a token many times."""
    claims = verified_claims(settings, token, audience)
    principal = Principal(
        subject=claims["sub"],
        roles=frozenset(claims.get("realm_access", {}).get("roles", ())),
        entities=frozenset(claims.get("entity", ())),
        quotas=frozenset(claims.get("quota", ())),
    )
    return principal, claims["exp"] + CLOCK_SKEW_S


def verified_claims(settings: Settings, token: str, audience: str = AUDIENCE) -> dict[str, Any]:
    """Return the claims of an access token of this platform.

    A token of a realm (`settings.realm_issuers`) carries no audience: the clients that it is for refuse one.
    All others name the audience: by default, this platform.

    Raises
    ------
    NotSignedInError
        If it is malformed, expired, of another issuer or audience, not an access token, or signed with
        another key or algorithm.
    """
    try:
        key = public_key(settings, _key_id(token.partition(".")[0]))
        if key is None:
            raise jwt.InvalidTokenError("it is signed with an unknown key")  # noqa: TRY301 (one wording)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=[settings.public_url, *settings.realm_issuers],
            leeway=CLOCK_SKEW_S,
            options={"require": ["exp", "iat", "sub"], "verify_aud": False},
        )
        _check_purpose(settings, claims, audience)
    except jwt.InvalidTokenError as error:
        raise NotSignedInError(f"The access token is not valid: {error}.", "Ask for a new one.") from error
    return claims


@lru_cache(maxsize=64)
def _key_id(header: str) -> str:
    """Return which key a token's first part says it is signed with; all that a key signs begin alike."""
    try:
        return str(json.loads(base64url_decode(header))["kid"])
    except (ValueError, KeyError, TypeError) as error:
        raise jwt.DecodeError("it is not a token with a key id") from error


def _check_purpose(settings: Settings, claims: dict[str, Any], wanted: str) -> None:
    """Refuse what this platform signed for somebody else, and what is no access token."""
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set(audience or ())
    if wanted not in named and (named or claims["iss"] == settings.public_url):
        raise jwt.InvalidAudienceError("it is for another audience")
    if claims.get("token_use") != "access":
        raise jwt.InvalidTokenError("it is not an access token")


def principal_of_header(settings: Settings, header: str | None) -> Principal | None:
    """Return who sends an `Authorization` header, or None for a stranger without one.

    Raises
    ------
    NotSignedInError
        If there is a token and it is not valid: a bad token is never taken for none.
    """
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedInError(
            "Only bearer tokens are accepted.", "Send 'Authorization: Bearer TOKEN' (RFC 6750)."
        )
    return verify_token(settings, token.strip())
