"""Conditions that are no filter yet: the parameter `query`, and chosen values; both become CQL2 JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from geoscope.catalogue.filter_operators import KNOWN_KINDS
from geoscope.errors import InvalidInputError

type Condition = dict[str, Any]

MAX_CONDITIONS = 100
MAX_NAME_CHARACTERS = 256

_COMPARISONS = {"neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}
QUERY_OPERATORS = ("eq", "in", *_COMPARISONS, *_PATTERNS)

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
_TRUTHS = {"true": True, "false": False}


def query_conditions(query: Mapping[str, Any]) -> list[Condition]:
    """Read the parameter `query` (STAC API Query extension), such as `{"gsd": {"lt": 10, "gt": 5}}`.

    A list after `eq` asks for any of its values, as Data Lake clients do. Where an item has an array, one
    equal value in it is enough. Text that is written as a number is compared with numbers too.

    Raises
    ------
    InvalidInputError
        Naming the property and the operator that is wrong.
    """
    conditions = []
    for name, asked in query.items():
        if not isinstance(asked, Mapping) or not asked:
            raise InvalidInputError(
                f"query.{name[:80]}: expected an object.", f"Its members are {', '.join(QUERY_OPERATORS)}."
            )
        conditions += [_condition(name, operator, value) for operator, value in asked.items()]
    _check_count(conditions)
    return conditions


def chosen_conditions(chosen: Mapping[str, Sequence[str]]) -> list[Condition]:
    """Ask for items that have one of the chosen values of each property; values are written as in a URL.

    Text such as `10` or `true` means the number or the truth value too.
    """
    conditions = [
        _any_of(name, [reading for value in values for reading in _readings(name, value)])
        for name, values in chosen.items()
    ]
    _check_count(conditions)
    return conditions


def all_of(conditions: Sequence[object]) -> object:
    """Join conditions (CQL2 JSON) by AND."""
    return conditions[0] if len(conditions) == 1 else {"op": "and", "args": list(conditions)}


def _condition(name: str, operator: str, value: object) -> Condition:
    field = f"query.{name[:80]}.{operator[:80]}"
    member = _property(name)
    if operator in ("eq", "in") and isinstance(value, list):
        _require(field, value, "a list of text, numbers and truth values")
        return _any_of(name, value)
    if operator in ("eq", "neq") and value is None:
        absent = {"op": "isNull", "args": [member]}
        return absent if operator == "eq" else {"op": "not", "args": [absent]}
    if operator == "eq" or operator in _COMPARISONS:
        _require(field, [value], "text, a number or a truth value")
        # Clients that are given `gsd<10` on a command line send the number as text.
        readings = _readings(member["property"], value) if isinstance(value, str) else [value]
        comparisons = [{"op": _COMPARISONS.get(operator, "="), "args": [member, each]} for each in readings]
        return comparisons[0] if len(comparisons) == 1 else {"op": "or", "args": comparisons}
    if operator in _PATTERNS and isinstance(value, str):
        escaped = re.sub(r"([\\%_])", r"\\\1", value)
        like: Condition = {"op": "like", "args": [member, _PATTERNS[operator].format(escaped)]}
        if operator != "contains" or member["property"] in KNOWN_KINDS:
            return like
        return {"op": "or", "args": [like, {"op": "a_contains", "args": [member, [value]]}]}
    expected = {"in": "a list", **dict.fromkeys(_PATTERNS, "text")}.get(operator)
    raise InvalidInputError(
        f"{field}: {'is not known' if expected is None else f'expected {expected}'}.",
        f"Known are {', '.join(QUERY_OPERATORS)}.",
    )


def _any_of(name: str, values: list[Any]) -> Condition:
    member = _property(name)
    one_of: Condition = {"op": "in", "args": [member, values]}
    if member["property"] in KNOWN_KINDS:
        return one_of
    return {"op": "or", "args": [one_of, {"op": "a_overlaps", "args": [member, values]}]}


def _property(name: str) -> Condition:
    plain = name.removeprefix("properties.")
    if not plain or len(plain) > MAX_NAME_CHARACTERS or "\0" in plain:
        raise InvalidInputError(f"query: {name[:80]!r} is not the name of a property.")
    return {"property": plain}


def _require(field: str, values: list[Any], expected: str) -> None:
    if not values or not all(isinstance(value, str | int | float) for value in values):
        raise InvalidInputError(f"{field}: cannot be used.", f"Expected {expected}.")


def _readings(name: str, value: str) -> list[str | float | bool]:
    readings: list[str | float | bool] = [value]
    if name in KNOWN_KINDS:
        return readings
    if _NUMBER.fullmatch(value):
        readings.append(float(value) if "." in value else int(value))
    if value in _TRUTHS:
        readings.append(_TRUTHS[value])
    return readings


def _check_count(conditions: list[Condition]) -> None:
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInputError(
            f"query: {len(conditions)} conditions.", f"At most {MAX_CONDITIONS} are evaluated."
        )
