"""Who asks: what polytope-client and others send as `Authorization`, several credentials in one header."""

import base64
import binascii

from geoscope.access import Principal, verify_token
from geoscope.errors import NotSignedInError
from geoscope.settings import Settings
from geoscope.user_keys import Readers, is_user_key

REMEDY = "Send 'Authorization: Bearer TOKEN', or set POLYTOPE_USER_KEY to a key of yours or an access token."


async def principal_of(settings: Settings, readers: Readers, header: str | None) -> Principal:
    """Return who sends a request.

    A header is `Bearer TOKEN`, `EmailKey MAIL:TOKEN` or `Basic` with the token as password, or several of
    these joined by commas: the first that is valid counts. A token is an access token or a key.

    Raises
    ------
    NotSignedInError
        If there is none, or none is valid.
    UnavailableError
        If it is a key, and the portal does not answer.
    """
    refused: NotSignedInError | None = None
    for credentials in (header or "").split(","):
        token = _token(credentials.strip())
        if token:
            try:
                return await _principal_of_token(settings, readers, token)
            except NotSignedInError as error:
                refused = refused or error
    raise refused or NotSignedInError("This needs credentials.", REMEDY)


async def _principal_of_token(settings: Settings, readers: Readers, token: str) -> Principal:
    if not is_user_key(token):
        return verify_token(settings, token)
    principal, _authorization = await readers.of_key(settings, token)
    return principal


def _token(credentials: str) -> str:
    scheme, _, value = credentials.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "emailkey":
        return value.rpartition(":")[2]
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
