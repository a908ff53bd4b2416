"""The page of one collection."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from geoscope.portal.explorer.catalogue import find_collection, may_have, newest_items, widest_item
from geoscope.portal.explorer.data_half import DataHalf

MAX_SHOWN = 12


@require_safe
def collection(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Show what a collection is, what is in it, and what can be done with it."""
    data = DataHalf(request)
    found = find_collection(data, collection_id)
    newest = newest_items(data, found, MAX_SHOWN) if found.is_local else None
    items = newest.items if newest else []
    context = {
        "collection": found,
        "is_locked": not may_have(data, found),
        "items": items,
        "has_more": bool(newest and newest.next_token),
        "shown": widest_item(items),
    }
    return render(request, "pages/collection.html", context)
