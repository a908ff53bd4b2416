"""Questions about all items that a search finds, by the names of the STAC API Aggregation extension.

Besides the names that the extension recommends, any indexed property `NAME` has `NAME_frequency` (how often
there is each value), `NAME_histogram` (numbers, in bins), `NAME_min` and `NAME_max`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from geoscope.catalogue.datetimes import format_instant
from geoscope.catalogue.filter_operators import KNOWN_KINDS, Kind
from geoscope.catalogue.models import (
    NEWEST_FIRST,
    Aggregation,
    AggregationAnswer,
    ItemSearch,
    Measure,
    Reader,
    Scalar,
    ValueSummaries,
)
from geoscope.catalogue.stac_api.parameters import split
from geoscope.catalogue.stac_api.search_parameters import NarrowingBody, NarrowingParameters
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import InvalidInputError

MAX_AGGREGATIONS = 20
MAX_NAME_CHARACTERS = 256

# As many bins as fit beside each other on a page.
_USUAL_BINS = 20

_GEOHASH = "centroid_geohash_grid_frequency"
_GEOTILE = "centroid_geotile_grid_frequency"
_PERIODS = "datetime_frequency"

_CLOUD_COVER_PERCENT = 5.0
_ANGLE_DEGREES = 5.0
_NAMED = (
    Aggregation("total_count", Measure.COUNT),
    Aggregation("datetime_min", Measure.MINIMUM, "datetime"),
    Aggregation("datetime_max", Measure.MAXIMUM, "datetime"),
    Aggregation(_PERIODS, Measure.PERIODS, "datetime"),
    Aggregation("collection_frequency", Measure.FREQUENCY, "collection"),
    Aggregation("cloud_cover_frequency", Measure.HISTOGRAM, "eo:cloud_cover", _CLOUD_COVER_PERCENT),
    Aggregation("grid_code_frequency", Measure.FREQUENCY, "grid:code"),
    Aggregation("sun_elevation_frequency", Measure.HISTOGRAM, "view:sun_elevation", _ANGLE_DEGREES),
    Aggregation("sun_azimuth_frequency", Measure.HISTOGRAM, "view:sun_azimuth", _ANGLE_DEGREES),
    Aggregation("off_nadir_frequency", Measure.HISTOGRAM, "view:off_nadir", _ANGLE_DEGREES),
    Aggregation(_GEOHASH, Measure.GEOHASH),
    Aggregation(_GEOTILE, Measure.GEOTILE),
)
_BY_NAME = {aggregation.name: aggregation for aggregation in _NAMED}
_BY_SUFFIX = {
    "_frequency": Measure.FREQUENCY,
    "_histogram": Measure.HISTOGRAM,
    "_min": Measure.MINIMUM,
    "_max": Measure.MAXIMUM,
}
_PERIOD_NAMES = ("day", "week", "month", "year")

# From 1 month to 5 years in days: what a period must be for a page to show some dozens of them.
_LONGEST_DAYS = {"day": 62, "week": 366, "month": 3660}

_MICROSECONDS_OF_DAY = 86_400_000_000

type Json = dict[str, Any]


class AggregateParameters(NarrowingParameters):
    """Query parameters of `GET /aggregate`."""

    aggregations: Annotated[
        str | None, Field(description="Names, separated by commas; /aggregations lists them.")
    ] = None
    datetime_frequency_interval: Annotated[
        str | None, Field(description="day, week, month or year; if not said, what suits the time span.")
    ] = None
    centroid_geohash_grid_frequency_precision: Annotated[
        int, Field(ge=1, le=12, description="Characters of a geohash.")
    ] = 3
    centroid_geotile_grid_frequency_precision: Annotated[
        int, Field(ge=0, le=24, description="Zoom level of the tiles.")
    ] = 5
    histogram_width: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="Width of the bins of histograms.")
    ] = None

    def asked(self) -> "AskedAggregations":
        """Return what is asked about the items."""
        return AskedAggregations(split(self.aggregations), _steps(self), self.histogram_width)

    def search(self, reader: Reader) -> ItemSearch:
        """Return which items are meant."""
        return self.narrowed(1, NEWEST_FIRST, reader)


class AggregateBody(NarrowingBody):
    """Body of `POST /aggregate`."""

    aggregations: list[str] | None = Field(None, description="Names; /aggregations lists them.")
    datetime_frequency_interval: str | None = Field(None, description="day, week, month or year.")
    centroid_geohash_grid_frequency_precision: int = Field(3, ge=1, le=12)
    centroid_geotile_grid_frequency_precision: int = Field(5, ge=0, le=24)
    histogram_width: float | None = Field(None, gt=0, allow_inf_nan=False)

    def asked(self) -> "AskedAggregations":
        """Return what is asked about the items."""
        return AskedAggregations(self.aggregations or [], _steps(self), self.histogram_width)

    def search(self, reader: Reader) -> ItemSearch:
        """Return which items are meant."""
        return self.narrowed(1, NEWEST_FIRST, reader)


class AskedAggregations:
    """Aggregations as they are asked for; steps that nobody said are chosen when the items are known.

    Parameters
    ----------
    names : sequence of str
        What is asked; without any, the number of items and their time span.
    steps : mapping of str to float or str or None
        Period, geohash length and zoom level, by the name of the aggregation.
    histogram_width : float or None
        Width of the bins of histograms.

    Raises
    ------
    InvalidInputError
        Naming the aggregation that there is not, or the period.
    """

    def __init__(
        self, names: Sequence[str], steps: Mapping[str, float | str | None], histogram_width: float | None
    ) -> None:
        chosen = tuple(dict.fromkeys(names)) or ("total_count", "datetime_min", "datetime_max")
        if len(chosen) > MAX_AGGREGATIONS:
            raise InvalidInputError(
                f"aggregations: {len(chosen)} names.", f"Give at most {MAX_AGGREGATIONS} at once."
            )
        period = steps[_PERIODS]
        if period is not None and period not in _PERIOD_NAMES:
            raise InvalidInputError(
                f"datetime_frequency_interval: {str(period)[:80]!r} is not known.",
                f"Expected one of {', '.join(_PERIOD_NAMES)}.",
            )
        self._aggregations = [_aggregation(name) for name in chosen]
        self._steps = steps
        self._histogram_width = histogram_width

    async def answer(self, store: CatalogueStore, search: ItemSearch) -> list[AggregationAnswer]:
        """Ask the store about all items that a search finds."""
        ready = [self._with_step(aggregation) for aggregation in self._aggregations]
        open_ones = [aggregation for aggregation in ready if _lacks_step(aggregation)]
        if open_ones:
            ranges = await _ranges(store, search, {aggregation.property for aggregation in open_ones})
            ready = [
                replace(each, step=_suitable_step(each, ranges[each.property])) if each in open_ones else each
                for each in ready
            ]
        return await store.aggregate(search, ready)

    def _with_step(self, aggregation: Aggregation) -> Aggregation:
        step = self._steps.get(aggregation.name, aggregation.step)
        if aggregation.measure is Measure.HISTOGRAM and self._histogram_width is not None:
            step = self._histogram_width
        return replace(aggregation, step=step)


def available(values: ValueSummaries) -> list[Json]:
    """Describe the aggregations that there are, for items with these values of indexed properties."""
    named = [
        _described(aggregation)
        for aggregation in _NAMED
        if aggregation.property in ("", "datetime", "collection") or aggregation.property in values
    ]
    for name, summary in sorted(values.items()):
        measures = ["_frequency"] if summary.minimum is None else ["_frequency", "_histogram", "_min", "_max"]
        named += [_described(Aggregation(f"{name}{suffix}", _BY_SUFFIX[suffix], name)) for suffix in measures]
    return list({each["name"]: each for each in named}.values())


def answers_document(answers: Iterable[AggregationAnswer]) -> list[Json]:
    """Write what the store answered as the extension asks."""
    return [_answer(answer) for answer in answers]


def _steps(sent: AggregateParameters | AggregateBody) -> dict[str, float | str | None]:
    return {
        _PERIODS: sent.datetime_frequency_interval or None,
        _GEOHASH: sent.centroid_geohash_grid_frequency_precision,
        _GEOTILE: sent.centroid_geotile_grid_frequency_precision,
    }


def _aggregation(name: str) -> Aggregation:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if len(name) <= MAX_NAME_CHARACTERS and "\0" not in name:
        for suffix, measure in _BY_SUFFIX.items():
            member = name.removesuffix(suffix).removeprefix("properties.")
            if name.endswith(suffix) and member:
                return Aggregation(name, measure, member)
    raise InvalidInputError(
        f"aggregations: {name[:80]!r} is not known.",
        f"Known are {', '.join(_BY_NAME)}, and NAME{', NAME'.join(_BY_SUFFIX)} of any indexed property.",
    )


def _lacks_step(aggregation: Aggregation) -> bool:
    return aggregation.step is None and aggregation.measure in (Measure.PERIODS, Measure.HISTOGRAM)


async def _ranges(
    store: CatalogueStore, search: ItemSearch, properties: set[str]
) -> dict[str, tuple[Scalar | None, Scalar | None]]:
    names = sorted(properties)
    extremes = [Aggregation(name, Measure.MINIMUM, name) for name in names]
    extremes += [Aggregation(name, Measure.MAXIMUM, name) for name in names]
    found = [answer.value for answer in await store.aggregate(search, extremes)]
    return dict(zip(names, zip(found[: len(names)], found[len(names) :], strict=True), strict=True))


def _suitable_step(aggregation: Aggregation, extremes: tuple[Scalar | None, Scalar | None]) -> float | str:
    """Choose a step that makes some dozens of buckets of what there is."""
    low, high = extremes
    span = high - low if isinstance(low, int | float) and isinstance(high, int | float) else 0
    if aggregation.measure is Measure.PERIODS:
        days = span / _MICROSECONDS_OF_DAY
        return next((name for name, longest in _LONGEST_DAYS.items() if days <= longest), "year")
    if span <= 0:
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(span / _USUAL_BINS))
    return next(nice * magnitude for nice in (1, 2, 5, 10) if nice * magnitude * _USUAL_BINS >= span)


def _described(aggregation: Aggregation) -> Json:
    match aggregation.measure:
        case Measure.COUNT:
            kind = "integer"
        case Measure.MINIMUM | Measure.MAXIMUM:
            kind = "datetime" if _is_time(aggregation.property) else "numeric"
        case _:
            kind = "frequency_distribution"
    return {"name": aggregation.name, "data_type": kind} | _bucket_kind(aggregation)


def _bucket_kind(aggregation: Aggregation) -> Json:
    match aggregation.measure:
        case Measure.PERIODS:
            return {"frequency_distribution_data_type": "datetime"}
        case Measure.HISTOGRAM:
            return {"frequency_distribution_data_type": "numeric"}
        case Measure.FREQUENCY | Measure.GEOHASH | Measure.GEOTILE:
            return {"frequency_distribution_data_type": "string"}
    return {}


def _answer(answer: AggregationAnswer) -> Json:
    described = _described(answer.aggregation)
    kind = described.pop("frequency_distribution_data_type", None)
    if kind is None:
        return described | {"value": _written(answer.value, described["data_type"])}
    buckets = [
        {"key": bucket.key, "data_type": kind, "frequency": bucket.frequency}
        | ({} if bucket.start is None else {"from": bucket.start})
        | ({} if bucket.end is None else {"to": bucket.end})
        for bucket in answer.buckets
    ]
    interval = {"interval": answer.aggregation.step} if isinstance(answer.aggregation.step, str) else {}
    return described | interval | {"buckets": buckets, "overflow": answer.overflow}


def _written(value: Scalar | None, data_type: str) -> Scalar | None:
    return format_instant(value) if data_type == "datetime" and isinstance(value, int) else value


def _is_time(property_: str) -> bool:
    return KNOWN_KINDS.get(property_) is Kind.INSTANT
