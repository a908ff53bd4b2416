"""Searches over pgstac's items and collections."""

# ruff: noqa: S608 (own expressions are put together; what is sent stands in parameters)

import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

import orjson
import psycopg

from geoscope.catalogue.filters import collection_as_item
from geoscope.catalogue.models import (
    CollectionPage,
    CollectionSearch,
    FoundCollection,
    FoundItem,
    ItemPage,
    ItemSearch,
    Position,
    Reader,
    Scalar,
)
from geoscope.catalogue.store.pgstac_conditions import (
    ItemConditions,
    collection_conditions,
    item_conditions,
    possible,
    visible,
)
from geoscope.catalogue.store.pgstac_documents import (
    COLLECTION_COLUMNS,
    ITEM_COLUMNS,
    collection_document,
    item_document,
)
from geoscope.catalogue.store.pgstac_order import Order
from geoscope.catalogue.store.pgstac_properties import Parameters
from geoscope.errors import UnavailableError

MAX_PAGE_BYTES = 64 * 1024**2

# Matches of a narrowed search are counted up to this number.
MAX_COUNTED = 2000

# Larger pages, and what Python must decide, are fetched in parts.
FETCHED_AT_ONCE = 100

_STORED_COLUMNS = "i.id, i.geometry, i.collection, i.datetime, i.end_datetime, i.content, i.private"
_KEPT_COLLECTIONS = "geoscope.collections AS kept JOIN pgstac.collections USING (id)"

type Row = tuple[Any, ...]


class Deadline:
    """A moment after which a search is given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_s = time.monotonic() + seconds

    def check(self) -> None:
        """Give up if it has passed.

        Raises
        ------
        UnavailableError
            Saying how to be quicker.
        """
        if time.monotonic() > self._ends_s:
            raise self.error()

    def error(self) -> UnavailableError:
        """Return what says that the search took too long."""
        return UnavailableError(
            f"The search took longer than {self._seconds:.0f} seconds.",
            "Narrow it by collection, place or time.",
        )


def find_item(connection: psycopg.Connection, collection: str, id_: str, reader: Reader) -> bytes | None:
    """Return an item's document, or None if there is no such item."""
    if "\0" in collection + id_:
        return None
    seen = visible("i.collection", reader)
    row = connection.execute(
        f"SELECT {ITEM_COLUMNS} FROM pgstac.items AS i"
        f" WHERE i.collection = %(collection)s AND i.id = %(id)s AND {seen.sql}",
        {"collection": collection, "id": id_} | seen.parameters,
    ).fetchone()
    return None if row is None else item_document(*row)


def find_collection(connection: psycopg.Connection, id_: str, reader: Reader) -> bytes | None:
    """Return a collection's document, or None if there is no such collection."""
    if "\0" in id_:
        return None
    seen = visible("kept.id", reader)
    row = connection.execute(
        f"SELECT {COLLECTION_COLUMNS} FROM {_KEPT_COLLECTIONS} WHERE kept.id = %(id)s AND {seen.sql}",
        {"id": id_} | seen.parameters,
    ).fetchone()
    return None if row is None else collection_document(*row)


def collection_titles(connection: psycopg.Connection, reader: Reader) -> list[tuple[str, str]]:
    """Return id and title of every collection, in order of id."""
    seen = visible("kept.id", reader)
    return connection.execute(
        f'SELECT id, title FROM geoscope.collections AS kept WHERE {seen.sql} ORDER BY id COLLATE "C"',
        seen.parameters,
    ).fetchall()


def find_items(connection: psycopg.Connection, search: ItemSearch, deadline: Deadline) -> ItemPage:
    """Return the page of items that a search asks for."""
    order = Order(search.order)
    asked = item_conditions(connection, search)
    found: list[FoundItem] = []
    size_bytes = 0
    values: Row = ()
    has_more = False
    with closing(matching_documents(connection, search, asked, order, deadline)) as documents:
        for document, row in documents:
            has_more = len(found) == search.limit or size_bytes > MAX_PAGE_BYTES
            if has_more:
                break
            collection, id_, *_ = row
            found.append(FoundItem(collection, id_, document))
            size_bytes += len(document)
            values = row[5:]
    end = Position(tuple(map(_scalar, values)), *found[-1][:2]) if has_more else None
    is_whole = search.after is None and end is None
    return ItemPage(found, len(found) if is_whole else _cheap_count(connection, search, asked), end)


def find_collections(
    connection: psycopg.Connection, search: CollectionSearch, deadline: Deadline
) -> CollectionPage:
    """Return the page of collections that a search asks for."""
    conditions, parameters = collection_conditions(search)
    source = f"FROM {_KEPT_COLLECTIONS} WHERE {conditions}"
    if search.filter is not None:
        return _filter_collections(connection, search, source, parameters, deadline)
    [(matched,)] = connection.execute(f"SELECT count(*) {source}", parameters).fetchall()
    rows = connection.execute(
        f"SELECT kept.id, {COLLECTION_COLUMNS} {source}"
        ' AND kept.id COLLATE "C" > %(after)s ORDER BY kept.id COLLATE "C" LIMIT %(rows)s',
        parameters | {"after": search.after or "", "rows": search.limit + 1},
    ).fetchall()
    found = [FoundCollection(id_, collection_document(*rest)) for id_, *rest in rows[: search.limit]]
    return CollectionPage(found, matched, found[-1].id if len(rows) > search.limit else None)


def matching_documents(
    connection: psycopg.Connection,
    search: ItemSearch,
    asked: ItemConditions,
    order: Order,
    deadline: Deadline,
) -> Generator[tuple[bytes, Row]]:
    """Yield the documents that come after a position, in order, with the rows that they are made of.

    There are as many as the search's limit and one more, if there are so many.
    """
    after, parameters = ("true", {}) if search.after is None else order.after(search.after)
    parameters |= asked.parameters | order.parameters
    parameters["rows"] = None if asked.filter is not None else search.limit + 1
    ending = f"ORDER BY {order.sorting} LIMIT %(rows)s"
    source = asked.sources(_STORED_COLUMNS, f"AND {after} {ending}")
    # One alternative is in order as it is.
    again = ending if len(asked.alternatives) > 1 else ""
    query = (
        f"SELECT {', '.join([ITEM_COLUMNS, *order.values])} FROM (SELECT * FROM ({source}) AS i {again}) AS i"
    )
    for row in _rows(
        connection, query, parameters, is_short=asked.filter is None and search.limit <= FETCHED_AT_ONCE
    ):
        deadline.check()
        document = item_document(*row[:5])
        if asked.filter is None or asked.filter.matches(document):
            yield document, row


def _scalar(json: bytes | None) -> Scalar | None:
    value: Scalar | None = None if json is None else orjson.loads(json)
    return value


def _rows(
    connection: psycopg.Connection, query: str, parameters: Parameters, *, is_short: bool
) -> Generator[Row]:
    if is_short:
        yield from connection.execute(query, parameters)
        return
    with connection.transaction(), connection.cursor("items") as cursor:
        # A page is wanted, not everything: a plan that begins soon is better.
        connection.execute("SET LOCAL cursor_tuple_fraction = 0.01")
        cursor.itersize = FETCHED_AT_ONCE
        cursor.execute(query, parameters)
        yield from cursor


def _filter_collections(
    connection: psycopg.Connection,
    search: CollectionSearch,
    source: str,
    parameters: Parameters,
    deadline: Deadline,
) -> CollectionPage:
    """Hold a filter against every collection: there are few, and the number of matches is wanted."""
    matching = []
    query = f'SELECT kept.id, {COLLECTION_COLUMNS} {source} ORDER BY kept.id COLLATE "C"'
    for id_, *rest in connection.execute(query, parameters):
        deadline.check()
        document = collection_document(*rest)
        if search.filter is None or search.filter.matches(collection_as_item(document)):
            matching.append(FoundCollection(id_, document))
    after = search.after or ""
    following = [collection for collection in matching if collection.id > after]
    found = following[: search.limit]
    return CollectionPage(found, len(matching), found[-1].id if len(following) > search.limit else None)


def _cheap_count(connection: psycopg.Connection, search: ItemSearch, asked: ItemConditions) -> int | None:
    """Count what a search finds; None if that is many, or if documents must be read to tell."""
    if asked.filter is not None:
        return None
    if _is_listing(search) and (counted := _count_of_collections(connection, search)) is not None:
        return counted
    found = f"SELECT * FROM ({asked.sources('1')}) AS found LIMIT {MAX_COUNTED + 1}"
    [(count,)] = connection.execute(f"SELECT count(*) FROM ({found}) AS counted", asked.parameters).fetchall()
    return int(count) if count <= MAX_COUNTED else None


def _is_listing(search: ItemSearch) -> bool:
    """Tell whether all items, or all of some collections, are asked for."""
    narrowing = (search.ids, search.area, search.time, search.text, search.filter)
    return all(condition is None for condition in narrowing)


def _count_of_collections(connection: psycopg.Connection, search: ItemSearch) -> int | None:
    """Return how many items collections hold; None if another client wrote some, and nobody has counted."""
    condition, parameters = visible("kept.id", search.reader)
    if search.collections is not None:
        condition += " AND kept.id = ANY (%(collections)s)"
        parameters |= {"collections": possible(search.collections)}
    [(count, is_known)] = connection.execute(
        "SELECT coalesce(sum(item_count), 0)::bigint, count(*) = count(item_count)"
        f" FROM geoscope.collections AS kept WHERE {condition}",
        parameters,
    ).fetchall()
    return count if is_known else None
