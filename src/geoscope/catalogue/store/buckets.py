"""Answers to aggregations, made of what a database has counted; the same for each of them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import orjson
from numpy.typing import NDArray

from geoscope.catalogue.models import Aggregation, AggregationAnswer, Bucket, Measure, Scalar

MAX_BUCKETS = 1000
MICROSECONDS_OF_DAY = 86_400_000_000

# Web Mercator ends here (EPSG:3857).
_LAST_LATITUDE_DEGREES = 85.051128779806604

_GEOHASH_ALPHABET = np.array(list("0123456789bcdefghjkmnpqrstuvwxyz"))
_EPOCH = date(1970, 1, 1)


def answer_of_values(aggregation: Aggregation, counts: Sequence[tuple[Scalar, int]]) -> AggregationAnswer:
    """Answer from how many items have each value of a property; a value may stand there several times."""
    match aggregation.measure:
        case Measure.FREQUENCY:
            return _of_most_frequent(aggregation, _sums((_key(value), count) for value, count in counts))
        case Measure.HISTOGRAM:
            return _histogram(aggregation, counts)
    numbers = [value for value, _ in counts if not isinstance(value, bool | str)]
    if aggregation.measure is Measure.MINIMUM:
        return AggregationAnswer(aggregation, min(numbers, default=None))
    return AggregationAnswer(aggregation, max(numbers, default=None))


def answer_of_days(aggregation: Aggregation, counts: Mapping[int, int]) -> AggregationAnswer:
    """Answer from how many items there are of each day, in days since 1970-01-01 (UTC)."""
    step = str(aggregation.step)
    periods = _sums((_start_of_period(day, step), count) for day, count in counts.items())
    return _of_most_frequent(aggregation, periods)


def answer_of_centres(
    aggregation: Aggregation, longitudes: NDArray[np.float64], latitudes: NDArray[np.float64]
) -> AggregationAnswer:
    """Answer from the centres of items' boxes, in degrees."""
    step = int(aggregation.step or 0)
    cells = _geohashes if aggregation.measure is Measure.GEOHASH else _tiles
    return _of_most_frequent(aggregation, Counter(cells(longitudes, latitudes, step)))


def _of_most_frequent(aggregation: Aggregation, counts: Counter[str]) -> AggregationAnswer:
    kept = counts.most_common(MAX_BUCKETS)
    overflow = counts.total() - sum(frequency for _, frequency in kept)
    buckets = [Bucket(key, frequency) for key, frequency in sorted(kept)]
    return AggregationAnswer(aggregation, None, buckets, overflow)


def _sums[Key](counts: Iterable[tuple[Key, int]]) -> Counter[Key]:
    sums: Counter[Key] = Counter()
    for key, count in counts:
        sums[key] += count
    return sums


def _histogram(aggregation: Aggregation, counts: Sequence[tuple[Scalar, int]]) -> AggregationAnswer:
    step = float(aggregation.step or 1)
    bins = _sums(
        (math.floor(value / step), count) for value, count in counts if not isinstance(value, bool | str)
    )
    kept = dict(bins.most_common(MAX_BUCKETS))
    buckets = [
        Bucket(f"{number * step:.15g}", frequency, number * step, (number + 1) * step)
        for number, frequency in sorted(kept.items())
    ]
    return AggregationAnswer(aggregation, None, buckets, bins.total() - sum(kept.values()))


def _key(value: Scalar) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _start_of_period(day: int, period: str) -> str:
    """Return the first instant of the period that a day lies in (RFC 3339); weeks begin on Monday."""
    start = _EPOCH + timedelta(days=day)
    match period:
        case "week":
            start -= timedelta(days=start.weekday())
        case "month":
            start = start.replace(day=1)
        case "year":
            start = start.replace(month=1, day=1)
    return datetime(start.year, start.month, start.day, tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _geohashes(longitudes: NDArray[np.float64], latitudes: NDArray[np.float64], length: int) -> list[str]:
    """Return geohashes: the bits of longitude and latitude in turn, five to a character."""
    bits = 5 * length
    x = _cell_numbers((longitudes + 180) / 360, (bits + 1) // 2)
    y = _cell_numbers((latitudes + 90) / 180, bits // 2)
    interleaved = np.zeros(len(x), dtype=np.int64)
    for n in range(bits):
        source = x if n % 2 == 0 else y
        taken_from = ((bits + 1) // 2 if n % 2 == 0 else bits // 2) - 1 - n // 2
        interleaved = interleaved << 1 | (source >> taken_from & 1)
    characters = _GEOHASH_ALPHABET[interleaved[:, None] >> 5 * np.arange(length - 1, -1, -1) & 31]
    return ["".join(each) for each in characters.tolist()]


def _tiles(longitudes: NDArray[np.float64], latitudes: NDArray[np.float64], zoom: int) -> list[str]:
    """Return tiles as `zoom/x/y` of the usual tile matrix set (WebMercatorQuad)."""
    bounded = np.radians(np.clip(latitudes, -_LAST_LATITUDE_DEGREES, _LAST_LATITUDE_DEGREES))
    x = _cell_numbers((longitudes + 180) / 360, zoom)
    y = _cell_numbers((1 - np.arcsinh(np.tan(bounded)) / np.pi) / 2, zoom)
    return [f"{zoom}/{column}/{row}" for column, row in zip(x.tolist(), y.tolist(), strict=True)]


def _cell_numbers(shares: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.clip(np.floor(shares * 2**bits), 0, 2**bits - 1).astype(np.int64)
    return numbers
