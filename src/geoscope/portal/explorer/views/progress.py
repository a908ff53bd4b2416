"""How far the demo data is: a piece of the landing page that renews itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.jobs import demo_progress


@require_safe
@never_cache
def progress(request: HttpRequest) -> HttpResponse:
    """Show the progress; when the job is done, let the browser load the page anew."""
    state = demo_progress(DataHalf(request))
    answer = render(request, "pages/landing.html#progress", {"progress": state})
    if state is None:
        answer["HX-Refresh"] = "true"
    return answer
