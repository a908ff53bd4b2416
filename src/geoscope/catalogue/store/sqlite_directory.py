"""What stands in the embedded store besides items, kept in memory: collections, and indexed properties."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import orjson

from geoscope.access import Policy
from geoscope.catalogue.models import Reader

# A large load makes the indexes at its end (see sqlite_properties).
PROPERTIES_WITHOUT_INDEX = (
    "SELECT key FROM indexed_properties WHERE 'items_by_p' || key NOT IN"
    " (SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'items')"
)


class IndexedProperty(NamedTuple):
    """A property that has a column of `items`, and an index.

    `is_complete`: every item's value stands in both. `is_exact`: each compares there as in its document.
    """

    key: int
    name: str
    is_complete: bool
    is_exact: bool

    @property
    def column(self) -> str:
        """The name of its column."""
        return f"p{self.key}"

    @property
    def index_name(self) -> str:
        """The name of its index, on `(collection_key, column)` where there is a value."""
        return f"items_by_{self.column}"


@dataclass(frozen=True)
class Directory:
    """One state of the directory; `revision` counts up with each change."""

    revision: int
    keys: Mapping[str, int]
    readers: Mapping[int, frozenset[str]]
    policies: Mapping[str, Policy]
    every_property: tuple[IndexedProperty, ...]

    @cached_property
    def ids(self) -> Mapping[int, str]:
        """The collections' ids by their keys."""
        return {key: id_ for id_, key in self.keys.items()}

    @cached_property
    def properties(self) -> Mapping[str, IndexedProperty]:
        """The properties that searches can use."""
        return {known.name: known for known in self.every_property if known.is_complete}

    def hidden_from(self, reader: Reader) -> tuple[int, ...]:
        """Return the keys of the collections that a reader does not find."""
        if reader.sees_all or not self.readers:
            return ()
        return tuple(key for key, names in self.readers.items() if names.isdisjoint(reader.names))

    def key(self, collection: str, reader: Reader) -> int | None:
        """Return the key of a collection that a reader finds."""
        key = self.keys.get(collection)
        is_found = key is not None and (
            reader.sees_all or key not in self.readers or not self.readers[key].isdisjoint(reader.names)
        )
        return key if is_found else None


def read_revision(connection: sqlite3.Connection) -> int:
    """Return the revision of the directory that a connection sees."""
    revision: int = connection.execute("SELECT revision FROM state").fetchone()[0]
    return revision


def read_directory(connection: sqlite3.Connection) -> Directory:
    """Return the directory that a connection sees."""
    private = connection.execute("SELECT key, readers FROM collections WHERE readers IS NOT NULL")
    limited = connection.execute("SELECT id, policy FROM collections WHERE policy IS NOT NULL")
    return Directory(
        revision=read_revision(connection),
        readers={key: frozenset(orjson.loads(names)) for key, names in private},
        policies={id_: Policy.parse(text) for id_, text in limited},
        keys=dict(connection.execute("SELECT id, key FROM collections")),
        every_property=read_properties(connection),
    )


def read_properties(connection: sqlite3.Connection) -> tuple[IndexedProperty, ...]:
    """Return all indexed properties, in the order in which they were added."""
    rows = connection.execute(
        f"SELECT key, name, filled_to IS NULL AND key NOT IN ({PROPERTIES_WITHOUT_INDEX}), is_exact"
        " FROM indexed_properties ORDER BY key"
    )
    return tuple(
        IndexedProperty(key, name, bool(is_complete), bool(is_exact))
        for key, name, is_complete, is_exact in rows
    )


def count_up(connection: sqlite3.Connection) -> None:
    """Let every reader know that the directory has changed."""
    connection.execute("UPDATE state SET revision = revision + 1")
