from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoscope.catalogue.datetimes import EARLIEST_US, LATEST_US, Interval, parse_instant, parse_interval
from geoscope.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1985-04-12t23:20:50.52z", 482196050520000),
        ("1990-12-31T23:59:60Z", 662687999999999),
        ("1970-01-01T00:00:00.0000019Z", 1),
        ("0001-01-01T00:00:00Z", -62135596800000000),
    ],
)
def test_instant_is_read_as_microseconds_of_utc(text, microseconds):
    assert parse_instant(text) == microseconds


@given(st.datetimes(timezones=st.timezones()))
def test_instant_that_python_writes_is_read_as_the_same(instant):
    if instant.utcoffset().total_seconds() % 60:
        return  # RFC 3339 has no offsets with seconds
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    expected = (instant - epoch) // (datetime.resolution)
    assert parse_instant(instant.isoformat()) == expected


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("1970-01-01T00:00:00Z", Interval(0, 0)),
        ("1970-01-01T00:00:00Z/1970-01-01T00:00:01Z", Interval(0, 1_000_000)),
        ("1970-01-01T00:00:00Z/..", Interval(0, LATEST_US)),
        ("1970-01-01T00:00:00Z/", Interval(0, LATEST_US)),
        ("../1970-01-01T00:00:00Z", Interval(EARLIEST_US, 0)),
        ("/1970-01-01T00:00:00Z", Interval(EARLIEST_US, 0)),
    ],
)
def test_interval_may_be_open_at_one_end(text, interval):
    assert parse_interval(text) == interval


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "../..",
        "../",
        "/1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        "1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z/",
        "1985-04-12",
        "1937-01-01T12:00:27.87+0100",
        "37-01-01T12:00:27.87Z",
        "1985-12-12T23:20:50.52",
        "21985-12-12T23:20:50.52Z",
        "1985-13-12T23:20:50.52Z",
        "1985-12-32T23:20:50.52Z",
        "1985-12-01T25:20:50.52Z",
        "1985-12-01T00:60:50.52Z",
        "1985-12-01T00:06:61.52Z",
        "1985-04-12T23:20:50.Z",
        "1985-04-12T23:20:50,52Z",
        "1986-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        "0000-01-01T00:00:00Z",
        "1985-04-12T23:20:50+24:00",
        "\uff11\uff19\uff18\uff15-04-12T23:20:50Z",
    ],
)
def test_other_forms_are_refused(text):
    with pytest.raises(InvalidInputError, match="datetime: "):
        parse_interval(text)
