"""Searches for items in SQLite.

A search first looks whether one of its conditions leaves few candidates: by id, by an indexed property, by
the R*Tree of space and time, by words, by collection. These are tested exactly and sorted. Where many remain,
matches are dense, and walking the items in their order (`sqlite_walks`) finds a page soonest.
"""

from collections.abc import Sequence
from itertools import batched, islice
from typing import TypeGuard

import orjson
import shapely

from geoscope.catalogue.areas import Area
from geoscope.catalogue.models import FoundItem, ItemPage, ItemSearch, Position, Reader
from geoscope.catalogue.store.sqlite_conditions import ItemConditions, item_conditions
from geoscope.catalogue.store.sqlite_order import (
    OrderTerm,
    after_condition,
    is_after,
    order_by,
    order_term,
    position,
    sorted_rows,
)
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_rows import (
    COLLECTION_ID,
    ID,
    IS_AFTER,
    KEY,
    VALUES,
    Row,
    matching_rows,
    row_columns,
    unordered_rows,
)
from geoscope.catalogue.store.sqlite_values import property_value, stored_scalar, stored_value
from geoscope.catalogue.store.sqlite_walks import walk
from geoscope.errors import InvalidInputError

FEW = 2000
MAX_PAGE_BYTES = 64 * 1024**2

# Items are sorted by a property that stands in documents only up to this number.
MAX_SORTED_DOCUMENTS = 10_000

_DOCUMENTS_AT_ONCE = 100
_FEW_POSITIONS = 200


def find_item(reading: Reading, collection: str, id_: str, reader: Reader) -> bytes | None:
    """Return an item's document, or None if there is no such item for the reader."""
    row = reading.connection.execute(
        "SELECT dictionary, document FROM items JOIN item_documents USING (key)"
        " WHERE id = ? AND collection_key = ?",
        (id_, reading.directory.key(collection, reader)),
    ).fetchone()
    return None if row is None else reading.documents.read(*row)


def find_items_soon(reading: Reading, search: ItemSearch) -> ItemPage | None:
    """Return the page of items if that takes a few milliseconds at most, however large the catalogue is."""
    terms = [order_term(key, reading.directory) for key in search.order]
    if search.text is not None or not _is_indexed(terms) or _is_intricate(search.area):
        return None
    asked = item_conditions(reading, search)
    if asked.filter is not None:
        return None
    if not _is_listing(search):
        return _sort_candidates(reading, search, asked, terms)
    is_in_index = len(terms) == 1 and search.order[0].property == "datetime"
    return _walk(reading, search, asked, terms) if is_in_index else None


def find_items(reading: Reading, search: ItemSearch) -> ItemPage:
    """Return the page of items that a search asks for.

    Raises
    ------
    InvalidInputError
        If it is to be sorted by a property that is not indexed, and finds too many items for that.
    """
    terms = [order_term(key, reading.directory) for key in search.order]
    asked = item_conditions(reading, search)
    if not _is_indexed(terms):
        return _sort_documents(reading, search, asked, terms)
    return _sort_candidates(reading, search, asked, terms) or _walk(reading, search, asked, terms)


def _is_indexed(terms: list[OrderTerm | None]) -> TypeGuard[list[OrderTerm]]:
    return None not in terms


def _is_intricate(area: Area | None) -> bool:
    """Tell whether it takes long to find out what meets an area."""
    return area is not None and bool(shapely.get_num_coordinates(area.geometry) > _FEW_POSITIONS)


def _is_listing(search: ItemSearch) -> bool:
    """Tell whether all items, or all of some collections, are asked for."""
    narrowing = (search.ids, search.area, search.time, search.text, search.filter)
    return all(condition is None for condition in narrowing)


def _sort_candidates(
    reading: Reading, search: ItemSearch, asked: ItemConditions, terms: Sequence[OrderTerm]
) -> ItemPage | None:
    """Look for a condition that leaves few candidates, and answer from them; None if there is none."""
    if not asked.sources:
        return None
    after = "1"
    if search.after is not None:
        after = after_condition(asked.bindings, terms, search.after, "collection.id")
    columns = row_columns(asked, terms, after, "collection.id")
    for source in asked.sources:
        reading.check_time()
        distinct = "DISTINCT " if "UNION ALL" in source else ""
        candidates = f"SELECT {distinct}key FROM ({source}) LIMIT {FEW + 1}"
        rows = reading.connection.execute(
            f"WITH candidate AS MATERIALIZED ({candidates}) SELECT {columns} FROM candidate"
            " CROSS JOIN items AS item USING (key)"
            " CROSS JOIN collections AS collection ON collection.key = item.collection_key"
            f" WHERE (SELECT count(*) FROM candidate) <= {FEW} AND {asked.where}"
            f" ORDER BY {order_by(terms)}",
            asked.bindings.values,
        ).fetchall()
        if rows or _count(reading, asked, candidates) <= FEW:
            found = list(matching_rows(reading, asked, rows, FEW))
            following = [row for row in found if row[IS_AFTER]] if search.after is not None else found
            return _page(reading, search, following[: search.limit + 1], len(found))
    return None


def _count(reading: Reading, asked: ItemConditions, query: str) -> int:
    sql = f"SELECT count(*) FROM ({query})"
    count: int = reading.connection.execute(sql, asked.bindings.values).fetchone()[0]
    return count


def _walk(
    reading: Reading, search: ItemSearch, asked: ItemConditions, terms: Sequence[OrderTerm]
) -> ItemPage:
    """Go through the items in their order until the page is full."""
    rows = list(islice(walk(reading, search, asked, terms), search.limit + 1))
    matched = None
    if _is_listing(search):
        matched = _count_listed(reading, asked)
    elif search.after is None and len(rows) <= search.limit:
        matched = len(rows)
    return _page(reading, search, rows, matched)


def _count_listed(reading: Reading, asked: ItemConditions) -> int:
    sql = f"SELECT coalesce(sum(item_count), 0) FROM collections WHERE {asked.collections_where}"
    count: int = reading.connection.execute(sql, asked.bindings.values).fetchone()[0]
    return count


def _sort_documents(
    reading: Reading, search: ItemSearch, asked: ItemConditions, terms: Sequence[OrderTerm | None]
) -> ItemPage:
    """Sort by properties that stand in documents only."""
    rows = list(islice(unordered_rows(reading, asked, terms), MAX_SORTED_DOCUMENTS + 1))
    if len(rows) > MAX_SORTED_DOCUMENTS:
        missing = next(key.property for key, term in zip(search.order, terms, strict=True) if term is None)
        raise InvalidInputError(
            f"sortby: {missing[:80]!r} is not indexed, and more than {MAX_SORTED_DOCUMENTS} items are found.",
            "Narrow the search, or have a collection name the property in its summaries, which indexes it.",
        )
    places = _places(reading, search, rows, terms)
    rows = sorted_rows(rows, search.order, lambda row: places[row[KEY]])
    matched = len(rows)
    if search.after is not None:
        end = search.after
        rows = [row for row in rows if is_after(places[row[KEY]], end, search.order)]
    rows = [(*row[:VALUES], *map(stored_scalar, places[row[KEY]].values)) for row in rows[: search.limit + 1]]
    return _page(reading, search, rows, matched)


def _places(
    reading: Reading, search: ItemSearch, rows: Sequence[Row], terms: Sequence[OrderTerm | None]
) -> dict[int, Position]:
    """Return the places of rows by their keys; what no column holds is read from documents."""
    places = {}
    for portion in batched(rows, _DOCUMENTS_AT_ONCE):
        documents = reading.item_documents([row[KEY] for row in portion])
        for row in portion:
            reading.check_time()
            properties = orjson.loads(documents[row[KEY]]).get("properties") or {}
            values = [
                value if term is not None else stored_value(name, property_value(properties, name))
                for (name, _), term, value in zip(search.order, terms, row[VALUES:], strict=True)
            ]
            places[row[KEY]] = position(values, row[COLLECTION_ID], row[ID])
    return places


def _page(reading: Reading, search: ItemSearch, rows: Sequence[Row], matched: int | None) -> ItemPage:
    """Fetch the documents of a page; it ends early rather than grow beyond `MAX_PAGE_BYTES`."""
    items: list[FoundItem] = []
    size_bytes = 0
    for portion in batched(rows[: search.limit], _DOCUMENTS_AT_ONCE):
        documents = reading.item_documents([row[KEY] for row in portion])
        for row in portion:
            document = documents[row[KEY]]
            items.append(FoundItem(row[COLLECTION_ID], row[ID], document))
            size_bytes += len(document)
            if size_bytes > MAX_PAGE_BYTES:
                break
        if size_bytes > MAX_PAGE_BYTES:
            break
    if len(rows) == len(items):
        return ItemPage(items, matched, None)
    last = rows[len(items) - 1]
    return ItemPage(items, matched, position(last[VALUES:], last[COLLECTION_ID], last[ID]))
