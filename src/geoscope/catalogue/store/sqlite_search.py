"""Searches as SQL.

A search for items first looks whether one of its conditions leaves few candidates: by id, by the R*Tree of
space and time, by the words, or, if it has a filter, by collection. These are tested exactly and sorted.
Where many remain, matches are dense, and walking the items in their order finds a page soonest.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from geoscope.catalogue.areas import Area
from geoscope.catalogue.models import (
    CollectionPage,
    CollectionSearch,
    FoundCollection,
    FoundItem,
    ItemPage,
    ItemSearch,
    Position,
)

FEW = 2000
MAX_PAGE_BYTES = 64 * 1024**2
MICROSECONDS_OF_DAY = 86_400_000_000

# Each collection's own order is walked, and the walks are merged, up to this number of collections.
MAX_MERGED_COLLECTIONS = 16

type Parameters = dict[str, Any]
type ItemRow = tuple[int, int, str, str]

_WORDS = """
    (item.key IN (SELECT rowid FROM item_text WHERE item_text MATCH :phrases) OR item.collection IN (
        SELECT id FROM collections WHERE key IN (
            SELECT rowid FROM collection_text WHERE collection_text MATCH :phrases)))"""

_CANDIDATES_BY_ID = "SELECT key FROM items WHERE id IN (SELECT value FROM json_each(:ids))"

_CANDIDATES_BY_SPACE_AND_TIME = "SELECT key FROM item_space WHERE {box} AND {time}"
_COARSE_BOX = "west <= :east_{n} AND east >= :west_{n} AND south <= :north_{n} AND north >= :south_{n}"

_CANDIDATES_BY_WORDS = """
    SELECT rowid AS key FROM item_text WHERE item_text MATCH :phrases UNION ALL
    SELECT key FROM items WHERE collection IN (
        SELECT id FROM collections WHERE key IN (
            SELECT rowid FROM collection_text WHERE collection_text MATCH :phrases))"""

_OF_COLLECTIONS = "{table}.collection IN (SELECT value FROM json_each(:collections))"
_CANDIDATES_BY_COLLECTION = "SELECT key FROM items WHERE {collections}"

_FILTER = "meets_filter((SELECT document FROM item_documents WHERE key = item.key))"

# One row at least: the counts stand in each, beside the rows of the page.
_SORTED_CANDIDATES = """
WITH candidate AS MATERIALIZED (SELECT DISTINCT key FROM ({candidates}) LIMIT :few + 1),
matched AS MATERIALIZED (
    SELECT item.key, item.start_us, item.collection, item.id
    FROM candidate CROSS JOIN items AS item USING (key)
    WHERE (SELECT count(*) FROM candidate) <= :few AND {conditions}
),
page AS (SELECT * FROM matched AS item WHERE {after} ORDER BY start_us DESC, collection, id LIMIT :rows)
SELECT (SELECT count(*) FROM candidate), (SELECT count(*) FROM matched), page.*
FROM (SELECT 1) LEFT JOIN page ORDER BY page.start_us DESC, page.collection, page.id
"""

_ORDERED = """
SELECT item.key, item.start_us, item.collection, item.id
FROM items AS item INDEXED BY {index} WHERE {conditions}
"""


def find_item(connection: sqlite3.Connection, collection: str, id_: str) -> bytes | None:
    """Return an item's document, or None if there is no such item."""
    sql = "SELECT document FROM items JOIN item_documents USING (key) WHERE id = ? AND collection = ?"
    row = connection.execute(sql, (id_, collection)).fetchone()
    return None if row is None else row[0]


def find_collection(connection: sqlite3.Connection, id_: str) -> bytes | None:
    """Return a collection's document, or None if there is no such collection."""
    row = connection.execute("SELECT document FROM collections WHERE id = ?", (id_,)).fetchone()
    return None if row is None else row[0]


def find_items_soon(connection: sqlite3.Connection, search: ItemSearch) -> ItemPage | None:
    """Return the page of items if that takes a few milliseconds at most, however large the catalogue is."""
    if search.phrases or search.filter is not None:
        return None
    return _walk(connection, search) if _is_listing(search) else _sort_candidates(connection, search)


def find_items(connection: sqlite3.Connection, search: ItemSearch) -> ItemPage:
    """Return the page of items that a search asks for.

    Parameters
    ----------
    connection : sqlite3.Connection
        Its functions `meets_area(west, south, east, north, shape)` and `meets_filter(document)` must mean the
        area and the filter of the search.
    search : ItemSearch
        What is asked for.
    """
    return _sort_candidates(connection, search) or _walk(connection, search)


def find_collections(connection: sqlite3.Connection, search: CollectionSearch) -> CollectionPage:
    """Return the page of collections that a search asks for."""
    parameters = {"rows": search.limit + 1, "after": search.after or ""} | _narrowing_parameters(search)
    conditions = _space_and_time_conditions(search, "collection")
    if search.phrases:
        conditions.append("key IN (SELECT rowid FROM collection_text WHERE collection_text MATCH :phrases)")
    source = f"FROM collections AS collection WHERE {' AND '.join(['true', *conditions])}"
    rows = connection.execute(
        f"SELECT id, document {source} AND id > :after ORDER BY id LIMIT :rows", parameters
    ).fetchall()
    (matched,) = connection.execute(f"SELECT count(*) {source}", parameters).fetchone()
    found = [FoundCollection(*row) for row in rows[: search.limit]]
    return CollectionPage(found, matched, found[-1].id if len(rows) > search.limit else None)


def _sort_candidates(connection: sqlite3.Connection, search: ItemSearch) -> ItemPage | None:
    """Look for a condition that leaves few candidates, and answer from them; None if there is none."""
    parameters = _parameters(search)
    conditions, after = " AND ".join(_conditions(search)), _after(search)
    for candidates in _candidates(search):
        sql = _SORTED_CANDIDATES.format(candidates=candidates, conditions=conditions, after=after)
        rows = connection.execute(sql, parameters).fetchall()
        candidate_count, matched = rows[0][:2]
        if candidate_count <= FEW:
            return _page(connection, [row[2:] for row in rows if row[2] is not None], search.limit, matched)
    return None


def _walk(connection: sqlite3.Connection, search: ItemSearch) -> ItemPage:
    """Go through the items in their order until the page is full."""
    conditions = " AND ".join([*_conditions(search), _after(search)])
    if search.collections is None or len(search.collections) > MAX_MERGED_COLLECTIONS:
        walks = [_ORDERED.format(index="items_in_order", conditions=conditions)]
    else:
        walks = [
            _ORDERED.format(
                index="items_of_collection", conditions=f"item.collection = :collection_{n} AND {conditions}"
            )
            for n in range(len(search.collections))
        ]
    sql = " UNION ALL ".join(walks) + " ORDER BY 2 DESC, 3, 4 LIMIT :rows"
    rows = connection.execute(sql, _parameters(search)).fetchall()
    return _page(connection, rows, search.limit, _cheap_count(connection, search, len(rows)))


def _parameters(search: ItemSearch) -> Parameters:
    parameters = _narrowing_parameters(search) | {"few": FEW, "rows": search.limit + 1}
    if search.ids is not None:
        parameters["ids"] = orjson.dumps(search.ids).decode()
    if search.collections is not None:
        parameters["collections"] = orjson.dumps(search.collections).decode()
        parameters |= {f"collection_{n}": id_ for n, id_ in enumerate(search.collections)}
    if search.after is not None:
        parameters |= {"after_start": search.after.start_us, "after_collection": search.after.collection}
        parameters["after_id"] = search.after.id
    return parameters


def _narrowing_parameters(search: ItemSearch | CollectionSearch) -> Parameters:
    parameters: Parameters = {}
    if search.area is not None:
        for n, box in enumerate(search.area.boxes):
            parameters |= {f"{side}_{n}": degrees for side, degrees in box._asdict().items()}
    if search.time is not None:
        start_us, end_us = search.time
        parameters |= {"start_us": start_us, "end_us": end_us}
        parameters |= {"first_day": start_us / MICROSECONDS_OF_DAY, "last_day": end_us / MICROSECONDS_OF_DAY}
    if search.phrases:
        # Quoted, so that no word is an operator of FTS5.
        parameters["phrases"] = " OR ".join(
            '"' + phrase.replace('"', '""') + '"' for phrase in search.phrases
        )
    return parameters


def _candidates(search: ItemSearch) -> Iterator[str]:
    """Yield queries for keys that hold every match, the narrowest condition first."""
    if search.ids is not None:
        yield _CANDIDATES_BY_ID
    if search.area is not None or search.time is not None:
        time = "true" if search.time is None else "last_day >= :first_day AND first_day <= :last_day"
        boxes = (
            ["true"]
            if search.area is None
            else [_COARSE_BOX.format(n=n) for n in range(len(search.area.boxes))]
        )
        yield " UNION ALL ".join(_CANDIDATES_BY_SPACE_AND_TIME.format(box=box, time=time) for box in boxes)
    if search.phrases:
        yield _CANDIDATES_BY_WORDS
    if search.filter is not None:
        yield _CANDIDATES_BY_COLLECTION.format(
            collections="true" if search.collections is None else _OF_COLLECTIONS.format(table="items")
        )


def _conditions(search: ItemSearch) -> list[str]:
    conditions = ["true", *_space_and_time_conditions(search, "item")]
    if search.ids is not None:
        conditions.append("item.id IN (SELECT value FROM json_each(:ids))")
    if search.collections is not None:
        conditions.append(_OF_COLLECTIONS.format(table="item"))
    if search.phrases:
        conditions.append(_WORDS)
    if search.area is not None:
        conditions.append(_exact_space_condition(search.area))
    if search.filter is not None:
        conditions.append(_FILTER)
    return conditions


def _space_and_time_conditions(search: ItemSearch | CollectionSearch, table: str) -> list[str]:
    conditions = []
    if search.time is not None:
        conditions.append(f"{table}.start_us <= :end_us AND {table}.end_us >= :start_us")
    if search.area is not None:
        boxes = (
            f"{table}.south <= :north_{n} AND {table}.north >= :south_{n}"
            f" AND CASE WHEN {table}.west <= {table}.east"
            f" THEN {table}.west <= :east_{n} AND {table}.east >= :west_{n}"
            f" ELSE {table}.west <= :east_{n} OR {table}.east >= :west_{n} END"
            for n in range(len(search.area.boxes))
        )
        conditions.append(f"({' OR '.join(boxes)})")
    return conditions


def _exact_space_condition(area: Area) -> str:
    """Ask `meets_area` only about items for which the boxes have not said all."""
    meets = "meets_area(item.west, item.south, item.east, item.north, item.shape)"
    if area.geometry is not None:
        return meets
    inside = (
        f"item.west BETWEEN :west_{n} AND item.east AND item.east <= :east_{n}"
        f" AND item.south >= :south_{n} AND item.north <= :north_{n}"
        for n in range(len(area.boxes))
    )
    return f"(item.shape IS NULL OR {' OR '.join(inside)} OR {meets})"


def _after(search: ItemSearch) -> str:
    if search.after is None:
        return "true"
    return (
        "item.start_us <= :after_start AND (item.start_us < :after_start"
        " OR (item.collection, item.id) > (:after_collection, :after_id))"
    )


def _is_listing(search: ItemSearch) -> bool:
    """Tell whether all items, or all of some collections, are asked for."""
    narrowing = (search.ids, search.area, search.time, search.filter)
    return not search.phrases and all(condition is None for condition in narrowing)


def _cheap_count(connection: sqlite3.Connection, search: ItemSearch, row_count: int) -> int | None:
    if _is_listing(search):
        sql = "SELECT coalesce(sum(item_count), 0) FROM collections"
        if search.collections is not None:
            sql += " WHERE id IN (SELECT value FROM json_each(:collections))"
        count: int = connection.execute(sql, _parameters(search)).fetchone()[0]
        return count
    is_whole = search.after is None and row_count <= search.limit
    return row_count if is_whole else None


def _page(
    connection: sqlite3.Connection, rows: Sequence[ItemRow], limit: int, matched: int | None
) -> ItemPage:
    """Fetch the documents of a page; it ends early rather than grow beyond `MAX_PAGE_BYTES`."""
    items: list[FoundItem] = []
    size_bytes = 0
    for key, _, collection, id_ in rows[:limit]:
        (document,) = connection.execute(
            "SELECT document FROM item_documents WHERE key = ?", (key,)
        ).fetchone()
        items.append(FoundItem(collection, id_, document))
        size_bytes += len(document)
        if size_bytes > MAX_PAGE_BYTES:
            break
    has_more = len(rows) > len(items)
    return ItemPage(items, matched, Position(*rows[len(items) - 1][1:]) if has_more else None)
