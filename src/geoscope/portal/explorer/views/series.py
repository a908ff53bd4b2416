"""The series page: click the map, and see what every item of a collection says about that point."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from geoscope.errors import (
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
)
from geoscope.portal.explorer.catalogue import (
    find_collection,
    list_items,
    list_local_collections,
    may_have,
    widest_item,
)
from geoscope.portal.explorer.comparison import Comparison, compare
from geoscope.portal.explorer.cuts import PointSeries, position_query, read_series
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.datasets import Box, Collection, Item, Levels, Variable
from geoscope.portal.explorer.forms import PointForm
from geoscope.portal.explorer.fragments import wants_fragment
from geoscope.portal.explorer.layers import LayerChoice, item_path
from geoscope.portal.explorer.snippets import series_snippets

# Without a choice, so many collections are looked at for the one with most to compare.
MAX_CANDIDATES = 8


@dataclass(frozen=True)
class Subject:
    """What the series are of."""

    collection: Collection
    items: list[Item]
    variable: Variable
    is_locked: bool
    levels: Levels | None = None
    level: str = ""

    @property
    def tilejson_url(self) -> str:
        """The layer on the map to click."""
        shown = widest_item(self.items) or self.items[0]
        return f"{item_path(shown)}/tilejson.json{LayerChoice(self.variable.name, level=self.level).query}"


@require_safe
@vary_on_headers("HX-Request")
def series(request: HttpRequest) -> HttpResponse:
    """Show the map and the series; only the latter when the page itself asks."""
    data = DataHalf(request)
    try:
        collections = [one for one in list_local_collections(data) if one.variables]
        asked = {name: request.GET.get(name, "") for name in ("collection", "variable", "level")}
        subject = _subject(data, collections, **asked)
    except UnavailableError as error:
        return render(request, "errors/503.html", {"problem": str(error)}, status=503)
    point = PointForm(request.GET) if "lon" in request.GET or "lat" in request.GET else None
    context: dict[str, object] = {"collections": collections, "subject": subject, "point": point}
    if subject and not subject.is_locked and point and point.is_valid():
        context |= _read(request, data, subject, point.cleaned_data["lon"], point.cleaned_data["lat"])
    template = "pages/series.html#series" if wants_fragment(request) else "pages/series.html"
    return render(request, template, context)


def _subject(
    data: DataHalf, collections: list[Collection], *, collection: str, variable: str, level: str
) -> Subject | None:
    """Return what was asked for; if nothing was, the collection with most to compare."""
    candidates = [find_collection(data, collection)] if collection else collections[:MAX_CANDIDATES]
    subjects = []
    for one in candidates:
        items = list_items(data, one)
        chosen = one.variable(variable) or next((item.variable(variable) for item in items), None)
        if items and chosen:
            # Of a twin, what lies at the surface and what lies on levels are items with other variables.
            holding = [item for item in items if chosen.name in {each.name for each in item.variables}]
            items = holding or items
            levels = next(filter(None, (item.levels(chosen) for item in items)), None)
            at = levels.chosen(level) if levels else ""
            subjects.append(Subject(one, items, chosen, not may_have(data, one), levels, at))
    return max(subjects, key=lambda subject: (not subject.is_locked, len(subject.items)), default=None)


def _read(
    request: HttpRequest, data: DataHalf, subject: Subject, longitude: float, latitude: float
) -> dict[str, object]:
    if not _is_inside(subject.collection.box, longitude, latitude):
        return {"outside": True}
    query = position_query(subject.variable.name, longitude, latitude, subject.level)
    titles = {item.id: item.short_title for item in subject.items}
    try:
        found = read_series(data, subject.collection.id, titles, query)
    except NotFoundError:
        return {"outside": True}
    except (InvalidInputError, NotAllowedError, NotSignedInError, UnavailableError) as error:
        return {"problem": str(error)}
    if found is None or not any(one.has_values for one in found.series):
        return {"no_values": True}
    compared = compare(found.series)
    base = request.build_absolute_uri("/").rstrip("/")
    address = f"/edr/collections/{subject.collection.id}/position"
    return {
        "found": found,
        "comparison": compared,
        "chart": chart(subject, found, compared),
        "csv": f"{address}?{urlencode(query | {'f': 'CSV'})}",
        "coverage_json": f"{address}?{urlencode(query | {'f': 'CoverageJSON'})}",
        "snippets": series_snippets(base, subject.collection, query),
    }


def chart(subject: Subject, found: PointSeries, compared: Comparison) -> dict[str, object]:
    """Return what `<geo-series>` draws."""
    return {
        "title": subject.variable.title,
        "unit": found.unit,
        "times": compared.times,
        "series": [
            {"name": title, "values": column}
            for title, column in zip(compared.titles, compared.columns, strict=True)
        ],
    }


def _is_inside(box: Box | None, longitude: float, latitude: float) -> bool:
    if box is None:
        return True
    west, south, east, north = box
    in_width = west <= longitude <= east if west <= east else longitude >= west or longitude <= east
    return in_width and south <= latitude <= north
