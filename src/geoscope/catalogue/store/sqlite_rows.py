"""Rows of items that SQL has found, and what it could not tell of them: tested here, many at once.

A row holds, in this order: key, collection_key, id, shape (WKB, if it has to be tested), is_after (whether it
comes after the place where the page begins), collection_id, and the values that it is sorted by.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
import shapely

from geoscope.catalogue.areas import Area, Box, meets
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.store.sqlite_conditions import ItemConditions, inside_condition
from geoscope.catalogue.store.sqlite_order import OrderTerm
from geoscope.catalogue.store.sqlite_reading import Reading

type Row = tuple[Any, ...]

KEY, COLLECTION_KEY, ID, SHAPE, IS_AFTER, COLLECTION_ID, VALUES = range(7)

# Small portions come first, as a page may be full soon.
_FIRST_PORTION = 32
_LARGEST_PORTION = 2000
_DOCUMENTS_AT_ONCE = 50


def row_columns(
    asked: ItemConditions, terms: Sequence[OrderTerm | None], after: str, collection_id: str
) -> str:
    """Write the columns of a row; `after` and `collection_id` are what stands for them in the statement."""
    values = (f"{'NULL' if term is None else term.value} AS v{n}" for n, term in enumerate(terms))
    shape = "NULL"
    if asked.area is not None:
        shape = f"CASE WHEN {inside_condition(asked.bindings, asked.area)} THEN NULL ELSE item.shape END"
    return ", ".join(
        [
            "item.key, item.collection_key, item.id AS id",
            f"{shape}, {after} AS is_after, {collection_id} AS collection_id",
            *values,
        ]
    )


def unordered_rows(
    reading: Reading, asked: ItemConditions, terms: Sequence[OrderTerm | None]
) -> Iterator[Row]:
    """Yield the row of every match, in no order."""
    columns = row_columns(asked, terms, "1", "collection.id")
    rows = reading.connection.execute(f"SELECT {columns} {from_where(asked)}", asked.bindings.values)
    return matching_rows(reading, asked, rows, _LARGEST_PORTION)


def from_where(asked: ItemConditions) -> str:
    """Write where all rows come from that SQL can tell to match."""
    source = f"(SELECT DISTINCT key FROM ({asked.sources[0]})) CROSS JOIN items" if asked.sources else "items"
    using = " USING (key)" if asked.sources else ""
    return (
        f"FROM {source} AS item{using}"
        f" CROSS JOIN collections AS collection ON collection.key = item.collection_key WHERE {asked.where}"
    )


def matching_rows(
    reading: Reading, asked: ItemConditions, rows: Iterable[Row], portion: int = _FIRST_PORTION
) -> Iterator[Row]:
    """Yield the rows that pass the tests that were left for Python."""
    if asked.are_exact:
        yield from rows
        return
    rows = iter(rows)
    while chunk := list(islice(rows, portion)):
        reading.check_time()
        if asked.area is not None:
            chunk = _rows_in_area(reading, asked.area, chunk)
        if asked.filter is not None:
            yield from _rows_of_filter(reading, asked.filter, chunk)
        else:
            yield from chunk
        portion = min(4 * portion, _LARGEST_PORTION)


def _rows_in_area(reading: Reading, area: Area, rows: list[Row]) -> list[Row]:
    shaped = [row for row in rows if row[SHAPE] is not None]
    is_met = {row[KEY]: True for row in rows} if area.geometry is None else _box_answers(reading, area, rows)
    if shaped:
        answers = shapely.intersects(area.shape, shapely.from_wkb([row[SHAPE] for row in shaped]))
        is_met |= {row[KEY]: answer for row, answer in zip(shaped, answers, strict=True)}
    return [row for row in rows if is_met[row[KEY]]]


def _box_answers(reading: Reading, area: Area, rows: list[Row]) -> dict[int, bool]:
    """Tell of the items that are their boxes whether they meet an area."""
    keys = [row[KEY] for row in rows if row[SHAPE] is None]
    boxes = reading.connection.execute(
        "SELECT key, west, south, east, north FROM items WHERE key IN (SELECT value FROM json_each(?))",
        (orjson.dumps(keys).decode(),),
    )
    return {key: meets(area, Box(*box), None) for key, *box in boxes}


def _rows_of_filter(reading: Reading, filter_: Filter, rows: list[Row]) -> Iterator[Row]:
    for first in range(0, len(rows), _DOCUMENTS_AT_ONCE):
        portion = rows[first : first + _DOCUMENTS_AT_ONCE]
        documents = reading.item_documents([row[KEY] for row in portion])
        for row in portion:
            reading.check_time()
            if filter_.matches(documents[row[KEY]]):
                yield row
