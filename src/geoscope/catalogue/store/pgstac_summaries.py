"""What the items that a search finds have in common: aggregations, and the values of their properties."""

# ruff: noqa: S608 (own expressions are put together; what is sent stands in parameters)

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import orjson
import psycopg
from numpy.typing import NDArray

from geoscope.catalogue.models import (
    NEWEST_FIRST,
    Aggregation,
    AggregationAnswer,
    ItemSearch,
    Measure,
    Scalar,
    ValueSummaries,
    ValueSummary,
)
from geoscope.catalogue.store.buckets import (
    MICROSECONDS_OF_DAY,
    answer_of_centres,
    answer_of_days,
    answer_of_values,
)
from geoscope.catalogue.store.pgstac_conditions import ItemConditions, item_conditions
from geoscope.catalogue.store.pgstac_order import Order
from geoscope.catalogue.store.pgstac_properties import TIME_COLUMNS, is_instant, summarised_value
from geoscope.catalogue.store.pgstac_search import Deadline, Row, matching_documents
from geoscope.errors import InvalidInputError

# More different values are not told one by one.
MAX_VALUES = 200

# The values in use are read from documents, of so many items at most.
MAX_DOCUMENTS = 20_000

# West and east of an item's box; one that was cut at the antimeridian is put together again.
_LONGITUDES = """
    CASE WHEN ST_NumGeometries(i.geometry) > 1 AND ST_XMax(i.geometry) - ST_XMin(i.geometry) = 360
        THEN ST_ShiftLongitude(i.geometry) ELSE i.geometry END"""

# Each scalar by itself, those of arrays too.
_SCALARS = """
    jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END)
        AS each (scalar)"""

_VALUES = f"""
WITH used AS (
    SELECT name, scalar, bool_or(jsonb_typeof(value) = 'array') AS is_array
    FROM ({{source}}) AS found, jsonb_each(found.properties) AS property (name, value), {_SCALARS}
    WHERE geoscope.kind(scalar) IS NOT NULL
    GROUP BY name, scalar
)
SELECT name, CASE WHEN count(*) <= {MAX_VALUES} THEN jsonb_agg(scalar) END,
    min(geoscope.number(scalar)), max(geoscope.number(scalar)), bool_or(is_array)
FROM used GROUP BY name"""


def aggregate(
    connection: psycopg.Connection,
    search: ItemSearch,
    aggregations: Sequence[Aggregation],
    deadline: Deadline,
) -> list[AggregationAnswer]:
    """Answer questions about all items that a search finds; its limit, order and page do not count."""
    matches = _Matches(connection, search, deadline)
    return [_answer(matches, aggregation) for aggregation in aggregations]


def values(connection: psycopg.Connection, search: ItemSearch, deadline: Deadline) -> ValueSummaries:
    """Tell which values the properties have among the items that a search finds, times aside.

    Where there are too many items to read all their documents, only the names are told, as some of the items
    have them.
    """
    matches = _Matches(connection, search, deadline)
    source = matches.source("i.content->'properties' AS properties", limit=MAX_DOCUMENTS + 1)
    are_all = matches.count_up_to(MAX_DOCUMENTS + 1) <= MAX_DOCUMENTS
    summaries = {}
    for name, scalars, minimum, maximum, is_array in matches.rows(_VALUES.format(source=source)):
        if is_instant(name):
            continue
        summaries[name] = ValueSummary(None, is_array=is_array)
        if are_all:
            told = None if scalars is None else tuple(sorted(orjson.loads(scalars), key=_sort_key))
            summaries[name] = ValueSummary(told, minimum, maximum, is_array)
    return summaries


def _answer(matches: "_Matches", aggregation: Aggregation) -> AggregationAnswer:
    match aggregation.measure:
        case Measure.COUNT:
            return AggregationAnswer(aggregation, matches.count())
        case Measure.MINIMUM:
            return AggregationAnswer(aggregation, matches.extreme("min", aggregation.property))
        case Measure.MAXIMUM:
            return AggregationAnswer(aggregation, matches.extreme("max", aggregation.property))
        case Measure.GEOHASH | Measure.GEOTILE:
            return answer_of_centres(aggregation, *matches.centres())
        case Measure.PERIODS:
            return answer_of_days(aggregation, matches.days(aggregation.property))
    return answer_of_values(aggregation, matches.values(aggregation.property))


class _Matches:
    """All items that a search finds."""

    def __init__(self, connection: psycopg.Connection, search: ItemSearch, deadline: Deadline) -> None:
        self._connection = connection
        self._asked = _decided(connection, search, deadline)

    def source(self, columns: str, limit: int | None = None) -> str:
        """Return the query for columns of all items."""
        found = self._asked.sources(columns)
        return found if limit is None else f"SELECT * FROM ({found}) AS found LIMIT {limit}"

    def rows(self, query: str, property_: str = "") -> list[Row]:
        """Run a query that is made of a source."""
        return self._connection.execute(query, self._asked.parameters | {"property": property_}).fetchall()

    def count(self) -> int:
        """Return how many there are."""
        [(count,)] = self.rows(f"SELECT count(*) FROM ({self.source('1')}) AS found")
        return int(count)

    def count_up_to(self, limit: int) -> int:
        """Return how many there are, or the limit if there are more."""
        [(count,)] = self.rows(f"SELECT count(*) FROM ({self.source('1', limit)}) AS found")
        return int(count)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitudes and latitudes of the centres of their boxes."""
        rows = self.rows(
            "SELECT (ST_XMin(place) + ST_XMax(place)) / 2, (ST_YMin(place) + ST_YMax(place)) / 2"
            f" FROM ({self.source(f'{_LONGITUDES} AS place')}) AS found WHERE NOT ST_IsEmpty(place)"
        )
        longitudes, latitudes = np.array(rows, dtype=np.float64).reshape(-1, 2).T
        return np.where(longitudes > 180, longitudes - 360, longitudes), latitudes

    def extreme(self, function: str, property_: str) -> Scalar | None:
        """Return the smallest (`min`) or largest (`max`) number or time; of an array, each number counts."""
        column = TIME_COLUMNS.get(property_)
        if column is not None:
            [(instant_us,)] = self.rows(
                f"SELECT geoscope.microseconds({function}(value))"
                f" FROM ({self.source(f'{column} AS value')}) AS found"
            )
            return None if instant_us is None else int(instant_us)
        source = self.source(f"{summarised_value('property', property_)} AS value")
        [(number,)] = self.rows(
            f"SELECT to_jsonb({function}(geoscope.number(scalar))) FROM ({source}) AS found, {_SCALARS}",
            property_,
        )
        extreme: Scalar | None = None if number is None else orjson.loads(number)
        return int(extreme) if isinstance(extreme, float) and is_instant(property_) else extreme

    def days(self, property_: str) -> Counter[int]:
        """Return how many have a time on each day since 1970-01-01.

        Raises
        ------
        InvalidInputError
            If the property is no time.
        """
        if not is_instant(property_):
            raise InvalidInputError(f"{property_[:80]!r} is no time.", "Expected 'datetime' or another time.")
        column = TIME_COLUMNS.get(property_)
        day = f"{summarised_value('property', property_)}::numeric / {MICROSECONDS_OF_DAY}"
        if column is not None:
            day = f"extract(epoch FROM {column}) / 86400"
        rows = self.rows(
            f"SELECT day, count(*) FROM ({self.source(f'floor({day})::int AS day')}) AS found"
            " WHERE day IS NOT NULL GROUP BY day",
            property_,
        )
        return Counter(dict(rows))

    def values(self, property_: str) -> list[tuple[Scalar, int]]:
        """Return how many have each value; of an array, each of its values counts."""
        source = self.source(f"{summarised_value('property', property_)} AS value")
        rows = self.rows(
            f"SELECT scalar, count(*) FROM ({source}) AS found, {_SCALARS}"
            " WHERE geoscope.kind(scalar) IS NOT NULL GROUP BY scalar",
            property_,
        )
        return [(orjson.loads(scalar), count) for scalar, count in rows]


def _decided(connection: psycopg.Connection, search: ItemSearch, deadline: Deadline) -> ItemConditions:
    """Return the conditions of a search; where a filter must be held against documents, the items' keys."""
    asked = item_conditions(connection, search)
    if asked.filter is None:
        return asked
    every = replace(search, order=NEWEST_FIRST, after=None)
    with closing(matching_documents(connection, every, asked, Order(every.order), deadline)) as documents:
        keys = [row[:2] for _, row in documents]
    found = "(i.collection, i.id) IN (SELECT * FROM unnest(%(found_in)s::text[], %(found)s::text[]))"
    collections, ids = zip(*keys, strict=True) if keys else ((), ())
    return ItemConditions([found], parameters={"found_in": list(collections), "found": list(ids)})


def _sort_key(value: Scalar) -> tuple[bool, bool, Scalar]:
    return isinstance(value, bool), isinstance(value, str), value
