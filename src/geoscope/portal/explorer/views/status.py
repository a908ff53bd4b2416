"""The status page: how the services are, and the other providers that the catalogue asks."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from geoscope.errors import UnavailableError
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.federation import list_backends
from geoscope.portal.explorer.fragments import wants_fragment
from geoscope.portal.explorer.views.landing import listed_services


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show services and backends; only the tables when the page renews itself."""
    context: dict[str, object] = {"services": listed_services()}
    try:
        context["backends"] = list_backends(DataHalf(request))
    except UnavailableError as error:
        context["problem"] = str(error)
    template = "pages/status.html#tables" if wants_fragment(request) else "pages/status.html"
    return render(request, template, context)
