"""The order of items from several catalogues: what they are sorted by, held against each other."""

from collections.abc import Sequence
from functools import total_ordering
from typing import Any

from geoscope.catalogue.datetimes import parse_instant
from geoscope.catalogue.models import Scalar, SortKey

type Values = tuple[Scalar | None, ...]
type Rank = tuple[object, ...]


@total_ordering
class _Largest:
    """A value that comes the sooner, the larger it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 (whatever can be compared with its like)
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Largest) and bool(self.value == other.value)

    def __lt__(self, other: "_Largest") -> bool:
        return bool(self.value > other.value)

    __hash__ = None  # type: ignore[assignment] # nothing keeps these


def sort_values(item: dict[str, Any], order: Sequence[SortKey], *, by_start: bool = True) -> Values:
    """Return what an item's document is sorted by: a scalar each, or None where it has none.

    `by_start` says that an item with a start is sorted by that, as this catalogue does; other servers sort it
    by its `datetime` where it has both.
    """
    return tuple(_value(item, key.property, by_start) for key in order)


def rank(values: Values, order: Sequence[SortKey]) -> Rank:
    """Return what compares as the order asks, without collection and id; what is missing comes last."""
    return tuple(_rank(value, key.descending) for value, key in zip(values, order, strict=True))


def _value(item: dict[str, Any], name: str, by_start: bool) -> Scalar | None:
    properties = item["properties"]
    if name == "datetime":
        start, instant = properties.get("start_datetime"), properties.get("datetime")
        if start is None or (instant is not None and not by_start):
            return parse_instant(instant)
        return parse_instant(start)
    value = item.get(name) if name in ("id", "collection") else properties.get(name)
    return value if isinstance(value, bool | int | float | str) else None


def _rank(value: Scalar | None, descending: bool) -> tuple[object, ...]:
    if value is None:
        return (1,)
    comparable = (isinstance(value, str), value)
    return (0, _Largest(comparable) if descending else comparable)
