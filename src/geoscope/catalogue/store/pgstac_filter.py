"""Filters as SQL: what `narrowing` derives, asked of an item `i`.

Properties stand in the document, so a condition may speak of any of them.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from geoscope.catalogue.areas import Box
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.store.narrowing import (
    Comparison,
    Condition,
    Every,
    InstantComparison,
    Likeness,
    Narrowing,
    Presence,
    Reach,
    Some,
    narrow,
)
from geoscope.catalogue.store.pgstac_properties import ID_COLUMNS, Parameters, document_value


class _EveryName(AbstractSet[str]):
    """Holds every name; there is no list of them."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and "\0" not in name

    def __iter__(self) -> Iterator[str]:
        raise TypeError("there is no list of every name")

    def __len__(self) -> int:
        raise TypeError("there is no number of every name")


def filter_condition(filter_: Filter) -> tuple[str, Parameters, bool]:
    """Return a condition that every item meets that meets the filter, and whether no other does.

    Returns
    -------
    condition : str
        On an item `i`.
    parameters : mapping
        Of the condition.
    is_exact : bool
        Whether the filter need not be held against the documents.
    """
    narrowing = narrow(filter_, _EveryName())
    writer = _Writer()
    return writer.condition(narrowing.condition), writer.parameters, _is_exact(narrowing)


def _is_exact(narrowing: Narrowing) -> bool:
    """Tell whether SQL decides: of a time that not everybody reads alike it cannot."""
    return narrowing.is_exact and not any(_instants(narrowing.condition))


def _instants(condition: Condition) -> Iterator[bool]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _instants(part)
        case InstantComparison():
            yield True


class _Writer:
    def __init__(self) -> None:
        self.parameters: Parameters = {}

    def condition(self, condition: Condition) -> str:  # noqa: PLR0911 (one for each kind)
        match condition:
            case Every(parts):
                return f"({' AND '.join(map(self.condition, parts)) or 'true'})"
            case Some(parts):
                return f"({' OR '.join(map(self.condition, parts)) or 'false'})"
            case Reach(boxes):
                return f"({' OR '.join(map(self._reach, boxes))})"
            case Presence(name, is_present):
                return self._presence(name, is_present=is_present)
            case Comparison(name, operator, value):
                return f"{self._operand(name, value)} {operator} {self._add(value)}"
            case Likeness(name, pattern, is_like):
                return f"{self._operand(name, '')} {'LIKE' if is_like else 'NOT LIKE'} {self._add(pattern)}"
            case InstantComparison(name, operator, value_us):
                text = f"geoscope.text({self._document_value(name)})"
                instant = f"geoscope.instant({text})"
                compared = f"{instant} {operator} {self._bind(value_us)}"
                return f"({compared} OR ({text} IS NOT NULL AND {instant} IS NULL))"

    def _presence(self, name: str, *, is_present: bool) -> str:
        if name in ID_COLUMNS:
            return "true" if is_present else "false"
        if name == "geometry":
            return f"{'NOT ' if is_present else ''}ST_IsEmpty(i.geometry)"
        is_null = f"coalesce({self._document_value(name)}, 'null') = 'null'"
        return f"NOT ({is_null})" if is_present else f"({is_null})"

    def _operand(self, name: str, value: bool | float | str) -> str:
        """Return a property if it is of the value's kind, and null if not."""
        json = f"to_jsonb({ID_COLUMNS[name]})" if name in ID_COLUMNS else self._document_value(name)
        match value:
            case bool():
                return f"geoscope.truth({json})"
            case str():
                return f'geoscope.text({json}) COLLATE "C"'
            case _:
                return f"geoscope.number({json})"

    def _document_value(self, name: str) -> str:
        parameter = f"filter_{len(self.parameters)}"
        self.parameters[parameter] = name
        return document_value(parameter, name)

    def _reach(self, box: Box) -> str:
        return f"i.geometry && ST_MakeEnvelope({', '.join(map(self._add, box))}, 4326)"

    def _add(self, value: bool | float | str) -> str:
        return self._bind(value if isinstance(value, bool | str) else float(value))

    def _bind(self, value: object) -> str:
        parameter = f"filter_{len(self.parameters)}"
        self.parameters[parameter] = value
        return f"%({parameter})s"
