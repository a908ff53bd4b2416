"""CF time axes in any calendar, and the instants and intervals that people ask for."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple, Self

import cftime
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError, NotFoundError

EPOCH = "microseconds since 1970-01-01 00:00:00"
GREGORIAN = "standard"
GREGORIAN_NAMES = ("standard", "gregorian", "proleptic_gregorian")

# RFC 3339, also cut short after the year, the month or the day.
_INSTANT = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"([Tt ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d{1,6})\d*)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?)?)?"
)
OPEN_ENDS = ("", "..")
EXPECTED = (
    "Expected an RFC 3339 instant such as 2050-06-01T00:00:00Z, a date, a month or a year, "
    "or an interval START/END whose ends may be '..'."
)


class Span(NamedTuple):
    """The time that an expression names, in microseconds; `start` == `end` for an instant."""

    start: int
    end: int


@dataclass(frozen=True)
class TimeAxis:
    """The time steps of a cube.

    Attributes
    ----------
    labels : tuple of str
        ISO 8601 in UTC with `Z`, in the cube's own calendar: a 360-day year has a 30 February.
    numbers : ndarray of int64
        Microseconds since 1970-01-01 in that calendar, rising.
    calendar : str
        CF name; `standard` for the everyday one.
    dimension : str or None
        The array dimension along which time runs; None for a cube of a single time.
    """

    labels: tuple[str, ...]
    numbers: NDArray[np.int64]
    calendar: str
    dimension: str | None

    @classmethod
    def from_coordinate(cls, coordinate: xr.DataArray) -> Self:
        """Read a decoded CF time coordinate (datetime64 or cftime), of one dimension or scalar.

        Raises
        ------
        InvalidInputError
            If a time is missing or the times do not rise.
        """
        values = np.atleast_1d(coordinate.values)
        calendar = str(coordinate.dt.calendar)
        if np.issubdtype(values.dtype, np.datetime64):
            if np.isnat(values).any():
                raise InvalidInputError(f"The time coordinate {coordinate.name!r} has missing values.")
            numbers = values.astype("datetime64[us]").astype(np.int64)
        else:
            numbers = np.array([_number(time) for time in values], np.int64)
        if np.any(np.diff(numbers) <= 0):
            raise InvalidInputError(
                f"The time coordinate {coordinate.name!r} does not rise from step to step."
            )
        dimension = str(coordinate.dims[0]) if coordinate.dims else None
        calendar = GREGORIAN if calendar in GREGORIAN_NAMES else calendar
        return cls(
            tuple(_label(number, calendar) for number in numbers.tolist()), numbers, calendar, dimension
        )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def instants(self) -> NDArray[np.int64]:
        """Microseconds since 1970-01-01 of the everyday dates that the labels name; never falling.

        In a calendar of 360 days, `numbers` are weeks off after some years.
        """
        if self.calendar == GREGORIAN:
            return self.numbers
        real = [real_instant(label).removesuffix("Z") for label in self.labels]
        return np.array(real, "datetime64[us]").astype(np.int64)

    def select(self, expression: str | None) -> slice:
        """Return the steps within an instant or interval; all of them for None.

        Raises
        ------
        InvalidInputError
            If the expression cannot be read.
        NotFoundError
            If no step lies in it; the message tells what there is.
        """
        if expression is None:
            return slice(0, len(self))
        span = parse_span(expression, self.calendar)
        first = int(np.searchsorted(self.numbers, span.start, side="left"))
        stop = int(np.searchsorted(self.numbers, span.end, side="right"))
        if stop <= first:
            nearest = self.labels[self._nearest(span.start)]
            raise NotFoundError(
                f"There is no time step at datetime {expression!r}.",
                f"The steps run from {self.labels[0]} to {self.labels[-1]}; the nearest is {nearest}.",
            )
        return slice(first, stop)

    def nearest(self, expression: str | None) -> int:
        """Return the first step in a day, month or year, or the nearest to an instant; the last for None.

        Raises
        ------
        InvalidInputError
            If the expression cannot be read or is an interval.
        """
        if expression is None:
            return len(self) - 1
        if "/" in expression:
            raise InvalidInputError(f"The datetime {expression!r} is an interval.", "Expected one instant.")
        span = parse_span(expression, self.calendar)
        first = int(np.searchsorted(self.numbers, span.start))
        is_inside = first < len(self) and self.numbers[first] <= span.end
        return first if is_inside else self._nearest(span.start)

    def _nearest(self, number: int) -> int:
        after = int(np.searchsorted(self.numbers, number))
        if after == 0:
            return 0
        if after == len(self):
            return after - 1
        before = after - 1
        closer_before = number - self.numbers[before] <= self.numbers[after] - number
        return before if closer_before else after


def parse_span(expression: str, calendar: str = GREGORIAN) -> Span:
    """Read an instant or interval as the OGC APIs write it, in a CF calendar.

    A year, month or day alone means all of it. Without a zone it is UTC.

    Raises
    ------
    InvalidInputError
        If it is neither, or its ends are in the wrong order.
    """
    start_text, slash, end_text = expression.strip().partition("/")
    if not slash:
        return _parse_instant(start_text, calendar)
    if start_text in OPEN_ENDS and end_text in OPEN_ENDS:
        raise InvalidInputError(f"The datetime {expression!r} is open at both ends.", EXPECTED)
    everything = np.iinfo(np.int64)
    start = everything.min if start_text in OPEN_ENDS else _parse_instant(start_text, calendar).start
    end = everything.max if end_text in OPEN_ENDS else _parse_instant(end_text, calendar).end
    if start > end:
        raise InvalidInputError(f"The datetime {expression!r} ends before it starts.", EXPECTED)
    return Span(int(start), int(end))


def real_instant(label: str) -> str:
    """Return an instant of any calendar as one that exists in the everyday calendar (RFC 3339).

    A day beyond its month's end, such as 30 February of a 360-day year, becomes that month's last day.
    """
    year, month, day = int(label[:4]), int(label[5:7]), int(label[8:10])
    if day > 28:
        next_month = cftime.datetime(year + month // 12, month % 12 + 1, 1, calendar="proleptic_gregorian")
        day = min(day, (next_month - timedelta(days=1)).day)
    return f"{label[:8]}{day:02d}{label[10:]}"


def _parse_instant(text: str, calendar: str) -> Span:
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(f"The datetime {text!r} cannot be read.", EXPECTED)
    parts = {
        name: int(part)
        for name, part in match.groupdict().items()
        if part and name not in ("zone", "fraction")
    }
    fraction = int((match["fraction"] or "0").ljust(6, "0"))
    try:
        start = cftime.datetime(**({"month": 1, "day": 1} | parts), microsecond=fraction, calendar=calendar)
    except ValueError as error:
        raise InvalidInputError(
            f"The datetime {text!r} is no date of the calendar {calendar!r}.", EXPECTED
        ) from error
    number = _number(start) - _zone_offset(match["zone"])
    if "hour" in parts:
        return Span(number, number)
    return Span(number, _number(_following(start, parts)) - 1)


def _following(start: cftime.datetime, parts: dict[str, int]) -> cftime.datetime:
    """Return the first instant after the day, the month or the year that begins at `start`."""
    if "day" in parts:
        return start + timedelta(days=1)
    if "month" in parts:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start.replace(year=start.year + 1)


def _zone_offset(zone: str | None) -> int:
    """Return microseconds east of Greenwich."""
    if zone in (None, "Z", "z"):
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60_000_000


def _number(time: cftime.datetime) -> int:
    return int(cftime.date2num(time, EPOCH, calendar=time.calendar))


def _label(number: int, calendar: str) -> str:
    time = cftime.num2date(number, EPOCH, calendar=calendar)
    fraction = f".{time.microsecond:06d}".rstrip("0") if time.microsecond else ""
    date = f"{time.year:04d}-{time.month:02d}-{time.day:02d}"
    return f"{date}T{time.hour:02d}:{time.minute:02d}:{time.second:02d}{fraction}Z"
