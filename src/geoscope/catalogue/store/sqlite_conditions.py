"""What a search asks for, as conditions of SQL on `items AS item`, and as tests that are left for Python."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from geoscope.catalogue.areas import Area, Box
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import CollectionSearch, ItemSearch
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
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_values import Stored, stored_scalar
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without

MICROSECONDS_OF_DAY = 86_400_000_000

# Up to so many, keys stand in the statement one by one, which is planned better than a list in JSON.
_FEW_KEYS = 8
_MAX_UNITED_SOURCES = 50

# Each costs a look into an index, and the statement is prepared anew for it.
_MAX_SOURCES_OF_FILTER = 8

# Keys are positive. No constant: where SQLite sees that nothing is found, it plans without an index, and
# refuses a statement that names one ("no query solution").
_NEVER = "item.key < 0"
_ALWAYS = "1"


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


@dataclass
class ItemConditions:
    """A search for items as SQL.

    Parameters
    ----------
    bindings : Bindings
        Of `conditions` and `sources`.
    collection_keys : tuple of int or None
        The collections that items may belong to; None: all but `hidden_keys`.
    conditions : list of str
        All must be met.
    area, filter : Area or None, Filter or None
        What is left for Python: the exact geometry, the document.
    sources : list of str
        Queries for keys. Each holds every match; the narrowest stand first.
    """

    bindings: Bindings = field(default_factory=Bindings)
    collection_keys: tuple[int, ...] | None = None
    hidden_keys: tuple[int, ...] = ()
    conditions: list[str] = field(default_factory=list)
    area: Area | None = None
    filter: Filter | None = None
    sources: list[str] = field(default_factory=list)

    @property
    def are_exact(self) -> bool:
        """Whether nothing is left for Python."""
        return self.area is None and self.filter is None

    @property
    def collections_where(self) -> str:
        """The condition on rows of `collections` that may hold matches."""
        if self.collection_keys is not None:
            return f"key IN {self.bindings.add_each(self.collection_keys)}" if self.collection_keys else "0"
        return f"key NOT IN {self.bindings.add_each(self.hidden_keys)}" if self.hidden_keys else _ALWAYS

    @cached_property
    def where(self) -> str:
        """All conditions as one."""
        return " AND ".join(self.conditions) or _ALWAYS


def item_conditions(reading: Reading, search: ItemSearch) -> ItemConditions:
    """Write a search for items as SQL; its order and its page do not count."""
    asked = ItemConditions()
    _add_collections(asked, reading.directory, search)
    _add_ids(asked, search)
    if search.filter is not None:
        _add_filter(asked, reading.directory, search.filter)
    if search.area is not None or search.time is not None:
        _add_space_and_time(asked, search.area, search)
    if search.text is not None:
        _add_text(asked, reading.connection, search.text)
    if asked.collection_keys is not None:
        keys = asked.bindings.add_each(asked.collection_keys)
        asked.sources.append(f"SELECT key FROM items WHERE collection_key IN {keys}")
    elif search.filter is not None or search.text is not None:
        asked.sources.append("SELECT key FROM items")
    return asked


def _add_collections(asked: ItemConditions, directory: Directory, search: ItemSearch) -> None:
    asked.hidden_keys = directory.hidden_from(search.reader)
    if search.collections is not None:
        found = (directory.key(id_, search.reader) for id_ in search.collections)
        asked.collection_keys = tuple(key for key in found if key is not None)
        keys = asked.bindings.add_each(asked.collection_keys)
        asked.conditions.append(f"item.collection_key IN {keys}" if asked.collection_keys else _NEVER)
    elif asked.hidden_keys:
        keys = asked.bindings.add_each(asked.hidden_keys)
        asked.conditions.append(f"item.collection_key NOT IN {keys}")


def _add_ids(asked: ItemConditions, search: ItemSearch) -> None:
    if search.ids is not None:
        ids = asked.bindings.add_each(search.ids)
        asked.conditions.append(f"item.id IN {ids}")
        asked.sources.append(f"SELECT key FROM items WHERE id IN {ids}")


def _add_space_and_time(asked: ItemConditions, area: Area | None, search: ItemSearch) -> None:
    asked.conditions += space_and_time_conditions(asked.bindings, search, "item")
    coarse = [_ALWAYS] if area is None else [_coarse_box(asked.bindings, box) for box in area.boxes]
    if search.time is not None:
        first = asked.bindings.add(search.time.start_us / MICROSECONDS_OF_DAY)
        last = asked.bindings.add(search.time.end_us / MICROSECONDS_OF_DAY)
        coarse = [f"{box} AND last_day >= {first} AND first_day <= {last}" for box in coarse]
    asked.sources.append(" UNION ALL ".join(f"SELECT key FROM item_space WHERE {each}" for each in coarse))
    asked.area = area


def _coarse_box(bindings: Bindings, box: Box) -> str:
    west, south, east, north = map(bindings.add, box)
    return f"west <= {east} AND east >= {west} AND south <= {north} AND north >= {south}"


def space_and_time_conditions(
    bindings: Bindings, search: ItemSearch | CollectionSearch, table: str
) -> list[str]:
    """Ask for a common instant, and for a common point of the boxes."""
    conditions = []
    if search.time is not None:
        start, end = map(bindings.add, search.time)
        conditions.append(f"{table}.start_us <= {end} AND {table}.end_us >= {start}")
    if search.area is not None:
        conditions.append(_reach(bindings, search.area.boxes, table))
    return conditions


def _reach(bindings: Bindings, boxes: Iterable[Box], table: str) -> str:
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


def inside_condition(bindings: Bindings, area: Area) -> str:
    """Ask whether an item's box lies inside of the area, so that its geometry meets it for certain."""
    if area.geometry is not None:
        return _NEVER
    inside = []
    for box in area.boxes:
        west, south, east, north = map(bindings.add, box)
        inside.append(
            f"item.west BETWEEN {west} AND item.east AND item.east <= {east}"
            f" AND item.south >= {south} AND item.north <= {north}"
        )
    return f"({' OR '.join(inside)})"


def fts_phrase(phrase: Phrase) -> str:
    """Write a phrase for FTS5, quoted so that no word of it is an operator."""
    return '"' + phrase.text.replace('"', '""') + '"'


def _add_text(asked: ItemConditions, connection: sqlite3.Connection, query: TextQuery) -> None:
    condition, sources = _text(asked.bindings, connection, query)
    asked.conditions.append(condition)
    asked.sources += sources


def _text(bindings: Bindings, connection: sqlite3.Connection, query: TextQuery) -> tuple[str, list[str]]:
    """Return the condition of a query for words, and sources that each hold every match."""
    match query:
        case Phrase():
            return _phrase(bindings, connection, query)
        case Without(part):
            condition, _ = _text(bindings, connection, part)
            return f"NOT {condition}", []
        case AllOf(parts):
            written = [_text(bindings, connection, part) for part in parts]
            conditions = " AND ".join(condition for condition, _ in written) or _ALWAYS
            return f"({conditions})", [source for _, sources in written for source in sources]
        case AnyOf(parts):
            written = [_text(bindings, connection, part) for part in parts]
            conditions = " OR ".join(condition for condition, _ in written) or _NEVER
            return f"({conditions})", _united([sources for _, sources in written])


def _phrase(bindings: Bindings, connection: sqlite3.Connection, phrase: Phrase) -> tuple[str, list[str]]:
    wanted = fts_phrase(phrase)
    rows = connection.execute("SELECT rowid FROM collection_text WHERE collection_text MATCH ?", (wanted,))
    collections = bindings.add_each([key for (key,) in rows])
    words = f"SELECT rowid AS key FROM item_text WHERE item_text MATCH {bindings.add(wanted)}"
    condition = f"(item.key IN ({words}) OR item.collection_key IN {collections})"
    return condition, [f"{words} UNION ALL SELECT key FROM items WHERE collection_key IN {collections}"]


def _united(choices: Sequence[Sequence[str]]) -> list[str]:
    """Return a source that holds what the first source of each choice holds, if each has one."""
    if not choices or len(choices) > _MAX_UNITED_SOURCES or not all(choices):
        return []
    return [" UNION ALL ".join(sources[0] for sources in choices)]


def _add_filter(asked: ItemConditions, directory: Directory, filter_: Filter) -> None:
    narrowing = narrow_filter(directory, filter_)
    writer = FilterWriter(asked.bindings, directory)
    asked.conditions.append(writer.condition(narrowing.condition))
    # Equalities leave fewest.
    sources = sorted(writer.sources(narrowing.condition), key=lambda source: " = " not in source)
    asked.sources += sources[:_MAX_SOURCES_OF_FILTER]
    asked.filter = None if narrowing.is_exact else filter_


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
                return _balanced("AND", list(map(self.condition, parts))) if parts else _ALWAYS
            case Some(parts):
                return _balanced("OR", list(map(self.condition, parts))) if parts else _NEVER
            case Reach(boxes):
                return _reach(self._bindings, boxes, "item")
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
                return _united([self.sources(part) for part in parts]) if parts else []
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
            return _ALWAYS if is_present else _NEVER
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
