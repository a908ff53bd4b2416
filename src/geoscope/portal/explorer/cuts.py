"""Time series at a point, asked of the cuts service (OGC EDR `position`) for all items of a collection."""

from dataclasses import dataclass
from typing import Any

from geoscope.portal.explorer.data_half import DataHalf, Json


@dataclass(frozen=True)
class Series:
    """The values of one item at the cell that holds a point."""

    instance: str
    title: str
    times: list[str]
    values: list[float | None]

    @property
    def has_values(self) -> bool:
        """Whether anything was measured or computed here: an ocean model has no values on land."""
        return any(value is not None for value in self.values)


@dataclass(frozen=True)
class PointSeries:
    """The series of all items of a collection at one point.

    Attributes
    ----------
    longitude, latitude : float
        Centre of the cell that was read, degrees.
    unit : str
        Unit of all values.
    """

    series: list[Series]
    longitude: float
    latitude: float
    unit: str


def position_query(variable: str, longitude: float, latitude: float, level: str = "") -> dict[str, str]:
    """Return the query of EDR `position` for one variable at one point (degrees) and level."""
    query = {"coords": f"POINT({longitude:.10g} {latitude:.10g})", "parameter-name": variable}
    return query | ({"z": level} if level else {})


def read_series(
    data: DataHalf, collection_id: str, titles: dict[str, str], query: dict[str, str]
) -> PointSeries | None:
    """Read the series at a point, or None if no item has any.

    Parameters
    ----------
    data : DataHalf
        Whom to ask.
    collection_id : str
        The collection.
    titles : dict of str to str
        Title of each item by its id.
    query : dict of str to str
        As `position_query` makes it.
    """
    document = data.get(
        "edr", "collections", collection_id, "position", parameters=query | {"f": "CoverageJSON"}
    )
    coverages: list[Json] = document.get("coverages") or [document]
    name = query["parameter-name"]
    shared: dict[str, Any] = document.get("parameters") or {}
    found = [_series(coverage, name, titles) for coverage in coverages if name in coverage.get("ranges", {})]
    if not found:
        return None
    first = next(coverage for coverage in coverages if name in coverage.get("ranges", {}))
    axes = first["domain"]["axes"]
    parameter = (first.get("parameters") or shared).get(name) or {}
    return PointSeries(
        found, axes["x"]["values"][0], axes["y"]["values"][0], _symbol(parameter.get("unit") or {})
    )


def _series(coverage: Json, name: str, titles: dict[str, str]) -> Series:
    instance = str(coverage.get("id") or next(iter(titles), ""))
    axes = coverage["domain"]["axes"]
    times = axes.get("t", {}).get("values") or []
    # Values run over the levels within each time; of several levels the first is the series.
    level_count = len(axes.get("z", {}).get("values") or [None])
    values = coverage["ranges"][name]["values"][::level_count]
    return Series(instance, titles.get(instance, instance), times, values)


def _symbol(unit: Json) -> str:
    symbol = unit.get("symbol") or ""
    return str(symbol.get("value") or "") if isinstance(symbol, dict) else str(symbol)
