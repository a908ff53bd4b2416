"""The page of one collection."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from geoscope.portal.explorer.catalogue import find_collection, list_items, widest_item
from geoscope.portal.explorer.data_half import DataHalf


@require_safe
def collection(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Show what a collection is, what is in it, and what can be done with it."""
    data = DataHalf(request)
    found = find_collection(data, collection_id)
    items = list_items(data, found)
    context = {"collection": found, "items": items, "shown": widest_item(items)}
    return render(request, "pages/collection.html", context)
