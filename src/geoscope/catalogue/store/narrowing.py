"""What a filter says of single properties: conditions that a store can ask its indexes.

A condition is derived from a checked filter (see `filter_expressions`) and means no database in particular.
It is *necessary*: every item that meets the filter meets it. Where it is *exact* too, the document of an
item need not be read.

A filter is true, false or unknown of an item (three-valued logic of SQL). Whether an expression is true is
derived from whether its parts are true or false: negations are carried down to the comparisons, each of which
can only be true of a value that is there and of the right kind. What is left is met or not met.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, NamedTuple

import shapely
from shapely.geometry import shape

from geoscope.catalogue.areas import Box
from geoscope.catalogue.datetimes import parse_instant
from geoscope.catalogue.filter_expressions import Json, Reference
from geoscope.catalogue.filter_operators import COMPARISONS, KNOWN_KINDS, Kind, Reading
from geoscope.catalogue.filters import Filter
from geoscope.errors import InvalidInputError

type Operator = Literal["=", "<>", "<", ">", "<=", ">="]

# Beyond, two neighbouring integers can be the same 64 bit float, which is what a filter compares.
MAX_EXACT_INTEGER = 2**53

# A pattern with more of them could take a database very long.
MAX_WILDCARDS = 3


@dataclass(frozen=True)
class Comparison:
    """The property holds a value of the same kind (truth, number or text) that compares so with `value`."""

    property: str
    operator: Operator
    value: bool | float | str


@dataclass(frozen=True)
class InstantComparison:
    """The property holds a time that compares so with one in microseconds since 1970-01-01T00:00:00Z."""

    property: str
    operator: Operator
    value_us: int


@dataclass(frozen=True)
class Presence:
    """The item has the property, with any value but null; or it has not."""

    property: str
    is_present: bool


@dataclass(frozen=True)
class Likeness:
    """The property holds text that is like a pattern of CQL2, or text that is unlike it."""

    property: str
    pattern: str
    is_like: bool


@dataclass(frozen=True)
class Reach:
    """The item has a geometry, and the box around it has a point in common with one of these."""

    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Every:
    """All of these conditions are met; without parts: always met."""

    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True)
class Some:
    """At least one of these conditions is met; without parts: never met."""

    parts: tuple["Condition", ...] = ()


type Condition = Comparison | InstantComparison | Presence | Likeness | Reach | Every | Some


class Narrowing(NamedTuple):
    """A condition that every item that meets the filter meets; if exact, no other item meets it."""

    condition: Condition
    is_exact: bool


ANYTHING = Narrowing(Every(), is_exact=False)

_NEGATED: dict[str, Operator] = {"=": "<>", "<>": "=", "<": ">=", ">": "<=", "<=": ">", ">=": "<"}
_SWAPPED: dict[str, Operator] = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SWAPPED_TEMPORAL = {"t_before": "t_after", "t_after": "t_before"} | {
    name: name for name in ("t_intersects", "t_disjoint")
}
_TIMESTAMP = re.compile(r"[^.]+(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
# Relations in which an instant stands only if it lies in the span.
_INSIDE = frozenset({"t_during", "t_equals", "t_meets", "t_metBy", "t_starts", "t_finishes"})
_NEEDS_NO_COMMON_POINT = frozenset({"s_disjoint"})
_MAX_BOXES = 8


def narrow(filter_: Filter, indexed: AbstractSet[str]) -> Narrowing:
    """Derive a condition on some properties from a filter.

    Parameters
    ----------
    filter_ : Filter
        As `parse_filter` returns it.
    indexed : set of str
        Names of properties that conditions may speak of; `geometry` among them allows `Reach`.
    """
    return _Deriver(filter_.references, indexed).derive(filter_.tree, wanted=True)


class _Deriver:
    def __init__(self, references: Mapping[str, Reference], indexed: AbstractSet[str]) -> None:
        self._references = references
        self._indexed = indexed

    def derive(self, tree: Json, *, wanted: bool) -> Narrowing:  # noqa: PLR0911 (one for each form)
        """Derive what it takes for an expression to be true (`wanted`), or to be false."""
        match tree:
            case bool():
                return Narrowing(Every() if tree is wanted else Some(), is_exact=True)
            case {"op": "not", "args": [part]}:
                return self.derive(part, wanted=not wanted)
            case {"op": "and" | "or" as name, "args": [*parts]}:
                derived = [self.derive(part, wanted=wanted) for part in parts]
                return _joined(derived, is_every=(name == "and") is wanted)
            case {"op": "isNull", "args": [{"property": str(plain)}]}:
                return self._presence(plain, is_present=not wanted)
            case {"op": "like", "args": [{"property": str(plain)}, str(pattern)]}:
                return self._likeness(plain, pattern, wanted=wanted)
            case {"op": str(name), "args": [left, right]} if name in COMPARISONS:
                return self._comparison(name, left, right, wanted=wanted)
            case {"op": str(name), "args": [left, right]} if name.startswith("t_"):
                return self._relation_of_times(name, left, right, wanted=wanted)
            case {"op": str(name), "args": [left, right]} if name.startswith("s_"):
                return self._relation_of_places(name, left, right, wanted=wanted)
        return ANYTHING

    def _name(self, plain: str | None, reading: Reading) -> str | None:
        """Return the name of an indexed property that is read so, or None."""
        if plain is None:
            return None
        reference = self._references[plain]
        is_usable = reference.name in self._indexed and reference.reading is reading
        return reference.name if is_usable else None

    def _presence(self, plain: str, *, is_present: bool) -> Narrowing:
        name = self._name(plain, Reading.PRESENCE)
        return Narrowing(Presence(name, is_present), is_exact=True) if name else ANYTHING

    def _likeness(self, plain: str, pattern: str, *, wanted: bool) -> Narrowing:
        name = self._name(plain, Reading.SCALAR)
        if name is None or KNOWN_KINDS.get(name) is Kind.INSTANT or "\0" in pattern:
            return ANYTHING
        if pattern.count("%") <= MAX_WILDCARDS:
            return Narrowing(Likeness(name, pattern, wanted), is_exact=True)
        return Narrowing(Presence(name, is_present=True), is_exact=False)

    def _comparison(self, name: str, left: Json, right: Json, *, wanted: bool) -> Narrowing:
        if _property_in(right) is not None:
            name, left, right = _SWAPPED[name], right, left
        property_ = self._name(_property_in(left), Reading.SCALAR)
        if property_ is None or not isinstance(right, bool | int | float | str):
            return ANYTHING
        value = right
        is_inexact_number = isinstance(value, int) and abs(value) >= MAX_EXACT_INTEGER
        is_strange_text = isinstance(value, str) and "\0" in value
        if is_inexact_number or is_strange_text or KNOWN_KINDS.get(property_) is Kind.INSTANT:
            return Narrowing(Presence(property_, is_present=True), is_exact=False)
        operator = _SWAPPED[_SWAPPED[name]] if wanted else _NEGATED[name]
        return Narrowing(Comparison(property_, operator, value), is_exact=True)

    def _relation_of_times(self, name: str, left: Json, right: Json, *, wanted: bool) -> Narrowing:
        if _property_in(right) is not None:
            name, left, right = _SWAPPED_TEMPORAL.get(name, ""), right, left
        property_ = self._name(_property_in(left), Reading.SCALAR)
        if property_ is None:
            return ANYTHING
        bounds = _bounds(right) if KNOWN_KINDS.get(property_) is Kind.INSTANT else None
        if bounds is None:
            return Narrowing(Presence(property_, is_present=True), is_exact=False)
        return _related_to_bounds(property_, name, *bounds, wanted=wanted)

    def _relation_of_places(self, name: str, left: Json, right: Json, *, wanted: bool) -> Narrowing:
        if (name in _NEEDS_NO_COMMON_POINT) is wanted:
            return ANYTHING
        literal, place = (left, right) if _property_in(right) is not None else (right, left)
        if self._name(_property_in(place), Reading.PLACE) is None:
            return ANYTHING
        if not isinstance(literal, dict) or "type" not in literal:
            return ANYTHING
        geometry = shape(literal)
        parts = (
            shapely.get_parts(geometry) if shapely.get_num_geometries(geometry) <= _MAX_BOXES else [geometry]
        )
        return Narrowing(Reach(tuple(Box(*part.bounds) for part in parts)), is_exact=False)


def _joined(parts: Sequence[Narrowing], *, is_every: bool) -> Narrowing:
    conditions = tuple(part.condition for part in parts)
    is_exact = all(part.is_exact for part in parts)
    if is_every:
        return Narrowing(Every(conditions), is_exact)
    return Narrowing(Every() if Every() in conditions else Some(conditions), is_exact)


def _property_in(tree: Json) -> str | None:
    """Return the plain name of an operand that is a property."""
    match tree:
        case {"property": str(plain)}:
            return plain
    return None


class _Bound(NamedTuple):
    """A time to the nanosecond: the microsecond that it lies in, and whether it lies after its beginning."""

    microsecond: int
    is_later: bool


def _bounds(tree: Json) -> tuple[_Bound | None, _Bound | None] | None:
    """Return start and end of a literal time (None: open), or None if it is not one or not sure."""
    try:
        match tree:
            case {"timestamp": str(text)}:
                return (bound := _bound(text)), bound
            case {"date": str(text)}:
                return _bound(f"{text}T00:00:00Z"), _bound(f"{text}T23:59:59.999999999Z")
            case {"interval": [str(start), str(end)]}:
                return (None if start == ".." else _bound(start), None if end == ".." else _bound(end))
    except (InvalidInputError, _UnsureError):
        pass
    return None


class _UnsureError(Exception):
    """A time that others might read in another way."""


def _bound(text: str) -> _Bound:
    written = _TIMESTAMP.fullmatch(text)
    if written is None or ":60" in text:
        raise _UnsureError
    return _Bound(parse_instant(text), is_later=any(digit != "0" for digit in (written[1] or "")[6:]))


def _related_to_bounds(
    property_: str, name: str, start: _Bound | None, end: _Bound | None, *, wanted: bool
) -> Narrowing:
    """Derive when a time is in a relation to a span of time."""
    from_start, until_end = _beside(property_, ">=", start), _beside(property_, "<=", end)
    before, after = _beside(property_, "<", start), _beside(property_, ">", end)
    inside, outside = Every((from_start, until_end)), Some((before, after))
    exact: dict[tuple[str, bool], Condition] = {
        ("t_before", True): before,
        ("t_before", False): from_start,
        ("t_after", True): after,
        ("t_after", False): until_end,
        ("t_intersects", True): inside,
        ("t_intersects", False): outside,
        ("t_disjoint", True): outside,
        ("t_disjoint", False): inside,
    }
    if (name, wanted) in exact:
        return Narrowing(exact[name, wanted], is_exact=True)
    lies_inside = wanted and name in _INSIDE
    return Narrowing(inside if lies_inside else Presence(property_, is_present=True), is_exact=False)


def _beside(property_: str, operator: Operator, bound: _Bound | None) -> Condition:
    """Compare whole microseconds with a bound; beside an open one all lies inside, and nothing outside."""
    if bound is None:
        return Presence(property_, is_present=True) if operator in (">=", "<=") else Some()
    if bound.is_later and operator == "<":
        operator = "<="
    elif bound.is_later and operator == ">=":
        operator = ">"
    return InstantComparison(property_, operator, bound.microsecond)
