"""Orders of items as SQL: what is sorted by, and what comes after the end of a page.

An item that lacks a property comes last in either direction; what is alike in all properties is in order of
its collection, then of its id. So every item has a place of its own, wherever pages end.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.catalogue.models import Position, Scalar, SortKey
from geoscope.catalogue.store.sqlite_directory import Directory
from geoscope.catalogue.store.sqlite_pieces import Bindings
from geoscope.catalogue.store.sqlite_values import Stored, scalar, stored_scalar

_COLUMNS = {
    "datetime": "item.start_us",
    "start_datetime": "item.start_us",
    "end_datetime": "item.end_us",
    "id": "item.id",
    "collection": "collection.id",
}


@dataclass(frozen=True)
class OrderTerm:
    """A column that items are sorted by.

    Parameters
    ----------
    column : str
        Of `items AS item`, or of `collections AS collection`.
    descending : bool
        Whether the largest comes first.
    index_name : str or None
        An index on `(collection_key, column)`; with it, the column is that of an indexed property.
    is_always_there : bool
        Whether no item lacks it.
    """

    column: str
    descending: bool
    index_name: str | None = None
    is_always_there: bool = True

    @property
    def value(self) -> str:
        """What is sorted by; NULL where the property is no scalar."""
        if self.is_always_there:
            return self.column
        return f"CASE WHEN {self.column} < x'02' THEN {self.column} END"


def fixed_column(name: str) -> str | None:
    """Return the column of what every item has, or None."""
    return _COLUMNS.get(name)


def order_term(key: SortKey, directory: Directory) -> OrderTerm | None:
    """Return what is sorted by, or None if the property stands in documents only."""
    name, descending = key
    if name in _COLUMNS:
        return OrderTerm(_COLUMNS[name], descending)
    known = directory.properties.get(name)
    if known is None:
        return None
    return OrderTerm(f"item.{known.column}", descending, known.index_name, is_always_there=False)


def order_by(terms: Sequence[OrderTerm]) -> str:
    """Write the order of rows whose columns are the terms' values `v0`, `v1` ..., `collection_id`, `id`."""
    written = [
        f"v{n} {'DESC' if term.descending else 'ASC'}{'' if term.is_always_there else ' NULLS LAST'}"
        for n, term in enumerate(terms)
    ]
    return ", ".join([*written, "collection_id", "id"])


def after_condition(
    bindings: Bindings, terms: Sequence[OrderTerm], after: Position, collection_id: str
) -> str:
    """Ask for what comes after a position.

    Parameters
    ----------
    bindings : Bindings
        Of the statement.
    terms : sequence of OrderTerm
        What is sorted by.
    after : Position
        With a value for each term.
    collection_id : str
        What stands for the id of an item's collection in the statement.
    """
    ways: list[str] = []
    alike: list[str] = []
    for term, value in zip(terms, after.values, strict=True):
        stored = stored_scalar(value)
        parameter = bindings.add(stored)
        if stored is not None:
            beyond = f"{term.value} {'<' if term.descending else '>'} {parameter}"
            lacking = "" if term.is_always_there else f" OR {term.value} IS NULL"
            ways.append(" AND ".join([*alike, f"({beyond}{lacking})"]))
        alike.append(f"{term.value} IS {parameter}")
    place = f"({bindings.add(after.collection)}, {bindings.add(after.id)})"
    ways.append(" AND ".join([*alike, f"({collection_id}, item.id) > {place}"]))
    return f"({' OR '.join(ways)})"


def position(values: Sequence[Stored], collection: str, id_: str) -> Position:
    """Return the place of a row in an order."""
    return Position(tuple(map(scalar, values)), collection, id_)


def sorted_rows[Row](
    rows: Iterable[Row], order: Sequence[SortKey], place: Callable[[Row], Position]
) -> list[Row]:
    """Sort as SQLite does, by places that were found out otherwise."""
    placed = [(place(row), row) for row in rows]
    placed.sort(key=lambda pair: (pair[0].collection.encode(), pair[0].id.encode()))
    for n, (_, descending) in reversed(list(enumerate(order))):
        placed.sort(key=lambda pair: _sort_key(pair[0].values[n], descending), reverse=descending)
    return [row for _, row in placed]


def is_after(place: Position, end: Position, order: Sequence[SortKey]) -> bool:
    """Tell whether a place comes after the end of a page."""
    for (_, descending), value, end_value in zip(order, place.values, end.values, strict=True):
        key, end_key = _sort_key(value, descending), _sort_key(end_value, descending)
        if key != end_key:
            return bool(key < end_key if descending else key > end_key)
    return (place.collection.encode(), place.id.encode()) > (end.collection.encode(), end.id.encode())


def _sort_key(value: Scalar | None, descending: bool) -> tuple[Any, ...]:
    """Return what compares in Python as values do in SQLite; what is lacking comes last in its direction."""
    if value is None:
        return (not descending, 0, 0)
    kind = 2 if isinstance(value, bool) else 1 if isinstance(value, str) else 0
    return (descending, kind, value.encode() if isinstance(value, str) else value)
