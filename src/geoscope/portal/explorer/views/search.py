"""The explorer: search by words, place and time."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.portal.explorer.catalogue import SearchResult, list_collections, search_items
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.forms import SearchForm
from geoscope.portal.explorer.fragments import wants_fragment


@require_safe
@vary_on_headers("HX-Request")
def search(request: HttpRequest) -> HttpResponse:
    """Show the form and what was found; only the latter when the page itself asks."""
    data = DataHalf(request)
    form = SearchForm(request.GET)
    context: dict[str, object] = {
        "form": form,
        "result": None,
        "problem": "",
        "collections": {},
        "is_narrowed": False,
    }
    if form.is_valid():
        context |= {"is_narrowed": form.is_narrowed} | _find(data, form)
    context["next_query"] = _next_query(request, context["result"])
    if wants_fragment(request):
        answer = render(request, "pages/search.html#results", context)
        return push_url(answer, _short_address(request))
    return render(request, "pages/search.html", context)


def _find(data: DataHalf, form: SearchForm) -> dict[str, object]:
    try:
        return {"result": search_items(data, form.parameters), "collections": list_collections(data)}
    except InvalidInputError as error:
        form.add_error(None, str(error))
        return {}
    except UnavailableError as error:
        return {"problem": str(error)}


def _short_address(request: HttpRequest) -> str:
    """Return the address of this search without what was left empty."""
    asked = urlencode({name: value for name, value in request.GET.items() if value})
    return f"{request.path}?{asked}" if asked else request.path


def _next_query(request: HttpRequest, result: object) -> str:
    if not isinstance(result, SearchResult) or not result.next_token:
        return ""
    asked = {name: value for name, value in request.GET.items() if value}
    return urlencode(asked | {"token": result.next_token})
