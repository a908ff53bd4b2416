"""All items that a search finds, as the source of statements that count them."""

from collections import Counter
from collections.abc import Iterator
from itertools import batched, islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geoscope.catalogue.models import ItemSearch, Scalar
from geoscope.catalogue.store.sqlite_conditions import MICROSECONDS_OF_DAY, ItemConditions, item_conditions
from geoscope.catalogue.store.sqlite_order import fixed_column
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_rows import KEY, from_where, unordered_rows
from geoscope.catalogue.store.sqlite_values import INSTANTS, Stored, property_value, scalars, stored_value
from geoscope.errors import InvalidInputError

# Properties that are not indexed are read from documents, of so many items at most.
MAX_DOCUMENTS = 20_000

_DOCUMENTS_AT_ONCE = 100


class Matches:
    """All items that a search finds, found once."""

    def __init__(self, reading: Reading, search: ItemSearch) -> None:
        self._reading = reading
        self._asked = asked = item_conditions(reading, search)
        self._bindings = asked.bindings
        narrowing = (search.ids, search.area, search.time, search.text, search.filter)
        self.are_whole_collections = all(condition is None for condition in narrowing)
        self._from = from_where(asked) if asked.are_exact else self._from_keys(asked)

    def _from_keys(self, asked: ItemConditions) -> str:
        keys = [row[KEY] for row in unordered_rows(self._reading, asked, [])]
        listed = self._bindings.add(orjson.dumps(keys).decode())
        return (
            f"FROM json_each({listed}) AS found CROSS JOIN items AS item ON item.key = found.value"
            " CROSS JOIN collections AS collection ON collection.key = item.collection_key WHERE 1"
        )

    def rows(self, columns: str, rest: str = "") -> Iterator[tuple[Any, ...]]:
        """Select columns of `items AS item`; `rest` goes on after WHERE."""
        sql = f"SELECT {columns} {self._from} {rest}"
        return iter(self._reading.connection.execute(sql, self._bindings.values))

    def collection_keys(self) -> list[int]:
        """Return the keys of the collections that may hold some."""
        rows = self._reading.connection.execute(
            f"SELECT key FROM collections WHERE item_count > 0 AND {self._asked.collections_where}",
            self._bindings.values,
        )
        return [key for (key,) in rows]

    def hold(self, column: str, value: Stored) -> bool:
        """Tell whether one of them has a value."""
        rows = self.rows("1", f"AND {column} = {self._bindings.add(value)} LIMIT 1")
        return next(rows, None) is not None

    def count(self, limit: int | None = None) -> int:
        """Return how many there are, or `limit` if there are more."""
        if limit is None:
            ((count,),) = self.rows("count(*)")
            return int(count)
        return sum(1 for _ in self.rows("1", f"LIMIT {limit}"))

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitudes and latitudes of the centres of their boxes."""
        rows = self.rows("item.west, item.south, item.east, item.north", "AND item.west IS NOT NULL")
        boxes = np.array(list(rows), dtype=np.float64).reshape(-1, 4)
        west, south, east, north = boxes.T
        longitudes = (west + np.where(west > east, east + 360, east)) / 2
        return np.where(longitudes > 180, longitudes - 360, longitudes), (south + north) / 2

    def days(self, property_: str) -> Counter[int]:
        """Return how many have a time on each day since 1970-01-01."""
        column = self._column(property_)
        if column is None or property_ not in INSTANTS:
            raise InvalidInputError(f"{property_[:80]!r} is no time.", "Expected 'datetime' or another time.")
        day = f"{column} / {MICROSECONDS_OF_DAY} - ({column} % {MICROSECONDS_OF_DAY} < 0)"
        return Counter(dict(self.rows(f"{day} AS day, count(*)", f"AND {column} < '' GROUP BY day")))

    def values(self, property_: str) -> list[tuple[Scalar, int]]:
        """Return how many have each value; of an array, each of its values counts."""
        counted = self._counted(self._column(property_), property_)
        return [(value, count) for stored, count in counted for value in scalars(stored)]

    def _counted(self, column: str | None, property_: str) -> Iterator[tuple[Any, ...]]:
        if column is None:
            return ((stored, 1) for stored in self._values_of_documents(property_))
        return self.rows(f"{column} AS value, count(*)", f"AND {column} IS NOT NULL GROUP BY value")

    def _column(self, property_: str) -> str | None:
        known = self._reading.directory.properties.get(property_)
        return fixed_column(property_) or (f"item.{known.column}" if known else None)

    def _values_of_documents(self, property_: str) -> Iterator[Stored]:
        keys = [key for (key,) in islice(self.rows("item.key"), MAX_DOCUMENTS + 1)]
        if len(keys) > MAX_DOCUMENTS:
            raise InvalidInputError(
                f"{property_[:80]!r} is not indexed, and more than {MAX_DOCUMENTS} items are found.",
                "Narrow the search, or have a collection name it in its summaries, which indexes it.",
            )
        for portion in batched(keys, _DOCUMENTS_AT_ONCE):
            self._reading.check_time()
            for document in self._reading.item_documents(portion).values():
                properties = orjson.loads(document).get("properties") or {}
                yield stored_value(property_, property_value(properties, property_))
