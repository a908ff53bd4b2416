"""An error as each standard writes it."""

from collections.abc import Callable
from typing import Any

from geoscope.errors import GeoscopeError

# A document and its media type.
type ErrorDocument = Callable[[GeoscopeError], tuple[dict[str, Any], str]]


def problem_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error as OGC APIs do: problem details (RFC 9457)."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": error.code,
        "status": error.status,
        "detail": str(error),
    }
    return document | help_links(error), "application/problem+json"


def stac_error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error as the STAC API does: `code` and `description`."""
    return {"code": error.code, "description": str(error)} | help_links(error), "application/json"


def help_links(error: GeoscopeError) -> dict[str, Any]:
    """Return the page that helps as a web link (RFC 8288); the standards allow members of one's own."""
    return {"links": [{"rel": "help", "href": error.help_url, "type": "text/html"}]} if error.help_url else {}
