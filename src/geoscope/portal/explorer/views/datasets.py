"""The explorer's first page: which datasets there are."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.portal.explorer.catalogue import list_collections
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.dataset_list import DatasetPage, page_of_datasets
from geoscope.portal.explorer.forms import DatasetForm
from geoscope.portal.explorer.fragments import answer_search, asked_fields


@require_safe
@vary_on_headers("HX-Request")
def datasets(request: HttpRequest) -> HttpResponse:
    """Show the form and the datasets that were found; only the latter when the page itself asks."""
    form = DatasetForm(request.GET)
    context: dict[str, object] = {"form": form, "page": None, "problem": "", "is_narrowed": False}
    if form.is_valid():
        context |= {"is_narrowed": form.is_narrowed} | _find(DataHalf(request), form)
    page = context["page"]
    if isinstance(page, DatasetPage):
        context |= _pager(request, page) | {"footprints": page.footprints}
    return answer_search(request, "pages/datasets.html", context)


def _find(data: DataHalf, form: DatasetForm) -> dict[str, object]:
    asked = form.cleaned_data
    try:
        found = list_collections(data, form.parameters)
    except InvalidInputError as error:
        form.add_error(None, str(error))
        return {}
    except UnavailableError as error:
        return {"problem": str(error)}
    return {
        "page": page_of_datasets(
            found,
            provider=asked["provider"],
            place=asked["place"],
            words=asked["q"],
            number=asked["page"] or 1,
        )
    }


def _pager(request: HttpRequest, page: DatasetPage) -> dict[str, object]:
    """Return the queries of the pages before and after; empty where there is none."""
    asked = asked_fields(request)
    before, after = ({**asked, "page": page.number + step} for step in (-1, 1))
    return {
        "previous_query": urlencode(before) if page.number > 1 else "",
        "next_query": urlencode(after) if page.number < page.last else "",
    }
