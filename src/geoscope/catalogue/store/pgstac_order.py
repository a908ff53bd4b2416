"""Orders of items as SQL: what is sorted by, and what comes after a position.

An item that lacks the property comes last in either direction. Numbers come before text, text before truth
values, and the other way round where the largest comes first. Text is sorted by its characters' code points.
"""

from collections.abc import Sequence

from geoscope.catalogue.models import Position, Scalar, SortKey
from geoscope.catalogue.store.pgstac_documents import timestamp
from geoscope.catalogue.store.pgstac_properties import (
    ID_COLUMNS,
    TIME_COLUMNS,
    Parameters,
    summarised_value,
)
from geoscope.errors import InvalidInputError


class Order:
    """An order of items, for queries in which `i` is the item.

    Parameters
    ----------
    keys : sequence of SortKey
        Items that are alike in all of these are sorted by collection, then by id.
    """

    def __init__(self, keys: Sequence[SortKey]) -> None:
        self._keys = [_term(key, f"sort_{n}") for n, key in enumerate(keys)]
        self._terms = [*self._keys, *(_Column(column, ">") for column in ("i.collection", "i.id"))]
        self.parameters: Parameters = {f"sort_{n}": key.property for n, key in enumerate(keys)}

    @property
    def values(self) -> list[str]:
        """Expressions of what stands in a position, as JSON."""
        return [key.value for key in self._keys]

    @property
    def sorting(self) -> str:
        """What stands after ORDER BY."""
        return ", ".join(term.sorting for term in self._terms)

    def after(self, position: Position) -> tuple[str, Parameters]:
        """Return the condition of standing after a position.

        Raises
        ------
        InvalidInputError
            If no item of this order could stand there.
        """
        held = [*position.values, position.collection, position.id]
        parameters = {f"after_{n}": term.parameter(held[n]) for n, term in enumerate(self._terms)}
        condition = "false"
        for n, term in reversed(list(enumerate(self._terms))):
            name = f"%(after_{n})s"
            condition = (
                f"({term.is_after(held[n], name)} OR ({term.is_equal(held[n], name)} AND {condition}))"
            )
        # Said once more, so that an index of the first key is entered at the position.
        bound = self._terms[0].is_not_before("%(after_0)s")
        return f"{bound} AND {condition}", parameters


class _Column:
    """A column that no item lacks."""

    def __init__(self, column: str, comparison: str) -> None:
        self._is_time = column in TIME_COLUMNS.values()
        self._column = column if self._is_time else f'{column} COLLATE "C"'
        self._comparison = comparison
        self.value = f"to_jsonb(geoscope.microseconds({column}))" if self._is_time else f"to_jsonb({column})"
        self.sorting = f"{self._column} {'ASC' if comparison == '>' else 'DESC'}"

    def parameter(self, value: Scalar | None) -> object:
        if self._is_time and type(value) is int:
            return timestamp(value)
        if not self._is_time and isinstance(value, str):
            return value
        raise InvalidInputError(
            "token: it was made for another order.", "Follow the link 'next' of the page before."
        )

    def is_after(self, _: Scalar | None, name: str) -> str:
        return f"{self._column} {self._comparison} {name}"

    def is_equal(self, _: Scalar | None, name: str) -> str:
        return f"{self._column} = {name}"

    def is_not_before(self, name: str) -> str:
        return f"{self._column} {self._comparison}= {name}"


class _Property:
    """A property that an item may lack, and that may be of any kind."""

    def __init__(self, json: str, comparison: str) -> None:
        self._comparison = comparison
        self._kind = f"geoscope.kind({json})"
        self._columns = (
            f"geoscope.number({json})",
            f'geoscope.text({json}) COLLATE "C"',
            f"geoscope.truth({json})",
        )
        direction = "ASC" if comparison == ">" else "DESC"
        self.value = f"CASE WHEN {self._kind} IS NOT NULL THEN {json} END"
        self.sorting = ", ".join(
            f"{column} {direction} NULLS LAST" for column in (self._kind, *self._columns)
        )

    def parameter(self, value: Scalar | None) -> object:
        return value if value is None or isinstance(value, bool | str) else float(value)

    def is_after(self, value: Scalar | None, name: str) -> str:
        if value is None:
            return "false"
        kind = _kind(value)
        return (
            f"({self._kind} IS NULL OR {self._kind} {self._comparison} {kind}"
            f" OR {self._columns[kind]} {self._comparison} {name})"
        )

    def is_equal(self, value: Scalar | None, name: str) -> str:
        if value is None:
            return f"({self._kind} IS NULL AND {name}::text IS NULL)"
        return f"{self._columns[_kind(value)]} = {name}"

    def is_not_before(self, _: str) -> str:
        return "true"


def _term(key: SortKey, parameter: str) -> _Column | _Property:
    comparison = "<" if key.descending else ">"
    column = (TIME_COLUMNS | ID_COLUMNS).get(key.property)
    if column is not None:
        return _Column(column, comparison)
    return _Property(summarised_value(parameter, key.property), comparison)


def _kind(value: Scalar) -> int:
    """Return the kind of a value, as `geoscope.kind` numbers them."""
    return 2 if isinstance(value, bool) else 1 if isinstance(value, str) else 0
