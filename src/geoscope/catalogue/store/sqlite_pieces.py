"""Pieces of statements on items: parameters, and conditions that several kinds of questions need."""

from collections.abc import Iterable, Sequence

import orjson

from geoscope.catalogue.areas import Box
from geoscope.catalogue.store.sqlite_values import Stored

# Up to so many, keys stand in the statement one by one, which is planned better than a list in JSON.
_FEW_KEYS = 8
_MAX_UNITED_SOURCES = 50

# Keys are positive. No constant: where SQLite sees that nothing is found, it plans without an index, and
# refuses a statement that names one ("no query solution").
NEVER = "item.key < 0"
ALWAYS = "1"


class Bindings:
    """Values of the parameters of statements; one may use fewer of them than there are."""

    def __init__(self) -> None:
        self.values: dict[str, Stored] = {}

    def add(self, value: Stored) -> str:
        """Take up a value and return the parameter that stands for it."""
        name = f"a{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def add_each(self, values: Sequence[int | str]) -> str:
        """Take up values and return a list to stand after IN."""
        if len(values) <= _FEW_KEYS:
            return f"({', '.join(map(self.add, values))})"
        return f"(SELECT value FROM json_each({self.add(orjson.dumps(values).decode())}))"


def reach(bindings: Bindings, boxes: Iterable[Box], table: str) -> str:
    """Write that a row's box has a point in common with one of these."""
    met = []
    for box in boxes:
        west, south, east, north = map(bindings.add, box)
        met.append(
            f"{table}.south <= {north} AND {table}.north >= {south}"
            f" AND CASE WHEN {table}.west <= {table}.east"
            f" THEN {table}.west <= {east} AND {table}.east >= {west}"
            f" ELSE {table}.west <= {east} OR {table}.east >= {west} END"
        )
    return f"({' OR '.join(met)})"


def united(choices: Sequence[Sequence[str]]) -> list[str]:
    """Return a source that holds what the first source of each choice holds, if each has one."""
    if not choices or len(choices) > _MAX_UNITED_SOURCES or not all(choices):
        return []
    return [" UNION ALL ".join(sources[0] for sources in choices)]
