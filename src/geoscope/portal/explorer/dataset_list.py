"""All datasets that fit a search, counted by provider and place, and one page of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse

from geoscope.portal.explorer.data_half import Json
from geoscope.portal.explorer.datasets import Box, Collection

PAGE_SIZE = 24


class Place(StrEnum):
    """Where the items of a dataset are."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Option:
    """A value that narrows the list, and how many datasets it would leave."""

    value: str
    count: int


@dataclass(frozen=True)
class DatasetPage:
    """One page of a list of datasets.

    Attributes
    ----------
    collections : list of Collection
        Those on the page.
    total : int
        How many there are on all pages.
    number, last : int
        Which page it is, and which is the last; the first is 1.
    providers, places : list of Option
        What the list can be narrowed to: each is counted with the other's choice.
    """

    collections: list[Collection]
    total: int
    number: int
    last: int
    providers: list[Option]
    places: list[Option]

    @property
    def footprints(self) -> Json:
        """The extents on the page as GeoJSON, each with its title and page; of equal ones the first alone."""
        by_box = {one.box: one for one in reversed(self.collections)}
        features = [_outline(one, box) for box, one in by_box.items() if box]
        return {"type": "FeatureCollection", "features": features}

    @property
    def first_shown(self) -> int:
        """Place of the page's first dataset in the whole list, from 1."""
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last_shown(self) -> int:
        """Place of the page's last dataset in the whole list."""
        return self.first_shown + len(self.collections) - 1


def page_of_datasets(
    found: Iterable[Collection], *, provider: str = "", place: str = "", words: str = "", number: int = 1
) -> DatasetPage:
    """Narrow what a search found, sort it and take a page.

    Those of this platform come first, then those whose title holds all the words, then by title.

    Parameters
    ----------
    found : iterable of Collection
        What the catalogue found.
    provider, place : str
        Keep those of this maker, and those that are here or elsewhere; empty keeps all.
    words : str
        What was looked for.
    number : int
        The page, from 1; beyond the last it is the last.
    """
    all_found = list(found)
    of_provider = [one for one in all_found if not provider or one.maker == provider]
    at_place = [one for one in all_found if not place or place_of(one) == place]
    chosen = [one for one in of_provider if not place or place_of(one) == place]
    terms = words.casefold().split()
    chosen.sort(key=lambda one: (not one.is_local, not _has_all(one.title, terms), one.title.casefold()))
    last = max(1, -(-len(chosen) // PAGE_SIZE))
    number = min(number, last)
    shown = chosen[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return DatasetPage(
        collections=shown,
        total=len(chosen),
        number=number,
        last=last,
        providers=_options(at_place, lambda one: one.maker),
        places=_options(of_provider, place_of),
    )


def place_of(collection: Collection) -> str:
    """Return where the items of a dataset are."""
    return Place.HERE if collection.is_local else Place.ELSEWHERE


def _outline(collection: Collection, box: Box) -> Json:
    """Return a collection's extent as a GeoJSON feature; one across 180 degrees is cut there."""
    west, south, east, north = box
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    rings = [
        [[[left, south], [right, south], [right, north], [left, north], [left, south]]]
        for left, right in spans
    ]
    return {
        "type": "Feature",
        "id": collection.id,
        "geometry": {"type": "MultiPolygon", "coordinates": rings},
        "properties": {"title": collection.title, "href": reverse("collection", args=[collection.id])},
    }


def _options(collections: list[Collection], value_of: Callable[[Collection], str]) -> list[Option]:
    counts = Counter(value for one in collections if (value := value_of(one)))
    return [Option(value, counts[value]) for value in sorted(counts, key=str.casefold)]


def _has_all(title: str, terms: list[str]) -> bool:
    folded = title.casefold()
    return all(term in folded for term in terms)
