"""Pages that renew a part of themselves by HTMX."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether the page asks for a part of itself; a new body and going back need the whole."""
    htmx = getattr(request, "htmx", None)
    if not isinstance(htmx, HtmxDetails) or not htmx:
        return False
    return not htmx.history_restore_request and htmx.request_type != "full"
