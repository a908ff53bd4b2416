"""Pages that renew a part of themselves by HTMX."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import push_url
from django_htmx.middleware import HtmxDetails

# What the search for datasets and that for products have in common.
SHARED_FIELDS = ("q", "bbox", "start", "end")


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether the page asks for a part of itself; a new body and going back need the whole."""
    htmx = getattr(request, "htmx", None)
    if not isinstance(htmx, HtmxDetails) or not htmx:
        return False
    return not htmx.history_restore_request and htmx.request_type != "full"


def asked_fields(request: HttpRequest) -> dict[str, str]:
    """Return what an address asks for, without what was left empty."""
    return {name: value for name, value in request.GET.items() if isinstance(value, str) and value}


def answer_search(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """Answer with a page, or with its partial `results` when the page itself asks.

    The browser's address then becomes that of the search, without what was left empty.
    """
    context["shared_query"] = urlencode(
        {name: value for name, value in asked_fields(request).items() if name in SHARED_FIELDS}
    )
    if not wants_fragment(request):
        return render(request, template, context)
    asked = urlencode(asked_fields(request))
    address = f"{request.path}?{asked}" if asked else request.path
    answer = render(request, f"{template}#results", context)
    is_new = getattr(request, "htmx").current_url_abs_path != address  # noqa: B009 (django-htmx sets it)
    return push_url(answer, address if is_new else False)
