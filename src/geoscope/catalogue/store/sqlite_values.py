"""Values of indexed properties as SQLite keeps them, so that they compare as a filter compares them.

Numbers and texts are kept as they are, times in microseconds since 1970-01-01T00:00:00Z. Truth values are
blobs of one byte, which come after every text; beyond them come blobs that are no scalar: arrays and objects
as JSON, and a mark for what could not be kept exactly. So each kind is a range of an index, and all scalars
together are one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from geoscope.catalogue.datetimes import plain_instant
from geoscope.catalogue.filter_operators import KNOWN_KINDS, Kind
from geoscope.catalogue.models import Scalar
from geoscope.catalogue.store.narrowing import MAX_EXACT_INTEGER

type Stored = int | float | str | bytes | None

OPAQUE = b"?"

# What lies below is a scalar; what does not is an array, an object or the mark.
END_OF_SCALARS = b"\x02"
END_OF_TEXTS = b""

MAX_TEXT_CHARACTERS = 1000
_END_OF_INTEGERS = 2**63
MAX_ARRAY_BYTES = 2000

_TRUTH = {False: b"\x00", True: b"\x01"}


def property_value(properties: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return a property by its name, or else by the path of names that leads to it; None if there is none."""
    if name in properties or "." not in name:
        return properties.get(name)
    value: Any = properties
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


# Times by STAC's own definition.
INSTANTS = frozenset(name for name, kind in KNOWN_KINDS.items() if kind is Kind.INSTANT)


def stored_value(name: str, value: Any) -> Stored:  # noqa: ANN401 (any JSON)
    """Return what is kept of a property's value; `OPAQUE` where that would not compare as the value does."""
    return None if value is None else value_writer(name)(value)


def value_writer(name: str) -> Callable[[Any], Stored]:
    """Return what writes a property's values as `stored_value` does; none of them may be None."""
    return _write_instant if name in INSTANTS else _write


def _write_instant(value: object) -> Stored:
    instant = plain_instant(value) if isinstance(value, str) else None
    return OPAQUE if instant is None else instant


def _write(value: Any) -> Stored:  # noqa: ANN401 (any JSON)
    kind = type(value)
    if kind is str:
        return value if len(value) <= MAX_TEXT_CHARACTERS and "\0" not in value else OPAQUE
    if kind is float:
        return float(value)
    if kind is bool:
        return _TRUTH[value]
    if kind is int:
        return int(value) if abs(value) < MAX_EXACT_INTEGER else OPAQUE
    document = orjson.dumps(value)
    return document if len(document) <= MAX_ARRAY_BYTES else OPAQUE


def stored_scalar(value: Scalar | None) -> Stored:
    """Return a scalar as it is kept, or, where SQLite has no such integer, the number next to it."""
    if isinstance(value, bool):
        return _TRUTH[value]
    return float(value) if isinstance(value, int) and abs(value) >= _END_OF_INTEGERS else value


def scalar(stored: Stored) -> Scalar | None:
    """Return the scalar that is kept so, or None if it is none."""
    if isinstance(stored, bytes):
        return {b"\x00": False, b"\x01": True}.get(stored)
    return stored


def scalars(stored: Stored) -> list[Scalar]:
    """Return the scalar that is kept so, or those in the array that is; of an object, or the mark, none."""
    if not isinstance(stored, bytes):
        return [] if stored is None else [stored]
    value = scalar(stored)
    if value is not None:
        return [value]
    array = orjson.loads(stored) if stored.startswith(b"[") else []
    return [each for each in array if isinstance(each, bool | int | float | str)]
