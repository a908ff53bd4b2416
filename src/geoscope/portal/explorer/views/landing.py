"""The landing page: the Earth, the services, and where to begin."""

from dataclasses import dataclass
from itertools import zip_longest

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.portal.explorer.catalogue import list_collections, list_items, widest_item
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.dataset_list import page_of_datasets
from geoscope.portal.explorer.datasets import Collection, Item
from geoscope.portal.explorer.jobs import demo_progress
from geoscope.portal.explorer.layers import Layer, LayerChoice, find_layer
from geoscope.portal.registry.health import Health, health_by_service
from geoscope.portal.registry.manifests import all_manifests
from geoscope.service import Manifest

MAX_EXAMPLES = 4
MAX_KEYWORDS = 6


@dataclass(frozen=True)
class Example:
    """A collection to try: as series if its items can be compared, else as a map."""

    collection: Collection
    items: list[Item]

    @property
    def is_comparison(self) -> bool:
        """Whether there is more than one item to lay side by side."""
        return len(self.items) > 1

    @property
    def point(self) -> tuple[float, float]:
        """The middle of the collection's extent: longitude, latitude."""
        west, south, east, north = self.collection.box or (-180.0, -90.0, 180.0, 90.0)
        return (west + ((east - west) % 360 or 360) / 2 + 180) % 360 - 180, (south + north) / 2


@dataclass(frozen=True)
class ListedService:
    """A service with its health."""

    manifest: Manifest
    health: Health


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Show the landing page, also when the catalogue is empty or does not answer."""
    data = DataHalf(request)
    problem, examples, collections = "", [], []
    try:
        collections = list_collections(data)
        examples = _examples(data, collections)
    except UnavailableError as error:
        problem = str(error)
    items = [item for example in examples for item in example.items]
    featured = widest_item(items)
    context = {
        "services": listed_services(),
        "examples": examples,
        "keywords": _keywords(examples),
        "dataset_count": len(collections),
        "providers": page_of_datasets(collections).providers,
        "featured": featured,
        "layer": _layer(data, featured),
        "progress": demo_progress(data),
        "problem": problem,
    }
    return render(request, "pages/landing.html", context)


@require_safe
def services_fragment(request: HttpRequest) -> HttpResponse:
    """Show the services alone, for the page that refreshes them."""
    return render(request, "pages/landing.html#services", {"services": listed_services()})


def listed_services() -> list[ListedService]:
    """Return all services with their health, in the order of the main job."""
    health = health_by_service()
    return [
        ListedService(manifest, health.get(manifest.id, Health())) for manifest in all_manifests().values()
    ]


def _examples(data: DataHalf, collections: list[Collection]) -> list[Example]:
    """Return the first collections that can be drawn at once, those to compare before those to look at."""
    drawn = [one for one in collections if one.is_local and one.renders and not one.policy][:MAX_EXAMPLES]
    examples = [Example(collection, list_items(data, collection)) for collection in drawn]
    return sorted(examples, key=lambda example: not example.is_comparison)


def _keywords(examples: list[Example]) -> list[str]:
    """Return words to search for: the first of each collection, then the second of each."""
    rounds = zip_longest(*(example.collection.keywords[:2] for example in examples))
    return list(dict.fromkeys(word for words in rounds for word in words if word))[:MAX_KEYWORDS]


def _layer(data: DataHalf, item: Item | None) -> Layer | None:
    if item is None:
        return None
    variable = item.variable("")
    try:
        return find_layer(data, item, LayerChoice(variable.name if variable else ""))
    except GeoscopeError:
        return None
