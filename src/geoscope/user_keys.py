"""Keys that live long and only read, for programs that send one thing for ever, as Polytope's `user_key`.

A key is a client of its user at the platform's own OpenID provider. A data service changes it there into an
access token, as any program can (client credentials), and remembers for a moment who it stands for.
"""

from http import HTTPStatus
from typing import NamedTuple

import httpx

from geoscope.access import (
    READING_AUDIENCE,
    Principal,
    issue_token_for,
    principal_of_header,
    verify_token,
)
from geoscope.errors import NotSignedInError, UnavailableError
from geoscope.keeping import Kept
from geoscope.settings import Settings

PREFIX = "geoscope_"
MOST_KEYS = 1000
# A key that was revoked, or a right that has ended, counts after this time at the latest.
LIFETIME_S = 60.0
_TOKEN_PATH = "/identity/o/api/token"  # noqa: S105 (a path)
_TIMEOUT_S = 10.0


class Reader(NamedTuple):
    """Who asks for data: None for a stranger, and the header that tells the platform's parts."""

    principal: Principal | None
    authorization: str | None


def user_key_of(client_id: str, secret: str) -> str:
    """Return the one text that a program sends for a key."""
    return f"{PREFIX}{client_id}_{secret}"


def is_user_key(text: str) -> bool:
    """Tell a key from an access token."""
    return text.startswith(PREFIX)


class Readers:
    """Finds out who sends a key or an access token."""

    def __init__(self) -> None:
        self._known: Kept[tuple[Principal, str]] = Kept(MOST_KEYS, LIFETIME_S)

    async def of_header(self, settings: Settings, header: str | None) -> Reader:
        """Return who sends an `Authorization` header: `Bearer` with an access token or a key.

        Raises
        ------
        NotSignedInError
            If what it holds is not valid.
        UnavailableError
            If the portal, who knows the keys, does not answer.
        """
        scheme, _, value = (header or "").partition(" ")
        if scheme.lower() == "bearer" and is_user_key(value.strip()):
            return Reader(*await self.of_key(settings, value.strip()))
        return Reader(principal_of_header(settings, header), header)

    async def of_key(self, settings: Settings, key: str) -> tuple[Principal, str]:
        """Return whose key it is, and the header that tells the platform's parts; errors as for a header."""
        return await self._known.get(key, lambda: _ask_portal(settings, key))


async def _ask_portal(settings: Settings, key: str) -> tuple[Principal, str]:
    client_id, _, secret = key.removeprefix(PREFIX).partition("_")
    try:
        async with httpx.AsyncClient(
            base_url=settings.internal.portal_url, timeout=_TIMEOUT_S, trust_env=False
        ) as portal:
            asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
            answer = await portal.post(_TOKEN_PATH, data=asked)
    except httpx.HTTPError as error:
        raise UnavailableError(f"The portal does not answer: {error!r}.", "Try again in a moment.") from error
    if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
        raise NotSignedInError(
            "The key is not valid: it was revoked, or its last day is over.",
            "Make another on the page 'Programs' of your account.",
        )
    if not answer.is_success:
        raise UnavailableError(f"The portal answers {answer.status_code}.", "Try again in a moment.")
    principal = verify_token(settings, answer.json()["access_token"], READING_AUDIENCE)
    return principal, f"Bearer {issue_token_for(settings, principal)}"
