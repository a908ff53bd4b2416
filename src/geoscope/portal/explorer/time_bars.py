"""How many products there are over time: a small histogram, drawn on the server."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from geoscope.errors import GeoscopeError
from geoscope.portal.explorer.data_half import DataHalf, Json

# Nothing else of the page depends on it: better no histogram than a slow page.
TIME_LIMIT_S = 1.5
WIDTH, HEIGHT = 600, 48
MIN_BARS, MAX_BARS = 4, 300
MAX_DAILY, MAX_MONTHLY = timedelta(days=92), timedelta(days=12 * 366)

type Step = Literal["day", "month", "year"]


@dataclass(frozen=True)
class Bar:
    """The products of a period, where its bar stands in the drawing, and the search that it links to."""

    first: date
    last: date
    count: int
    x: float
    y: float
    width: float
    height: float
    query: str


@dataclass(frozen=True)
class TimeBars:
    """A histogram over days, months or years (UTC), in order of time."""

    step: Step
    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def last(self) -> Bar:
        """The last bar."""
        return self.bars[-1]


def read_time_bars(
    data: DataHalf, parameters: dict[str, str | int], asked: dict[str, str]
) -> TimeBars | None:
    """Return the histogram of a search, or None if there is none or it would say nothing.

    Parameters
    ----------
    data : DataHalf
        Whom to ask.
    parameters : dict
        The search as the catalogue takes it; limit, order and page do not count.
    asked : dict of str to str
        The search as the page's address says it; each bar links to the same within the bar's days.
    """
    search = {name: value for name, value in parameters.items() if name not in ("limit", "token", "sortby")}
    try:
        ends = _aggregate(data, search | {"aggregations": "datetime_min,datetime_max"})
        first, last = (_instant(ends[name]["value"]) for name in ("datetime_min", "datetime_max"))
        step = _step(last - first)
        search |= {"aggregations": "datetime_frequency", "datetime_frequency_interval": step}
        buckets = _aggregate(data, search)["datetime_frequency"]["buckets"]
        counts = {_instant(bucket["key"]).date(): int(bucket["frequency"]) for bucket in buckets}
    except (GeoscopeError, KeyError, TypeError, ValueError):
        return None
    if not MIN_BARS <= len(counts) <= MAX_BARS:
        return None
    return TimeBars(step, _bars(counts, step, asked))


def _aggregate(data: DataHalf, parameters: dict[str, str | int]) -> dict[str, Json]:
    answer = data.get("stac", "aggregate", parameters=parameters, time_limit_s=TIME_LIMIT_S)
    return {one["name"]: one for one in answer["aggregations"]}


def _step(span: timedelta) -> Step:
    if span <= MAX_DAILY:
        return "day"
    return "month" if span <= MAX_MONTHLY else "year"


def _bars(counts: dict[date, int], step: Step, asked: dict[str, str]) -> list[Bar]:
    """Place a bar for each period; its width and place are those of its days."""
    starts = sorted(counts)
    origin = starts[0]
    days = (_end(starts[-1], step) - origin).days
    scale, most = WIDTH / days, max(counts.values())
    bars = []
    for start in starts:
        end = _end(start, step)
        height = max(2.0, HEIGHT * counts[start] / most) if counts[start] else 0.0
        last = end - timedelta(days=1)
        bars.append(
            Bar(
                first=start,
                last=last,
                count=counts[start],
                x=(start - origin).days * scale,
                y=HEIGHT - height,
                width=max(1.0, (end - start).days * scale * 0.86),
                height=height,
                query=urlencode(asked | {"start": start.isoformat(), "end": last.isoformat()}),
            )
        )
    return bars


def _end(start: date, step: Step) -> date:
    """Return the first day after a period."""
    if step == "day":
        return start + timedelta(days=1)
    if step == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start.replace(year=start.year + 1)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
