"""What the items that a search finds have in common: aggregations, and the values of indexed properties."""

from collections.abc import Sequence

from geoscope.catalogue.models import (
    Aggregation,
    AggregationAnswer,
    ItemSearch,
    Measure,
    ValueSummary,
)
from geoscope.catalogue.store.buckets import answer_of_centres, answer_of_days, answer_of_values
from geoscope.catalogue.store.sqlite_directory import IndexedProperty
from geoscope.catalogue.store.sqlite_matches import Matches
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_values import INSTANTS, Stored, scalars

# More different values are not told one by one.
MAX_VALUES = 200

# So many items are looked at one by one; of more, each value is looked for.
FEW_ITEMS = 10_000


def aggregate(
    reading: Reading, search: ItemSearch, aggregations: Sequence[Aggregation]
) -> list[AggregationAnswer]:
    """Answer questions about all items that a search finds.

    Raises
    ------
    InvalidInputError
        If a property is not indexed, and too many items are found to read all their documents.
    """
    matches = Matches(reading, search)
    return [_answer(matches, aggregation) for aggregation in aggregations]


def _answer(matches: Matches, aggregation: Aggregation) -> AggregationAnswer:
    match aggregation.measure:
        case Measure.COUNT:
            return AggregationAnswer(aggregation, matches.count())
        case Measure.GEOHASH | Measure.GEOTILE:
            return answer_of_centres(aggregation, *matches.centres())
        case Measure.PERIODS:
            return answer_of_days(aggregation, matches.days(aggregation.property))
    return answer_of_values(aggregation, matches.values(aggregation.property))


def values(reading: Reading, search: ItemSearch) -> dict[str, ValueSummary]:
    """Tell which values the indexed properties have among the items that a search finds, times aside."""
    matches = Matches(reading, search)
    properties = [known for known in reading.directory.properties.values() if known.name not in INSTANTS]
    if matches.are_whole_collections:
        found = {known.name: _in_index(reading, matches, known) for known in properties}
    elif matches.count(FEW_ITEMS + 1) <= FEW_ITEMS:
        found = _among_few(matches, properties)
    else:
        found = {known.name: _among_many(reading, matches, known) for known in properties}
    return {name: summary for name, summary in found.items() if summary is not None}


def _summary(
    stored: set[Stored], *, are_all: bool, bounds: tuple[Stored, Stored] = (None, None)
) -> ValueSummary | None:
    """Summarise what a column holds; `bounds` are the smallest and the largest number if not all is told."""
    if not stored:
        return None
    held = {(isinstance(value, bool), value) for each in stored for value in scalars(each)}
    is_array = any(isinstance(each, bytes) and each.startswith(b"[") for each in stored)
    numbers = [value for is_truth, value in held if not is_truth and isinstance(value, int | float)]
    if are_all and len(held) <= MAX_VALUES:
        # True and 1 are equal in Python, and different values here; numbers come first, then texts.
        in_order = sorted(held, key=lambda pair: (pair[0], isinstance(pair[1], str), pair[1]))
        told = tuple(value for _, value in in_order)
        return ValueSummary(told, min(numbers, default=None), max(numbers, default=None), is_array)
    numbers += [bound for bound in bounds if isinstance(bound, int | float)]
    return ValueSummary(None, min(numbers, default=None), max(numbers, default=None), is_array)


def _among_few(matches: Matches, properties: Sequence[IndexedProperty]) -> dict[str, ValueSummary | None]:
    """Look at every item."""
    stored: list[set[Stored]] = [set() for _ in properties]
    for row in matches.rows(", ".join(f"item.{known.column}" for known in properties) or "NULL"):
        for values_, value in zip(stored, row, strict=False):
            if value is not None:
                values_.add(value)
    return {
        known.name: _summary(values_, are_all=True) for known, values_ in zip(properties, stored, strict=True)
    }


def _in_index(reading: Reading, matches: Matches, known: IndexedProperty) -> ValueSummary | None:
    """Leap through an index from each value to the next."""
    stored: set[Stored] = set()
    bounds: list[Stored] = []
    are_all = True
    for collection_key in matches.collection_keys():
        leaped = _leaps(reading, known, collection_key)
        stored |= leaped
        if len(leaped) > MAX_VALUES:
            are_all = False
            bounds += _bounds_in_index(reading, known, collection_key)
    numbers = [bound for bound in bounds if bound is not None]
    return _summary(stored, are_all=are_all, bounds=(min(numbers, default=None), max(numbers, default=None)))


def _leaps(reading: Reading, known: IndexedProperty, collection_key: int) -> set[Stored]:
    column = known.column
    source = f"FROM items INDEXED BY {known.index_name} WHERE collection_key = :key"
    rows = reading.connection.execute(
        f"""
        WITH RECURSIVE found (value) AS (
            SELECT min({column}) {source} AND {column} IS NOT NULL
            UNION ALL
            SELECT (SELECT min({column}) {source} AND {column} > found.value) FROM found
            WHERE found.value IS NOT NULL LIMIT {MAX_VALUES + 1}
        )
        SELECT value FROM found WHERE value IS NOT NULL
        """,
        {"key": collection_key},
    )
    return {value for (value,) in rows}


def _bounds_in_index(reading: Reading, known: IndexedProperty, collection_key: int) -> list[Stored]:
    """Return the smallest and the largest number; numbers come first in an index."""
    source = f"FROM items INDEXED BY {known.index_name} WHERE collection_key = ? AND {known.column} < ''"
    return [
        reading.connection.execute(
            f"SELECT {extreme}({known.column}) {source}", (collection_key,)
        ).fetchone()[0]
        for extreme in ("min", "max")
    ]


def _among_many(reading: Reading, matches: Matches, known: IndexedProperty) -> ValueSummary | None:
    """Look for each value that the collections have at all; what is frequent is found soon."""
    column = f"item.{known.column}"
    possible: set[Stored] = set()
    for collection_key in matches.collection_keys():
        possible |= _leaps(reading, known, collection_key)
        if len(possible) > MAX_VALUES:
            ((low, high),) = matches.rows(f"min({column}), max({column})", f"AND {column} < ''")
            some = {value for (value,) in matches.rows(column, f"AND {column} IS NOT NULL LIMIT 1")}
            return _summary(some, are_all=False, bounds=(low, high))
    return _summary({value for value in possible if matches.hold(column, value)}, are_all=True)
