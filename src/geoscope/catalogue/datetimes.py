"""Dates and times as STAC writes them (RFC 3339), and as the catalogue compares them: microseconds, UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from geoscope.errors import InvalidInputError

# RFC 3339, section 5.6. A leap second is its minute's last instant.
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
# Without leap seconds and other digits that would be cut off.
_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6}0*)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# With nine digits of a second, and an offset.
MAX_PLAIN_CHARACTERS = 35

# Open ends, beyond every year that RFC 3339 can write.
EARLIEST_US = -(2**60)
LATEST_US = 2**60


class Interval(NamedTuple):
    """A span of time, both ends included, in microseconds since 1970-01-01T00:00:00Z."""

    start_us: int = EARLIEST_US
    end_us: int = LATEST_US


def plain_instant(text: str) -> int | None:
    """Return microseconds since 1970-01-01T00:00:00Z of a time written so that everybody reads it alike.

    None: it is written otherwise, with digits that are cut off, or no such date or time exists.
    """
    return _plain_instant(text) if len(text) <= MAX_PLAIN_CHARACTERS else None


# An item's times are mostly those of the items before, or of one another.
@lru_cache(maxsize=4096)
def _plain_instant(text: str) -> int | None:
    if not _PLAIN.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except ValueError:
        return None


def parse_instant(text: str, field: str = "datetime") -> int:
    """Return microseconds since 1970-01-01T00:00:00Z.

    Parameters
    ----------
    text : str
        Date, time and offset, such as `2026-11-21T12:00:00Z`; digits beyond microseconds are cut off.
    field : str
        Where the text stands, for the error's message.

    Raises
    ------
    InvalidInputError
        If it is not of this form, or no such date or time exists.
    """
    plain = plain_instant(str(text))
    if plain is not None:
        return plain
    match = _RFC_3339.fullmatch(str(text)[:80])
    if not match:
        raise InvalidInputError(
            f"{field}: {str(text)[:80]!r} is not a date and time with an offset.",
            "Expected RFC 3339, such as '2026-11-21T12:00:00Z'.",
        )
    date, minute, second, fraction, offset = match.groups()
    second, fraction = ("59", "999999") if second == "60" else (second, (fraction or "")[:6].ljust(6, "0"))
    try:
        instant = datetime.fromisoformat(f"{date}T{minute}:{second}.{fraction}{offset.upper()}")
        return (instant - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"{field}: {text!r} does not exist: {error}.") from error


def format_instant(instant_us: int) -> str:
    """Write microseconds since 1970-01-01T00:00:00Z as RFC 3339 does, such as `2026-11-21T12:00:00.5Z`."""
    text = (_EPOCH + instant_us * _MICROSECOND).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def parse_interval(text: str) -> Interval:
    """Read the parameter `datetime`: an instant, or `start/end` with one end left open as `..` or empty.

    Raises
    ------
    InvalidInputError
        If a part is no date and time, both ends are open, or the interval runs backwards.
    """
    ends = text.split("/")
    if len(ends) == 1:
        instant = parse_instant(text)
        return Interval(instant, instant)
    if len(ends) > 2:
        raise InvalidInputError(f"datetime: {text[:80]!r} has {len(ends)} parts.", "Expected 'start/end'.")
    start, end = (None if part in ("", "..") else parse_instant(part) for part in ends)
    if start is None and end is None:
        raise InvalidInputError(
            f"datetime: {text!r} is open at both ends.", "Give one end, or leave datetime out."
        )
    interval = Interval(EARLIEST_US if start is None else start, LATEST_US if end is None else end)
    if interval.start_us > interval.end_us:
        raise InvalidInputError(
            f"datetime: {text!r} ends before it starts.", "Expected 'start/end', earlier first."
        )
    return interval
