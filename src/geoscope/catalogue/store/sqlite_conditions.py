"""What a search asks for, as conditions of SQL on `items AS item`, and as tests that are left for Python."""

import sqlite3
from dataclasses import dataclass, field
from functools import cached_property

from geoscope.catalogue.areas import Area, Box
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import CollectionSearch, ItemSearch
from geoscope.catalogue.store.sqlite_directory import Directory
from geoscope.catalogue.store.sqlite_filter import FilterWriter, narrow_filter
from geoscope.catalogue.store.sqlite_pieces import ALWAYS, NEVER, Bindings, reach, united
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without

MICROSECONDS_OF_DAY = 86_400_000_000

# Each costs a look into an index, and the statement is prepared anew for it.
_MAX_SOURCES_OF_FILTER = 8


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
        return f"key NOT IN {self.bindings.add_each(self.hidden_keys)}" if self.hidden_keys else ALWAYS

    @cached_property
    def where(self) -> str:
        """All conditions as one."""
        return " AND ".join(self.conditions) or ALWAYS


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
        asked.conditions.append(f"item.collection_key IN {keys}" if asked.collection_keys else NEVER)
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
    coarse = [ALWAYS] if area is None else [_coarse_box(asked.bindings, box) for box in area.boxes]
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
        conditions.append(reach(bindings, search.area.boxes, table))
    return conditions


def inside_condition(bindings: Bindings, area: Area) -> str:
    """Ask whether an item's box lies inside of the area, so that its geometry meets it for certain."""
    if area.geometry is not None:
        return NEVER
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
            conditions = " AND ".join(condition for condition, _ in written) or ALWAYS
            return f"({conditions})", [source for _, sources in written for source in sources]
        case AnyOf(parts):
            written = [_text(bindings, connection, part) for part in parts]
            conditions = " OR ".join(condition for condition, _ in written) or NEVER
            return f"({conditions})", united([sources for _, sources in written])


def _phrase(bindings: Bindings, connection: sqlite3.Connection, phrase: Phrase) -> tuple[str, list[str]]:
    wanted = fts_phrase(phrase)
    rows = connection.execute("SELECT rowid FROM collection_text WHERE collection_text MATCH ?", (wanted,))
    collections = bindings.add_each([key for (key,) in rows])
    words = f"SELECT rowid AS key FROM item_text WHERE item_text MATCH {bindings.add(wanted)}"
    condition = f"(item.key IN ({words}) OR item.collection_key IN {collections})"
    return condition, [f"{words} UNION ALL SELECT key FROM items WHERE collection_key IN {collections}"]


def _add_filter(asked: ItemConditions, directory: Directory, filter_: Filter) -> None:
    narrowing = narrow_filter(directory, filter_)
    writer = FilterWriter(asked.bindings, directory)
    asked.conditions.append(writer.condition(narrowing.condition))
    # Equalities leave fewest.
    sources = sorted(writer.sources(narrowing.condition), key=lambda source: " = " not in source)
    asked.sources += sources[:_MAX_SOURCES_OF_FILTER]
    asked.filter = None if narrowing.is_exact else filter_
