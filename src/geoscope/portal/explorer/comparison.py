"""Series side by side: one time axis, the mean of all, the difference of two, and their statistics."""

from dataclasses import dataclass
from itertools import takewhile
from statistics import fmean

from geoscope.portal.explorer.cuts import Series
from geoscope.portal.explorer.datasets import Period

# A climate normal is a mean of 30 years (WMO-No. 1203, Guidelines on the Calculation of Climate Normals).
NORMAL_YEARS = 30


@dataclass(frozen=True)
class Statistics:
    """What is said of one series; in the unit of the series, None without values."""

    title: str
    mean: float | None
    lowest: float | None
    highest: float | None
    first_normal: float | None = None
    last_normal: float | None = None

    @property
    def change(self) -> float | None:
        """Last normal less first normal."""
        return _less(self.last_normal, self.first_normal)


@dataclass(frozen=True)
class Row:
    """One line of the table of values."""

    time: str
    values: list[float | None]
    mean: float | None
    difference: float | None


@dataclass(frozen=True)
class Comparison:
    """Series of one variable at one point, brought to one time axis."""

    titles: list[str]
    times: list[str]
    columns: list[list[float | None]]
    mean: list[float | None]
    difference: list[float | None]
    statistics: list[Statistics]
    difference_statistics: Statistics | None
    first_years: tuple[int, int] | None
    last_years: tuple[int, int] | None

    @property
    def period(self) -> Period:
        """First and last time."""
        return Period(self.times[0], self.times[-1])

    @property
    def rows(self) -> list[Row]:
        """The table of values, a line a time."""
        nothing = [None] * len(self.times)
        cells = zip(*self.columns, strict=True)
        lines = zip(self.times, cells, self.mean or nothing, self.difference or nothing, strict=True)
        return [Row(time, list(values), mean, difference) for time, values, mean, difference in lines]


def compare(series: list[Series]) -> Comparison:
    """Bring series to one time axis and compare them.

    A mean is there from two series on and only where all have a value; a difference (second less first) for
    exactly two. Normals are there when the times span two of them.
    """
    times = sorted({time for one in series for time in one.times})
    columns = [[dict(zip(one.times, one.values, strict=True)).get(time) for time in times] for one in series]
    mean = [_mean_of_all(values) for values in zip(*columns, strict=True)] if len(series) > 1 else []
    difference = (
        [_less(second, first) for first, second in zip(*columns, strict=True)] if len(series) == 2 else []
    )
    first_years, last_years = _normal_years(times)

    def describe(title: str, column: list[float | None]) -> Statistics:
        return _statistics(title, times, column, first_years, last_years)

    return Comparison(
        titles=[one.title for one in series],
        times=times,
        columns=columns,
        mean=mean,
        difference=difference,
        statistics=[describe(one.title, column) for one, column in zip(series, columns, strict=True)],
        difference_statistics=describe("", difference) if difference else None,
        first_years=first_years,
        last_years=last_years,
    )


def _statistics(
    title: str,
    times: list[str],
    column: list[float | None],
    first_years: tuple[int, int] | None,
    last_years: tuple[int, int] | None,
) -> Statistics:
    values = [value for value in column if value is not None]
    if not values:
        return Statistics(title, None, None, None)
    return Statistics(
        title,
        fmean(values),
        min(values),
        max(values),
        _mean_of_years(times, column, first_years),
        _mean_of_years(times, column, last_years),
    )


def _normal_years(times: list[str]) -> tuple[tuple[int, int], tuple[int, int]] | tuple[None, None]:
    """Return the first and the last 30 years, if they do not overlap."""
    if not times:
        return None, None
    first, last = year_of(times[0]), year_of(times[-1])
    if last - first + 1 < 2 * NORMAL_YEARS:
        return None, None
    return (first, first + NORMAL_YEARS - 1), (last - NORMAL_YEARS + 1, last)


def _mean_of_years(
    times: list[str], column: list[float | None], years: tuple[int, int] | None
) -> float | None:
    if years is None:
        return None
    first, last = years
    values = [
        value
        for time, value in zip(times, column, strict=True)
        if value is not None and first <= year_of(time) <= last
    ]
    return fmean(values) if values else None


def year_of(time: str) -> int:
    """Return the year of an ISO 8601 time of any calendar."""
    return int("".join(takewhile(str.isdigit, time)))


def _mean_of_all(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _less(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else later - earlier
