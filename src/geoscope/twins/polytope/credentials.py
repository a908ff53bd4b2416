"""Who asks: what polytope-client and others send as `Authorization`, several credentials in one header."""

import base64
import binascii

from geoscope.access import Principal, verify_token
from geoscope.errors import NotSignedInError
from geoscope.settings import Settings

REMEDY = "Send 'Authorization: Bearer TOKEN', or set POLYTOPE_USER_KEY to an access token."


def principal_of(settings: Settings, header: str | None) -> tuple[Principal, str]:
    """Return who sends a request, and the token that says so.

    A header is `Bearer TOKEN`, `EmailKey MAIL:TOKEN` or `Basic` with the token as password, or several of
    these joined by commas: the first that is valid counts.

    Raises
    ------
    NotSignedInError
        If there is none, or none is valid.
    """
    refused: NotSignedInError | None = None
    for credentials in (header or "").split(","):
        token = _token(credentials.strip())
        if token:
            try:
                return verify_token(settings, token), token
            except NotSignedInError as error:
                refused = refused or error
    raise refused or NotSignedInError("This needs credentials.", REMEDY)


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
