"""The explorer's second page: the products of a dataset, or of all that this platform holds."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError
from geoscope.portal.explorer.catalogue import find_collection, search_items
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.datasets import Collection
from geoscope.portal.explorer.forms import ProductForm
from geoscope.portal.explorer.fragments import answer_search, asked_fields, wants_fragment
from geoscope.portal.explorer.property_filters import ChosenFilters, Offer, read_offer
from geoscope.portal.explorer.time_bars import read_time_bars

# In an address: this reader has no script, so the page comes with its results, however long that takes.
WAIT = "wait"


@require_safe
@vary_on_headers("HX-Request")
def products(request: HttpRequest) -> HttpResponse:
    """Show the form and the products that were found; only the latter when the page itself asks.

    Where other providers are asked, the page comes at once and asks for its results afterwards.
    """
    data, form = DataHalf(request), ProductForm(request.GET)
    chosen = ChosenFilters.from_query(request.GET)
    context: dict[str, object] = {"form": form, "chosen_count": len(chosen)}
    if form.is_valid():
        context["is_narrowed"] = form.is_narrowed or bool(chosen)
        context |= _find(request, data, form, chosen)
    return answer_search(request, "pages/products.html", context)


def _find(
    request: HttpRequest, data: DataHalf, form: ProductForm, chosen: ChosenFilters
) -> dict[str, object]:
    try:
        asked_for = form.cleaned_data["collection"]
        collection = find_collection(data, asked_for) if asked_for else None
        offer = read_offer(data, collection, chosen) if collection else Offer()
        found: dict[str, object] = {"collection": collection, "offer": offer}
        if _comes_later(request, collection):
            return found | {"later": _later(request)}
        parameters = {**form.parameters, **offer.parameters(chosen)}
        return found | _search(request, data, form, collection, parameters)
    except (InvalidInputError, NotFoundError) as error:
        form.add_error(None, str(error))
        return {}
    except UnavailableError as error:
        return {"problem": str(error)}


def _search(
    request: HttpRequest,
    data: DataHalf,
    form: ProductForm,
    collection: Collection | None,
    parameters: dict[str, str | int],
) -> dict[str, object]:
    result = search_items(data, parameters, collection)
    asked = {name: value for name, value in asked_fields(request).items() if name not in ("token", WAIT)}
    is_local = collection is None or collection.is_local
    return {
        "result": result,
        "first_query": urlencode(asked),
        "next_query": urlencode(asked | {"token": result.next_token}) if result.next_token else "",
        "is_first_page": not form.cleaned_data["token"],
        "time_bars": read_time_bars(data, parameters, asked) if is_local and result.items else None,
    }


def _comes_later(request: HttpRequest, collection: Collection | None) -> bool:
    if collection is None or collection.is_local:
        return False
    return not wants_fragment(request) and WAIT not in request.GET


def _later(request: HttpRequest) -> dict[str, str]:
    """Return the addresses of the results: for the page's script, and for a reader without script."""
    asked = asked_fields(request)
    return {"fragment": urlencode(asked), "whole": urlencode(asked | {WAIT: "1"})}
