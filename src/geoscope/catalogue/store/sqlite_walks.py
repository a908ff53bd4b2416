"""Walks through items in an order, that end as soon as nobody asks for more.

Items of one collection are in order in its index, and the walks of several collections are merged. A property
that items may lack is walked in two parts: first the items that have it, then those that lack it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from geoscope.catalogue.models import ItemSearch, Position
from geoscope.catalogue.store.sqlite_conditions import ItemConditions
from geoscope.catalogue.store.sqlite_order import OrderTerm, after_condition, order_by
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_rows import Row, matching_rows, row_columns
from geoscope.catalogue.store.sqlite_values import stored_scalar

# Each collection's own order is walked, and the walks are merged, up to this number of collections.
MAX_MERGED_COLLECTIONS = 16

_NULL_TERM = OrderTerm("NULL", descending=False)


def walk(
    reading: Reading, search: ItemSearch, asked: ItemConditions, terms: Sequence[OrderTerm]
) -> Iterator[Row]:
    """Yield the rows of the matches after the place where the page begins, in order."""
    first, *others = terms
    if first.is_always_there:
        yield from _walk_part(reading, search, asked, _Part(terms, search.after))
        return
    place = search.after
    if place is None or place.values[0] is not None:
        having = [replace(first, is_always_there=True), *others]
        yield from _walk_part(reading, search, asked, _Part(having, place, f"{first.column} < x'02'"))
        place = None
    lacks = f"({first.column} IS NULL OR {first.column} >= x'02')"
    yield from _walk_part(reading, search, asked, _Part([_NULL_TERM, *others], place, lacks))


@dataclass(frozen=True)
class _Part:
    """Items that are alike in whether they have what they are sorted by first."""

    terms: Sequence[OrderTerm]
    after: Position | None
    condition: str = "1"

    def of_collection(self, collection_id: str) -> "_Part":
        """Return the part within one collection, whose id is known."""
        terms = [
            replace(term, column=collection_id) if term.column == "collection.id" else term
            for term in self.terms
        ]
        return replace(self, terms=terms)


@dataclass(frozen=True)
class _Collection:
    """A collection that holds items; `longest_us` is at least the longest time of one."""

    key: int
    id: str
    longest_us: int


def _walk_part(reading: Reading, search: ItemSearch, asked: ItemConditions, part: _Part) -> Iterator[Row]:
    collections = _collections(reading, asked)
    if not collections:
        return
    if len(collections) <= MAX_MERGED_COLLECTIONS and part.terms[0].column != "item.id":
        walks = [_walk_of_collection(search, asked, part, collection) for collection in collections]
    else:
        walks = [_walk_of_all(search, asked, part, max(each.longest_us for each in collections))]
    sql = f"{' UNION ALL '.join(walks)} ORDER BY {order_by(part.terms)}"
    if asked.are_exact:
        # Where no index has the order, this spares sorting all of them.
        sql += f" LIMIT {search.limit + 1}"
    rows = reading.connection.execute(sql, asked.bindings.values)
    yield from matching_rows(reading, asked, rows)


def _collections(reading: Reading, asked: ItemConditions) -> list[_Collection]:
    """Return the collections that can hold matches."""
    where = asked.collections_where
    rows = reading.connection.execute(
        f"SELECT key, id, longest_us FROM collections WHERE item_count > 0 AND {where}", asked.bindings.values
    )
    return [_Collection(*row) for row in rows]


def _walk_of_collection(
    search: ItemSearch, asked: ItemConditions, part: _Part, collection: _Collection
) -> str:
    id_ = asked.bindings.add(collection.id)
    part = part.of_collection(id_)
    first = part.terms[0]
    index = first.index_name or ("items_of_collection" if first.column == "item.start_us" else None)
    conditions = [
        f"item.collection_key = {asked.bindings.add(collection.key)}",
        *_conditions(search, asked, part, id_, collection.longest_us),
    ]
    columns = row_columns(asked, part.terms, "1", id_)
    indexed_by = f" INDEXED BY {index}" if index else ""
    return f"SELECT {columns} FROM items AS item{indexed_by} WHERE {' AND '.join(conditions)}"


def _walk_of_all(search: ItemSearch, asked: ItemConditions, part: _Part, longest_us: int) -> str:
    indexes = {"item.start_us": " INDEXED BY items_in_order", "item.id": " INDEXED BY items_by_id"}
    columns = row_columns(asked, part.terms, "1", "collection.id")
    conditions = _conditions(search, asked, part, "collection.id", longest_us)
    return (
        f"SELECT {columns} FROM items AS item{indexes.get(part.terms[0].column, '')}"
        " CROSS JOIN collections AS collection ON collection.key = item.collection_key"
        f" WHERE {' AND '.join(conditions)}"
    )


def _conditions(
    search: ItemSearch, asked: ItemConditions, part: _Part, collection_id: str, longest_us: int
) -> list[str]:
    conditions = [part.condition, asked.where]
    if search.time is not None:
        # What starts sooner has ended before the time that is asked for: the walk can end.
        conditions.append(f"item.start_us >= {asked.bindings.add(search.time.start_us - longest_us)}")
    if part.after is not None:
        first, value = part.terms[0], stored_scalar(part.after.values[0])
        if value is not None:
            # Implied by what follows, and a range of the index.
            sign = "<=" if first.descending else ">="
            conditions.append(f"{first.column} {sign} {asked.bindings.add(value)}")
        conditions.append(after_condition(asked.bindings, part.terms, part.after, collection_id))
    return conditions
