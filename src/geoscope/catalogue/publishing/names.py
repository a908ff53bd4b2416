"""Times in the names of files and folders, as `T33TWM_20240301T100021.tif` or `2024/03/01/ice.nc`."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_MOMENT = re.compile(
    r"(?<![0-9])(?P<year>1[89]\d\d|20\d\d|21\d\d)[-_]?(?P<month>0[1-9]|1[0-2])[-_]?(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:[T_-]?(?P<hour>[01]\d|2[0-3])[-_:]?(?P<minute>[0-5]\d)(?:[-_:]?(?P<second>[0-5]\d))?(\d{3})?Z?)?(?![0-9])"
)
_FOLDERS = re.compile(
    r"(?:^|/)(?P<year>1[89]\d\d|20\d\d|21\d\d)/(?P<month>0[1-9]|1[0-2])(?:/(?P<day>0[1-9]|[12]\d|3[01]))?/"
)


class Times(NamedTuple):
    """First and last time, RFC 3339 in UTC."""

    start: str
    end: str


def times_of_name(path: str) -> Times | None:
    """Return the time that a path names, or None.

    One moment in the file's name is its time, of two the first and the second are start and end; a day alone,
    also as folders YYYY/MM/DD or YYYY/MM, is all of that day or month.
    """
    folders, _, name = path.rpartition("/")
    spans = [span for match in _MOMENT.finditer(name) if (span := _span(match.groupdict()))]
    if not spans:
        match = _FOLDERS.search(f"{folders}/")
        spans = [span for span in [_span(match.groupdict())] if span] if match else []
    if not spans:
        return None
    start, end = spans[0][0], spans[1][1] if len(spans) > 1 else spans[0][1]
    return Times(_text(start), _text(end)) if start <= end else Times(_text(start), _text(spans[0][1]))


def _span(parts: dict[str, str | None]) -> tuple[datetime, datetime] | None:
    year, month = int(parts["year"] or 0), int(parts["month"] or 0)
    day, hour = parts.get("day"), parts.get("hour")
    try:
        if day is None:
            first = datetime(year, month, 1, tzinfo=UTC)
            following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
            return first, following - timedelta(seconds=1)
        first = datetime(year, month, int(day), tzinfo=UTC)
    except ValueError:  # 30 February
        return None
    if hour is None:
        return first, first + timedelta(days=1, seconds=-1)
    moment = first.replace(hour=int(hour), minute=int(parts["minute"] or 0), second=int(parts["second"] or 0))
    return moment, moment


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
