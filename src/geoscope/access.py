"""Who is asking, and may they: one question that every data service asks in the same way.

Tokens are JWTs signed with RS256 (RFC 7519, RFC 9068; real Destination Earth clients accept no other
algorithm). They are verified offline, with the installation's public key.
"""

import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from geoscope.errors import NotAllowedError, NotSignedInError, SetupError
from geoscope.secrets import SIGNING_KEY, read_secret
from geoscope.settings import Settings

ADMINISTRATOR = "administrator"
AUDIENCE = "geoscope"
TOKEN_LIFETIME_S = 600
CLOCK_SKEW_S = 30


@dataclass(frozen=True)
class Principal:
    """Who asks: a person or a service, and the roles that were granted to them."""

    subject: str
    roles: frozenset[str] = frozenset()

    def require_role(self, role: str) -> None:
        """Refuse a principal without this role; an administrator has every role.

        Raises
        ------
        NotAllowedError
            Naming the role that is missing.
        """
        if role not in self.roles and ADMINISTRATOR not in self.roles:
            raise NotAllowedError(
                f"This needs the role {role!r}.", "Ask the operator of this platform to grant it."
            )


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
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.public_url,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_LIFETIME_S,
        "jti": uuid.uuid4().hex,
        "realm_access": {"roles": sorted(roles)},
    }
    return jwt.encode(claims, _signing_key(settings), algorithm="RS256")


def verify_token(settings: Settings, token: str) -> Principal:
    """Return the principal of a token.

    Raises
    ------
    NotSignedInError
        If the token is malformed, expired, of another issuer or signed with another key.
    """
    principal, expires_s = _verified(settings, token)
    if time.time() >= expires_s:
        raise NotSignedInError("The access token is not valid: it has expired.", "Ask for a new one.")
    return principal


@lru_cache(maxsize=1024)
def _verified(settings: Settings, token: str) -> tuple[Principal, float]:
    """Return the principal of a token, and until when it is one; kept, as clients send a token many times."""
    try:
        claims = jwt.decode(
            token,
            _signing_key(settings).public_key(),
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=settings.public_url,
            leeway=CLOCK_SKEW_S,
            options={"require": ["exp", "iat", "sub"]},
        )
    except jwt.InvalidTokenError as error:
        raise NotSignedInError(f"The access token is not valid: {error}.", "Ask for a new one.") from error
    principal = Principal(claims["sub"], frozenset(claims.get("realm_access", {}).get("roles", ())))
    return principal, claims["exp"] + CLOCK_SKEW_S


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


@lru_cache(maxsize=4)
def _signing_key(settings: Settings) -> RSAPrivateKey:
    key = load_pem_private_key(read_secret(settings, SIGNING_KEY).encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise SetupError(
            f"The secret {SIGNING_KEY} is not an RSA key.", "Remove it; the next start makes one."
        )
    return key
