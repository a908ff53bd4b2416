"""What a search asks of an item `i` or of a collection `kept`, as conditions of SQL."""

# ruff: noqa: S608 (own expressions are put together; what is sent stands in parameters)

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
import shapely

from geoscope.catalogue.areas import Area
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import CollectionSearch, ItemSearch, Reader
from geoscope.catalogue.store.pgstac_documents import timestamps
from geoscope.catalogue.store.pgstac_filter import filter_condition
from geoscope.catalogue.store.pgstac_properties import Parameters
from geoscope.catalogue.store.pgstac_words import collection_condition, item_alternatives

_HIDDEN = """
    SELECT id FROM geoscope.collections
    WHERE readers IS NOT NULL AND NOT readers && %(reader_names)s::text[]"""


@dataclass
class ItemConditions:
    """A search for items as SQL.

    Parameters
    ----------
    common : list of str
        Every item that is found meets all of them.
    alternatives : list of str
        Every item that is found meets exactly one of them.
    parameters : mapping
        Of all of them.
    filter : Filter or None
        What SQL has narrowed, and Python must decide.
    """

    common: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=lambda: ["true"])
    parameters: Parameters = field(default_factory=dict)
    filter: Filter | None = None

    def sources(self, columns: str, rest: str = "") -> str:
        """Return the query for columns of all items, as the union of what each alternative finds.

        Parameters
        ----------
        columns : str
            Expressions, with names if they have none of their own.
        rest : str
            What follows WHERE, for each alternative by itself.
        """
        queries = (
            f"SELECT {columns} FROM pgstac.items AS i WHERE {' AND '.join([*self.common, each])} {rest}"
            for each in self.alternatives
        )
        return "(" + ") UNION ALL (".join(queries) + ")"


class _Condition(NamedTuple):
    sql: str
    parameters: Parameters


_ANYTHING = _Condition("true", {})


def item_conditions(connection: psycopg.Connection, search: ItemSearch) -> ItemConditions:
    """Return what a search asks of items; its order and page do not count."""
    asked = ItemConditions()
    conditions = [_visible_items(connection, search.reader)]
    if search.ids is not None:
        conditions.append(_Condition("i.id = ANY (%(ids)s)", {"ids": possible(search.ids)}))
    if search.collections is not None:
        collections = possible(search.collections)
        conditions.append(_Condition("i.collection = ANY (%(collections)s)", {"collections": collections}))
    if search.time is not None:
        start, end = timestamps(search.time)
        times = "i.datetime <= %(end)s AND i.end_datetime >= %(start)s"
        conditions.append(_Condition(times, {"start": start, "end": end}))
    if search.area is not None:
        conditions.append(_area_condition(search.area))
    if search.filter is not None:
        narrowed, parameters, is_exact = filter_condition(search.filter)
        conditions.append(_Condition(narrowed, parameters))
        asked.filter = None if is_exact else search.filter
    if search.text is not None:
        asked.alternatives, parameters = item_alternatives(connection, search.text)
        asked.parameters |= parameters
    for sql, parameters in conditions:
        asked.common.append(sql)
        asked.parameters |= parameters
    return asked


def collection_conditions(search: CollectionSearch) -> tuple[str, Parameters]:
    """Return what a search asks of collections, besides its filter."""
    conditions = [visible("kept.id", search.reader)]
    if search.time is not None:
        times = "kept.start_us <= %(end_us)s AND kept.end_us >= %(start_us)s"
        conditions.append(_Condition(times, dict(search.time._asdict())))
    if search.area is not None:
        conditions.append(_reach(search.area))
    if search.text is not None:
        conditions.append(_Condition(*collection_condition(search.text)))
    if search.backend is not None:
        conditions.append(_Condition("%(backend)s = ANY (kept.backends)", {"backend": search.backend}))
    parameters: Parameters = {}
    for condition in conditions:
        parameters |= condition.parameters
    return " AND ".join(condition.sql for condition in conditions), parameters


def visible(column: str, reader: Reader) -> _Condition:
    """Ask that a collection, whose id stands in a column, is not hidden from a reader."""
    if reader.sees_all:
        return _ANYTHING
    return _Condition(f"{column} <> ALL (ARRAY({_HIDDEN}))", {"reader_names": sorted(reader.names)})


def _visible_items(connection: psycopg.Connection, reader: Reader) -> _Condition:
    """Ask the same of many items: the planner must see which collections are left out, mostly none."""
    hidden = []
    if not reader.sees_all:
        hidden = [id_ for (id_,) in connection.execute(_HIDDEN, {"reader_names": sorted(reader.names)})]
    return _Condition("i.collection <> ALL (%(hidden)s)", {"hidden": hidden}) if hidden else _ANYTHING


def possible(ids: Iterable[str]) -> list[str]:
    """Return the ids that PostgreSQL can hold."""
    return [id_ for id_ in ids if "\0" not in id_]


def _area_condition(area: Area) -> _Condition:
    """Ask for each part of a box by itself, so that an index narrows to it."""
    shapes = [area.shape]
    if area.geometry is None:
        shapes = [shapely.make_valid(shapely.box(*box)) for box in area.boxes]
    parameters: Parameters = {f"area_{n}": shapely.to_wkb(shape) for n, shape in enumerate(shapes)}
    met = (f"ST_Intersects(i.geometry, ST_GeomFromWKB(%({name})s, 4326))" for name in parameters)
    return _Condition(f"({' OR '.join(met)})", parameters)


def _reach(area: Area) -> _Condition:
    parameters: Parameters = {}
    met = []
    for n, box in enumerate(area.boxes):
        parameters |= {f"{side}_{n}": degrees for side, degrees in box._asdict().items()}
        met.append(
            f"kept.south <= %(north_{n})s AND kept.north >= %(south_{n})s"
            f" AND CASE WHEN kept.west <= kept.east"
            f" THEN kept.west <= %(east_{n})s AND kept.east >= %(west_{n})s"
            f" ELSE kept.west <= %(east_{n})s OR kept.east >= %(west_{n})s END"
        )
    return _Condition(f"({' OR '.join(met)})", parameters)
