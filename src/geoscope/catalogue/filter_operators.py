"""The operators of filter expressions (CQL2, OGC 21-065r2), and the kinds of operands that they take."""

from enum import Enum, StrEnum, auto
from typing import NamedTuple


class Kind(StrEnum):
    """What an operand is, in words for messages."""

    TRUTH = "a truth value"
    NUMBER = "a number"
    TEXT = "text"
    INSTANT = "a time"
    INTERVAL = "an interval"
    PLACE = "a geometry"
    ARRAY = "an array"


class Reading(Enum):
    """What an operator takes of a property's value; a value that is no such thing counts as null."""

    SCALAR = auto()
    FOLDED_TEXT = auto()
    ARRAY = auto()
    PLACE = auto()
    PRESENCE = auto()


class Signature(NamedTuple):
    """How many operands an operator takes, of which kinds, and what it makes of them."""

    kinds: frozenset[Kind]
    arity: int
    result: Kind = Kind.TRUTH
    reading: Reading = Reading.SCALAR


# The kinds of properties that STAC fixes.
KNOWN_KINDS = {
    "id": Kind.TEXT,
    "collection": Kind.TEXT,
    "geometry": Kind.PLACE,
    "title": Kind.TEXT,
    "description": Kind.TEXT,
} | dict.fromkeys(("datetime", "start_datetime", "end_datetime", "created", "updated"), Kind.INSTANT)

_SCALARS = frozenset({Kind.TRUTH, Kind.NUMBER, Kind.TEXT, Kind.INSTANT})
COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
CONNECTIVES = ("and", "or", "not")
_SPATIAL = ("equals", "intersects", "disjoint", "touches", "within", "overlaps", "crosses", "contains")
_TEMPORAL = (
    *("before", "after", "meets", "metBy", "overlaps", "overlappedBy", "starts", "startedBy", "during"),
    *("contains", "finishes", "finishedBy", "equals", "disjoint", "intersects"),
)

SIGNATURES = {
    "and": Signature(frozenset({Kind.TRUTH}), 2),
    "or": Signature(frozenset({Kind.TRUTH}), 2),
    "not": Signature(frozenset({Kind.TRUTH}), 1),
    "like": Signature(frozenset({Kind.TEXT}), 2),
    "between": Signature(frozenset({Kind.NUMBER}), 3),
    "in": Signature(_SCALARS | {Kind.ARRAY}, 2),
    "isNull": Signature(frozenset(Kind), 1, reading=Reading.PRESENCE),
    "casei": Signature(frozenset({Kind.TEXT}), 1, Kind.TEXT, Reading.FOLDED_TEXT),
    "accenti": Signature(frozenset({Kind.TEXT}), 1, Kind.TEXT),
    **dict.fromkeys(COMPARISONS, Signature(_SCALARS, 2)),
    **dict.fromkeys(
        ("+", "-", "*", "/", "%", "^", "div"), Signature(frozenset({Kind.NUMBER}), 2, Kind.NUMBER)
    ),
    **dict.fromkeys(
        (f"s_{name}" for name in _SPATIAL), Signature(frozenset({Kind.PLACE}), 2, reading=Reading.PLACE)
    ),
    **dict.fromkeys(
        (f"t_{name}" for name in _TEMPORAL), Signature(frozenset({Kind.INSTANT, Kind.INTERVAL}), 2)
    ),
    **dict.fromkeys(
        ("a_equals", "a_contains", "a_containedBy", "a_overlaps"),
        Signature(frozenset({Kind.ARRAY}), 2, reading=Reading.ARRAY),
    ),
}
# Names count without difference of case, as in text.
CANONICAL_NAMES = {name.lower(): name for name in SIGNATURES}
