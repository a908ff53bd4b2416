"""Filter expressions (CQL2 JSON, OGC 21-065r2), checked operand by operand and made ready to be evaluated.

The package `cql2` evaluates an expression against an item. What it leaves open is settled here, before:

- Operators, operands and literals are checked. The package's own check takes 0.1 s and names no cause.
- A comparison of times becomes a relation of times: the package compares a time of day with a DATE wrongly.
- `IN` and `BETWEEN` become chains of comparisons: the package does not evaluate functions inside of a list,
  and finds text to lie between or beside numbers.
- `CASEI` folds case as Unicode asks (`Straße` is `STRASSE`): the package only makes letters small.
- A box becomes the polygons that it covers, also across the antimeridian.
- A property gets a plain name: the package takes dots in a name, or a name such as `links`, for a path.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from shapely.geometry import mapping

from geoscope.catalogue.areas import Area, area_of_box, area_of_geometry, parse_bbox
from geoscope.catalogue.datetimes import parse_instant
from geoscope.catalogue.filter_operators import (
    CANONICAL_NAMES,
    COMPARISONS,
    CONNECTIVES,
    KNOWN_KINDS,
    SIGNATURES,
    Kind,
    Reading,
)
from geoscope.errors import InvalidInputError

MAX_OPERATORS = 1000
MAX_DEPTH = 32

# A whole day, as the package has it too.
_END_OF_DAY = "T23:59:59.999999999Z"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LIKE_PATTERN = re.compile(r"(?:[^\\]|\\[%_\\])*", re.DOTALL)


type Json = bool | float | str | Sequence[Json] | Mapping[str, Json] | None


class Reference(NamedTuple):
    """A property that an expression names, and what is taken of its value."""

    name: str
    reading: Reading


class Expression(NamedTuple):
    """A checked expression (CQL2 JSON), and what its plain property names stand for."""

    tree: Json
    references: Mapping[str, Reference]


class _Operand(NamedTuple):
    """A checked operand; `kind` is None for a property whose values may be of any kind."""

    tree: Json
    kind: Kind | None


_LITERAL_KINDS = {bool: Kind.TRUTH, int: Kind.NUMBER, float: Kind.NUMBER, str: Kind.TEXT}

# A date is its whole day: a time equals it if it lies in it, and is later if it lies after its end.
_RELATIONS_OF_TIMES = {
    "=": ("t_intersects", False),
    "<>": ("t_disjoint", False),
    "<": ("t_before", False),
    ">": ("t_after", False),
    "<=": ("t_after", True),
    ">=": ("t_before", True),
}


def check_expression(sent: object) -> Expression:
    """Check a filter expression and make it ready to be evaluated.

    Parameters
    ----------
    sent
        CQL2 JSON, parsed.

    Raises
    ------
    InvalidInputError
        Naming the operator, operand or literal that is wrong, and what is expected.
    """
    checker = _Checker()
    tree, kind = checker.check(sent)
    if kind is not Kind.TRUTH:
        raise _no_predicate(sent)
    return Expression(tree, checker.references)


class _Checker:
    """One pass through an expression, that counts its operators and collects its properties."""

    def __init__(self) -> None:
        self._names: dict[Reference, str] = {}
        self._operators = 0

    @property
    def references(self) -> dict[str, Reference]:
        return {name: reference for reference, name in self._names.items()}

    def check(self, sent: object, depth: int = 0, reading: Reading = Reading.SCALAR) -> _Operand:
        match sent:
            case {"op": str(name), "args": list(arguments)}:
                return self._operation(name, arguments, depth + 1, reading)
            case {"property": str(name)}:
                reference = Reference(name.removeprefix("properties."), reading)
                plain_name = self._names.setdefault(reference, f"p{len(self._names)}")
                return _Operand({"property": plain_name}, KNOWN_KINDS.get(reference.name))
            case str() if reading is Reading.FOLDED_TEXT:
                return _Operand(sent.casefold(), Kind.TEXT)
            case {"interval": [start, end]}:
                return _Operand(self._interval(start, end), Kind.INTERVAL)
            case list():
                return _Operand([_array_item(item) for item in sent], Kind.ARRAY)
        return _literal(sent)

    def _operation(
        self, sent_name: str, arguments: list[Json], depth: int, outer_reading: Reading
    ) -> _Operand:
        name = CANONICAL_NAMES.get({"!=": "<>"}.get(sent_name, sent_name).lower())
        if name is None:
            raise InvalidInputError(
                f"filter: the function {sent_name[:80]!r} is not known.",
                f"Known are {', '.join(SIGNATURES)}.",
            )
        self._operators += 1
        if self._operators > MAX_OPERATORS or depth > MAX_DEPTH:
            raise InvalidInputError(
                "filter: too many operators, or nested too deeply.",
                f"At most {MAX_OPERATORS} are evaluated, {MAX_DEPTH} inside of each other.",
            )
        match name, arguments:
            case "between", [value, [low, high]]:
                # As drafts of CQL2 had it, and clients still send it.
                arguments = [value, low, high]
        signature = SIGNATURES[name]
        if len(arguments) != signature.arity and not (name in ("and", "or") and len(arguments) > 2):
            raise InvalidInputError(
                f"filter: {name} has {len(arguments)} operands.", f"It takes {signature.arity}."
            )
        if name == "in":
            return self._membership(arguments[0], arguments[1], depth)
        # CASEI(ACCENTI(text)) is ACCENTI(CASEI(text)).
        is_folded = name == "accenti" and outer_reading is Reading.FOLDED_TEXT
        reading = outer_reading if is_folded else signature.reading
        operands = [self.check(argument, depth, reading) for argument in arguments]
        for argument, operand in zip(arguments, operands, strict=True):
            if name in CONNECTIVES and operand.kind is not Kind.TRUTH:
                raise _no_predicate(argument)
            if operand.kind is not None and operand.kind not in signature.kinds:
                expected = " or ".join(sorted(signature.kinds))
                raise InvalidInputError(
                    f"filter: {name} cannot take {_shown(argument)}, {operand.kind}.", f"Expected {expected}."
                )
        return _Operand(_rewritten(name, operands), signature.result)

    def _membership(self, value: Json, choices: Json, depth: int) -> _Operand:
        if not isinstance(choices, list) or not choices:
            raise InvalidInputError(
                f"filter: in cannot take {_shown(choices)}.", "Expected a list of values."
            )
        equalities: list[Json] = [_operation("=", value, choice) for choice in choices]
        if len(equalities) == 1:
            return self.check(equalities[0], depth)
        return self.check(_operation("or", *equalities), depth)

    def _interval(self, start: object, end: object) -> Json:
        first, last = self._bound(start, "T00:00:00Z"), self._bound(end, _END_OF_DAY)
        if (
            isinstance(first, str)
            and isinstance(last, str)
            and ".." not in (first, last)
            and parse_instant(first, "filter") > parse_instant(last, "filter")
        ):
            raise InvalidInputError(f"filter: the interval from {first} ends before it starts.")
        return {"interval": [first, last]}

    def _bound(self, sent: object, time_of_date: str) -> Json:
        match sent:
            case "..":
                return sent
            case str():
                instant = _instant(sent, is_date=_DATE.fullmatch(sent) is not None)
                return instant.get("timestamp") or instant["date"] + time_of_date
            case {"property": _}:
                bound = self.check(sent)
                if bound.kind in (None, Kind.INSTANT):
                    return bound.tree
        raise InvalidInputError(
            f"filter: {_shown(sent)} cannot bound an interval.", "Expected a time, a property or '..'."
        )


def _array_item(sent: object) -> Json:
    if isinstance(sent, str | int | float):
        return _literal(sent).tree
    raise InvalidInputError(f"filter: {_shown(sent)} in an array.", "Expected text, numbers or truth values.")


def _literal(sent: object) -> _Operand:
    match sent:
        case bool() | int() | float() | str() if sent not in (math.inf, -math.inf):
            return _Operand(sent, _LITERAL_KINDS[type(sent)])
        case {"timestamp": str(text)}:
            return _Operand(_instant(text, is_date=False), Kind.INSTANT)
        case {"date": str(text)}:
            return _Operand(_instant(text, is_date=True), Kind.INSTANT)
        case dict() if "type" in sent:
            return _Operand(_geojson(area_of_geometry(sent, "filter")), Kind.PLACE)
        case {"bbox": list(bbox)}:
            return _Operand(_geojson(area_of_box(parse_bbox(bbox, "filter"))), Kind.PLACE)
    raise InvalidInputError(
        f"filter: {_shown(sent)} is not CQL2.", "Expected 'op' with a list 'args', a property or a literal."
    )


def _operation(name: str, *arguments: Json) -> dict[str, Json]:
    return {"op": name, "args": list(arguments)}


def _rewritten(name: str, operands: list[_Operand]) -> Json:
    if name in COMPARISONS:
        return _comparison(name, *operands)
    if name == "like":
        _check_pattern(operands[1].tree)
    if name == "casei":
        return operands[0].tree
    trees = [operand.tree for operand in operands]
    if name == "between":
        value, low, high = trees
        return _operation("and", _operation(">=", value, low), _operation("<=", value, high))
    return _operation(name, *trees)


def _comparison(name: str, left: _Operand, right: _Operand) -> Json:
    left, right = _as_time_beside(left, right), _as_time_beside(right, left)
    kinds = {left.kind, right.kind} - {None}
    if len(kinds) > 1:
        raise InvalidInputError(f"filter: {left.kind} cannot be compared with {right.kind} by {name}.")
    if Kind.INSTANT not in kinds:
        return _operation(name, left.tree, right.tree)
    relation, is_negated = _RELATIONS_OF_TIMES[name]
    related = _operation(relation, left.tree, right.tree)
    return _operation("not", related) if is_negated else related


def _as_time_beside(operand: _Operand, other: _Operand) -> _Operand:
    """Read text as the time that it must mean, or obviously means."""
    if not isinstance(operand.tree, str) or other.kind not in (None, Kind.INSTANT):
        return operand
    is_date = _DATE.fullmatch(operand.tree) is not None
    try:
        instant = _Operand(_instant(operand.tree, is_date=is_date), Kind.INSTANT)
    except InvalidInputError:
        if other.kind is Kind.INSTANT:
            raise
        return operand
    return operand if is_date and other.kind is None else instant


def _instant(text: str, *, is_date: bool) -> dict[str, str]:
    if not is_date:
        parse_instant(text, "filter")
        return {"timestamp": text.upper().replace(",", ".")}
    try:
        if _DATE.fullmatch(text):
            return {"date": date.fromisoformat(text).isoformat()}
    except ValueError:
        pass
    raise InvalidInputError(f"filter: {text[:80]!r} is not a date.", "Expected one such as '2026-11-21'.")


def _geojson(area: Area) -> Json:
    geojson: dict[str, Json] = mapping(area.shape)
    return geojson


def _check_pattern(tree: object) -> None:
    while isinstance(tree, dict) and "op" in tree:
        [tree] = tree["args"]
    if not isinstance(tree, str):
        raise InvalidInputError("filter: like takes a pattern in quotation marks on its right.")
    if not _LIKE_PATTERN.fullmatch(tree):
        raise InvalidInputError(
            f"filter: the pattern {tree[:80]!r} ends or goes on wrongly after a backslash.",
            r"Expected \%, \_ or \\ for these characters themselves.",
        )


def _no_predicate(sent: object) -> InvalidInputError:
    return InvalidInputError(
        f"filter: {_shown(sent)} is neither true nor false.", "Expected a predicate, such as 'snow = true'."
    )


def _shown(sent: object) -> str:
    match sent:
        case {"property": str(name)}:
            return f"the property {name[:80]!r}"
        case {"op": str(name)}:
            return f"{name[:80]}(...)"
        case str():
            return repr(sent[:80])
        case dict():
            return f"an object with {', '.join(map(repr, list(map(str, sent))[:5])) or 'nothing'}"
        case list():
            return f"a list of {len(sent)}"
    return repr(sent)[:80]
