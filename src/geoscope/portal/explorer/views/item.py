"""The page of one item: its picture, what it is, and how to take it along."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from geoscope.errors import GeoscopeError, NotFoundError, UnavailableError
from geoscope.portal.explorer.catalogue import find_item, may_have
from geoscope.portal.explorer.data_half import DataHalf, JsonList
from geoscope.portal.explorer.datasets import Item
from geoscope.portal.explorer.fragments import wants_fragment
from geoscope.portal.explorer.layers import LayerChoice, find_layer, item_path, list_colormaps
from geoscope.portal.explorer.snippets import Point, Snippet, item_snippets, qgis_snippet


@require_safe
@vary_on_headers("HX-Request")
def item(request: HttpRequest, collection_id: str, item_id: str) -> HttpResponse:
    """Show an item; only its picture when the page itself asks."""
    data = DataHalf(request)
    found = find_item(data, collection_id, item_id)
    variable = found.variable(request.GET.get("variable", ""))
    base = request.build_absolute_uri("/").rstrip("/")
    context: dict[str, object] = {
        "item": found,
        "variable": variable,
        "layer": None,
        "layer_problem": "",
        "colormaps": [],
        "pictures": item_path(found),
        "point": _middle(found),
        "is_locked": not may_have(data, found),
    }
    if variable and not context["is_locked"]:
        asked = (request.GET.get(name, "") for name in ("datetime", "colormap", "level"))
        choice = LayerChoice(variable.name, *asked)
        snippets = item_snippets(found, base, variable.name, _middle(found))
        context |= {"choice": choice, "snippets": snippets} | _layer_context(
            data, found, choice, base, snippets
        )
    template = "pages/item.html#picture" if wants_fragment(request) else "pages/item.html"
    return render(request, template, context)


def _layer_context(
    data: DataHalf, item: Item, choice: LayerChoice, base: str, snippets: list[Snippet]
) -> dict[str, object]:
    try:
        layer = find_layer(data, item, choice)
    except NotFoundError:
        return {}
    except GeoscopeError as error:
        return {"layer_problem": str(error)}
    if item.policy is None:
        snippets = [*snippets, qgis_snippet(layer, base)]
    return {"layer": layer, "colormaps": _colormaps(data), "snippets": snippets}


def _colormaps(data: DataHalf) -> JsonList:
    """Return the menu of colour maps; the page does without where it cannot be had."""
    try:
        return list_colormaps(data)
    except UnavailableError:
        return []


def _middle(item: Item) -> Point | None:
    """Return a point that surely lies in the item's extent: the middle of its box."""
    if item.box is None:
        return None
    west, south, east, north = item.box
    width = (east - west) % 360 or 360
    return round((west + width / 2 + 180) % 360 - 180, 2), round((south + north) / 2, 2)
