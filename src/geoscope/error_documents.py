"""An error as each standard writes it."""

from collections.abc import Callable
from typing import Any

from geoscope.errors import GeoscopeError

# A document and its media type.
type ErrorDocument = Callable[[GeoscopeError], tuple[dict[str, Any], str]]


def problem_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error as OGC APIs do: problem details (RFC 9457)."""
    document = {"type": "about:blank", "title": error.code, "status": error.status, "detail": str(error)}
    return document, "application/problem+json"


def stac_error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error as the STAC API does: `code` and `description`."""
    return {"code": error.code, "description": str(error)}, "application/json"
