"""What the catalogue speaks of: searches, the pages that answer them, summaries, and what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, NamedTuple

from geoscope.access import PUBLIC, Policy
from geoscope.catalogue.areas import Area, Box, Footprint
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.words import TextQuery

# What an item can be sorted by, and what stands in a token.
type Scalar = bool | int | float | str


@dataclass(frozen=True)
class Reader:
    """For whom a search is made: private collections are found by those whose names they list.

    Parameters
    ----------
    names : frozenset of str
        `user:SUBJECT` of a person or service, `entity:ID` of each organisation they belong to.
    sees_all : bool
        Whether nothing is hidden, as from the platform's own parts.
    """

    names: frozenset[str] = frozenset()
    sees_all: bool = False


ANYBODY = Reader()


class SortKey(NamedTuple):
    """A property that items are sorted by: `datetime` is an item's start; `id` and `collection` count too.

    An item that lacks the property comes after all that have it, in either direction.
    """

    property: str
    descending: bool = False


NEWEST_FIRST = (SortKey("datetime", descending=True),)


class Position(NamedTuple):
    """Where a page of items ends: what its last item is sorted by, then its collection and id.

    A time is in microseconds since 1970-01-01T00:00:00Z; None stands for a property that the item lacks.
    """

    values: tuple[Scalar | None, ...]
    collection: str
    id: str


@dataclass(frozen=True)
class ItemSearch:
    """A search for items; what is None or empty does not narrow it.

    Parameters
    ----------
    limit : int
        Largest number of items of a page.
    ids, collections : tuple of str or None
        The item is one of these, in one of these collections.
    area : Area or None
        The item's geometry has a point in common with it; an item without geometry never matches.
    time : Interval or None
        The item's time has an instant in common with it.
    text : TextQuery or None
        Each phrase is held against the words of the item and of its collection.
    filter : Filter or None
        The item's document meets it.
    order : tuple of SortKey
        Items that are alike in all of these are sorted by collection, then by id.
    after : Position or None
        Where the page before this one ended, in the same order.
    reader : Reader
        Items of collections that are hidden from them are not found.
    """

    limit: int
    ids: tuple[str, ...] | None = None
    collections: tuple[str, ...] | None = None
    area: Area | None = None
    time: Interval | None = None
    text: TextQuery | None = None
    filter: Filter | None = None
    order: tuple[SortKey, ...] = NEWEST_FIRST
    after: Position | None = None
    reader: Reader = ANYBODY


@dataclass(frozen=True)
class CollectionSearch:
    """A search for collections, in order of id; fields as in `ItemSearch`, held against the extent.

    `backend` is a name that the collection's `summaries."federation:backends"` lists; `filter` is held
    against a document made of the collection (see `collection_as_item`).
    """

    limit: int
    area: Area | None = None
    time: Interval | None = None
    text: TextQuery | None = None
    filter: Filter | None = None
    backend: str | None = None
    after: str | None = None
    reader: Reader = ANYBODY


class FoundItem(NamedTuple):
    """An item as a page holds it: its document is stored bytes, never parsed."""

    collection: str
    id: str
    document: bytes


class FoundCollection(NamedTuple):
    """A collection as a page holds it."""

    id: str
    document: bytes


@dataclass(frozen=True)
class ItemPage:
    """A page of items.

    `matched` counts all that the search finds, or is None where that would cost too much; `end` is None on
    the last page.
    """

    items: list[FoundItem]
    matched: int | None
    end: Position | None


@dataclass(frozen=True)
class CollectionPage:
    """A page of collections; `end` is None on the last."""

    collections: list[FoundCollection]
    matched: int
    end: str | None


class Measure(StrEnum):
    """What an aggregation tells of the values of a property."""

    COUNT = auto()
    MINIMUM = auto()
    MAXIMUM = auto()
    FREQUENCY = auto()
    HISTOGRAM = auto()
    PERIODS = auto()
    GEOHASH = auto()
    GEOTILE = auto()


@dataclass(frozen=True)
class Aggregation:
    """A question about all items that a search finds (STAC API Aggregation extension).

    Parameters
    ----------
    name : str
        What it is called in the answer, such as `cloud_cover_frequency`.
    measure : Measure
        `COUNT` needs no property; `GEOHASH` and `GEOTILE` count cells that hold the centre of an item's box.
    property : str
        Such as `eo:cloud_cover`, `datetime` or `collection`.
    step : float or str or None
        Width of the bins of a histogram; `day`, `week`, `month` or `year` of periods (UTC); length of a
        geohash; zoom level of tiles.
    """

    name: str
    measure: Measure
    property: str = ""
    step: float | str | None = None


class Bucket(NamedTuple):
    """How many items there are with a value, in a bin `start` <= value < `end`, in a period or in a cell."""

    key: str
    frequency: int
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class AggregationAnswer:
    """What a store answers to an aggregation: a value, or buckets in order of their keys.

    `overflow` counts the items that had a value and stand in none of the buckets.
    """

    aggregation: Aggregation
    value: Scalar | None = None
    buckets: list[Bucket] = field(default_factory=list)
    overflow: int = 0


class ValueSummary(NamedTuple):
    """Which values a property has among the items that a search finds.

    `values` are all of them in order, or None where there are too many to tell; `minimum` and `maximum` are
    of numbers only. `is_array` says that the items hold arrays of such values.
    """

    values: tuple[Scalar, ...] | None
    minimum: float | None = None
    maximum: float | None = None
    is_array: bool = False


class Sharing(NamedTuple):
    """Who may change a collection besides catalogue editors, and who finds it (None: everybody).

    Its data is for those who find it and whom the policy lets in.
    """

    owner: str | None = None
    readers: frozenset[str] | None = None
    policy: Policy = PUBLIC


@dataclass(frozen=True)
class ItemRecord:
    """An item as a store keeps it: the document, and what it can be found by.

    `properties` are those of the document, where its maker has them at hand, so that a store that indexes
    some of them need not read the document again; None: it has to.
    """

    collection: str
    id: str
    time: Interval
    footprint: Footprint | None
    text: str
    document: bytes
    properties: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class CollectionRecord:
    """A collection as a store keeps it.

    Parameters
    ----------
    box : Box
        Its whole extent.
    backends : tuple of str
        Who serves its items, as `summaries."federation:backends"` of the document says.
    owner : str or None
        Name of the reader who may change it besides catalogue editors.
    readers : frozenset of str or None
        Names of those from whom it is not hidden (see `Reader`); None: everybody finds it.
    policy : Policy or None
        Whom its data is for; None: as it was, for everybody where it is new.
    indexed : tuple of str
        Properties of its items that are to be indexed, besides those that every collection has indexed:
        searches, sorting and summaries by them are quick then, also of items that were there before.
    """

    id: str
    title: str
    time: Interval
    box: Box
    text: str
    document: bytes
    backends: tuple[str, ...] = ()
    owner: str | None = None
    readers: frozenset[str] | None = None
    policy: Policy | None = None
    indexed: tuple[str, ...] = ()


type ValueSummaries = Mapping[str, ValueSummary]
