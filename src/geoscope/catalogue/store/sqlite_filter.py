"""A filter as SQL on the columns of `items`: what it says of them, and where its matches may be."""

from collections.abc import Iterator, Sequence

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
from geoscope.catalogue.store.sqlite_directory import Directory, IndexedProperty
from geoscope.catalogue.store.sqlite_pieces import ALWAYS, NEVER, Bindings, reach, united
from geoscope.catalogue.store.sqlite_values import stored_scalar


def narrow_filter(directory: Directory, filter_: Filter) -> Narrowing:
    """Derive the condition that the columns of `items` can answer."""
    narrowing = narrow(filter_, directory.properties.keys() | {"id", "collection", "geometry"})
    inexact = {known.name for known in directory.every_property if not known.is_exact}
    if inexact and not inexact.isdisjoint(_compared(narrowing.condition)):
        return Narrowing(narrowing.condition, is_exact=False)
    return narrowing


def _compared(condition: Condition) -> Iterator[str]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _compared(part)
        case Comparison(name) | InstantComparison(name) | Likeness(name):
            yield name


class FilterWriter:
    """Writes conditions on properties as SQL."""

    def __init__(self, bindings: Bindings, directory: Directory) -> None:
        self._bindings = bindings
        self._properties = directory.properties

    def condition(self, condition: Condition) -> str:
        """Write a condition on `item`."""
        match condition:
            case Every(parts):
                return _balanced("AND", list(map(self.condition, parts))) if parts else ALWAYS
            case Some(parts):
                return _balanced("OR", list(map(self.condition, parts))) if parts else NEVER
            case Reach(boxes):
                return reach(self._bindings, boxes, "item")
            case Presence(name, is_present):
                return self._presence(name, is_present=is_present)
        compared = self._comparison(condition)
        known = self._properties.get(condition.property)
        if known is not None and not known.is_exact:
            return f"({compared} OR item.{known.column} = x'3f')"
        return compared

    def sources(self, condition: Condition) -> list[str]:
        """Return queries for keys that each hold every item that meets a condition."""
        match condition:
            case Every(parts):
                return [source for part in parts for source in self.sources(part)]
            case Some(parts):
                return united([self.sources(part) for part in parts]) if parts else []
            case Comparison(operator="<>") | InstantComparison(operator="<>") | Likeness(is_like=False):
                return []
            case Comparison("id"):
                return [f"SELECT key FROM items AS item WHERE {self._comparison(condition)}"]
            case Comparison() | InstantComparison() | Likeness():
                known = self._properties.get(condition.property)
                if known is not None and known.is_exact:
                    return [self._source(known, condition)]
        return []

    def _source(self, known: IndexedProperty, condition: Comparison | InstantComparison | Likeness) -> str:
        return (
            f"SELECT key FROM items AS item INDEXED BY {known.index_name} WHERE {self._comparison(condition)}"
            " AND item.collection_key IN (SELECT key FROM collections WHERE item_count > 0)"
        )

    def _presence(self, name: str, *, is_present: bool) -> str:
        if name in ("id", "collection"):
            return ALWAYS if is_present else NEVER
        column = "west" if name == "geometry" else self._properties[name].column
        return f"item.{column} IS {'NOT ' if is_present else ''}NULL"

    def _comparison(self, condition: Comparison | InstantComparison | Likeness) -> str:
        match condition.property:
            case "id":
                return self._compare("item.id", condition)
            case "collection":
                keys = f"SELECT key FROM collections AS other WHERE {self._compare('other.id', condition)}"
                return f"item.collection_key IN ({keys})"
            case name:
                return self._compare(f"item.{self._properties[name].column}", condition)

    def _compare(self, column: str, condition: Comparison | InstantComparison | Likeness) -> str:
        """Compare within the kind of the value only: numbers come before texts, texts before blobs."""
        match condition:
            case Likeness(_, pattern, is_like):
                glob = f"{column} {'' if is_like else 'NOT '}GLOB {self._bindings.add(_glob(pattern))}"
                prefix = _prefix(pattern) if is_like else ""
                bounds = self._prefix_bounds(column, prefix) if prefix else f"{column} >= ''"
                return f"({bounds} AND {column} < x'' AND {glob})"
            case InstantComparison(_, operator, value_us):
                return f"({column} {operator} {self._bindings.add(value_us)} AND {column} < '')"
            case Comparison(_, operator, value):
                compared = f"{column} {operator} {self._bindings.add(stored_scalar(value))}"
        if operator == "=":
            return compared
        match value:
            case bool():
                return f"({compared} AND {column} >= x'00' AND {column} < x'02')"
            case str():
                return f"({compared} AND {column} >= '' AND {column} < x'')"
            case _:
                return f"({compared} AND {column} < '')"

    def _prefix_bounds(self, column: str, prefix: str) -> str:
        start = f"{column} >= {self._bindings.add(prefix)}"
        end = _after_prefix(prefix)
        return start if end is None else f"{start} AND {column} < {self._bindings.add(end)}"


def _balanced(operator: str, conditions: Sequence[str]) -> str:
    """Join conditions as a balanced tree: SQLite refuses trees that are 1000 operators deep."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    left, right = _balanced(operator, conditions[:middle]), _balanced(operator, conditions[middle:])
    return f"({left} {operator} {right})"


def _glob(pattern: str) -> str:
    """Translate a pattern of CQL2 (`%`, `_`, backslash) for GLOB, which minds case as CQL2 does."""
    written, characters = [], iter(pattern)
    for character in characters:
        literal = next(characters, "\\") if character == "\\" else character
        if character != "\\" and character in "%_":
            written.append("*" if character == "%" else "?")
        else:
            written.append(f"[{literal}]" if literal in "*?[" else literal)
    return "".join(written)


def _prefix(pattern: str) -> str:
    """Return what every text that is like a pattern begins with."""
    prefix, characters = [], iter(pattern)
    for character in characters:
        if character in "%_":
            break
        prefix.append(next(characters, "\\") if character == "\\" else character)
    return "".join(prefix)


def _after_prefix(prefix: str) -> str | None:
    """Return the first text, in order of code points, after all that begin so, or None if there is none."""
    bare = prefix.rstrip("\U0010ffff")
    if not bare:
        return None
    following = ord(bare[-1]) + 1
    # What lies between are surrogates, which are no text.
    return bare[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
