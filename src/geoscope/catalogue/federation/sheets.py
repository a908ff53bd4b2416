"""Pages of backends: what has arrived, looked at, and put in order."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import orjson

from geoscope.catalogue.federation.arrivals import receive
from geoscope.catalogue.federation.backends import Answer, Credentials
from geoscope.catalogue.federation.eodag_backend import is_passed_on
from geoscope.catalogue.federation.matching import matches
from geoscope.catalogue.federation.members import Member
from geoscope.catalogue.federation.ordering import Rank, Values, rank, sort_values
from geoscope.catalogue.federation.tokens import Mode
from geoscope.catalogue.models import ItemRecord, ItemSearch, SortKey
from geoscope.errors import InvalidInputError

# What eodag writes into the id of an item that is made only when it is ordered.
_PLACEHOLDER = "ORDERABLE"


class Arrival(NamedTuple):
    """An item of a backend that a search finds, and where it stands in the order."""

    rank: Rank
    id: str
    values: Values
    document: bytes


class Sheet(NamedTuple):
    """A page of a backend, in order; `cursor` leads to the next and is None at the end."""

    arrivals: tuple[Arrival, ...]
    cursor: str | None
    mode: Mode
    note: str

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return 500 + sum(len(arrival.document) + 500 for arrival in self.arrivals)


class Counter(NamedTuple):
    """Where a question is put: a backend, and what it and this catalogue call the collection.

    `credentials` are a person's own; `owner` tells persons apart, and is empty where they have none.
    """

    member: Member
    remote_collection: str
    collection: str
    collection_text: str
    credentials: Credentials
    owner: str


def make_sheet(counter: Counter, search: ItemSearch, answer: Answer, modes: Sequence[Mode]) -> Sheet | None:
    """Make an answer into a page in one of these ways, the first in which it is sorted already.

    Returns
    -------
    sheet : Sheet or None
        With a single way it is sorted here; of several, None says that it is sorted in none.
    """
    records, problems = _look_at(counter, search, answer)
    note = " ".join(filter(None, [answer.note, problems]))
    for mode in modes:
        arrivals = [_arrival(record, search.order, mode) for record in records]
        if len(modes) == 1 or _is_sorted(arrivals):
            arrivals.sort(key=lambda arrival: arrival[:2])
            return Sheet(tuple(arrivals), answer.cursor, mode, note)
    return None


def read_item(counter: Counter, sent: object) -> ItemRecord | None:
    """Return an item that has arrived, or None if it is none."""
    try:
        return receive(
            sent,
            counter.collection,
            counter.member.name,
            counter.member.backend.address,
            is_orderable=counter.member.settings.kind == "eodag",
        )
    except InvalidInputError:
        return None


def _look_at(counter: Counter, search: ItemSearch, answer: Answer) -> tuple[Iterable[ItemRecord], str]:
    """Return the items that the search finds, each once, and what is wrong with others."""
    found: dict[str, ItemRecord] = {}
    invalid = 0
    for document in answer.documents:
        record = read_item(counter, document)
        if record is None:
            invalid += 1
        elif matches(_asked_of(record, search), record, counter.collection_text):
            found.setdefault(record.id, record)
    problems = f"{invalid} of its items are not valid and were left out." if invalid else ""
    return found.values(), problems


def _asked_of(record: ItemRecord, search: ItemSearch) -> ItemSearch:
    """Return the search without the filter for an item that was made up from the filter."""
    if search.filter is not None and _PLACEHOLDER in record.id and is_passed_on(search.filter):
        return ItemSearch(search.limit, search.ids, search.collections, search.area, search.time, search.text)
    return search


def _is_sorted(arrivals: Sequence[Arrival]) -> bool:
    """Tell whether a page is in order, with more to come.

    Of what lacks a property nobody knows whether it comes last, as here, or first, as at PostgreSQL.
    """
    lacks = any(value is None for arrival in arrivals for value in arrival.values)
    return not lacks and all(one.rank <= next_.rank for one, next_ in pairwise(arrivals))


def _arrival(record: ItemRecord, order: Sequence[SortKey], mode: Mode) -> Arrival:
    values = sort_values(orjson.loads(record.document), order, by_start=mode != "datetime")
    return Arrival(rank(values, order), record.id, values, record.document)
