"""Instants and intervals select the steps that they name, in every CF calendar."""

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from geoscope.cubes.times import TimeAxis, parse_span, real_instant
from geoscope.errors import InvalidInputError, NotFoundError


def axis_of(start, periods, freq, calendar):
    times = xr.date_range(
        start, periods=periods, freq=freq, calendar=calendar, use_cftime=calendar != "standard"
    )
    return TimeAxis.from_coordinate(xr.DataArray(times, dims="time", name="time"))


DAILY_360 = axis_of("2000-01-01", 720, "D", "360_day")
HOURLY = axis_of("2020-02-28", 72, "h", "standard")
HOURLY_TIMES = np.array([label[:-1] for label in HOURLY.labels], "M8[ns]")


def test_labels_are_iso_8601_in_the_own_calendar():
    assert DAILY_360.labels[59] == "2000-02-30T00:00:00Z"
    assert DAILY_360.calendar == "360_day"
    assert HOURLY.labels[24] == "2020-02-29T00:00:00Z"
    assert HOURLY.calendar == "standard"


def test_fractions_of_a_second_are_kept():
    times = xr.DataArray(np.array(["2020-01-01T00:00:00.25", "2020-01-01T00:00:00.5"], "M8[ns]"), dims="time")
    assert TimeAxis.from_coordinate(times).labels == ("2020-01-01T00:00:00.25Z", "2020-01-01T00:00:00.5Z")


@pytest.mark.parametrize(
    ("expression", "first", "count"),
    [
        ("2000-02-30", 59, 1),
        ("2000-02-30T00:00:00Z", 59, 1),
        ("2000-02", 30, 30),
        ("2001", 360, 360),
        ("2000-12-30/2001-01-01", 359, 2),
        ("2001-12-01/..", 690, 30),
        ("../2000-01-02", 0, 2),
        ("/2000-01-02T00:00:00Z", 0, 2),
        ("2000-01-01T02:00:00+02:00", 0, 1),
        ("1999/2100", 0, 720),
    ],
)
def test_expression_selects_its_steps(expression, first, count):
    assert DAILY_360.select(expression) == slice(first, first + count)


def test_no_expression_selects_everything():
    assert HOURLY.select(None) == slice(0, 72)


@pytest.mark.parametrize("expression", ["2000-01-01T12:00:00Z", "1850", "2100/.."])
def test_expression_without_steps_says_what_there_is(expression):
    with pytest.raises(
        NotFoundError, match="from 2000-01-01T00:00:00Z to 2001-12-30T00:00:00Z; the nearest is"
    ):
        DAILY_360.select(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "..",
        "../..",
        "yesterday",
        "2000-13",
        "2000-01-31",
        "2001/2000",
        "2000/2001/2002",
        "2000-01-01T25:00Z",
    ],
)
def test_what_is_no_time_of_the_calendar_is_refused(expression):
    with pytest.raises(InvalidInputError):
        DAILY_360.select(expression)


@given(st.integers(-1440, 4 * 1440))
def test_nearest_step_is_the_nearest(minutes):
    moment = np.datetime64("2020-02-28T00:00:00") + np.timedelta64(minutes, "m")
    distance = np.abs(HOURLY_TIMES - moment)
    assert distance[HOURLY.nearest(f"{moment}Z")] == distance.min()


def test_nearest_to_a_year_is_a_step_in_it():
    yearly = axis_of("1860-06-01", 240, "360D", "360_day")
    assert yearly.labels[yearly.nearest("2050")] == "2050-06-01T00:00:00Z"
    assert yearly.nearest(None) == 239
    with pytest.raises(InvalidInputError, match="is an interval"):
        yearly.nearest("2050/2051")


def test_times_that_do_not_rise_are_refused():
    with pytest.raises(InvalidInputError, match="does not rise"):
        TimeAxis.from_coordinate(xr.DataArray(HOURLY_TIMES[[0, 2, 1]], dims="time", name="time"))


def test_missing_time_is_refused():
    with pytest.raises(InvalidInputError, match="missing values"):
        TimeAxis.from_coordinate(xr.DataArray(np.array(["NaT"], "M8[ns]"), dims="time", name="time"))


@given(st.integers(1, 12), st.integers(1, 30), st.integers(1600, 2400))
def test_every_day_of_a_360_day_year_has_a_real_counterpart(month, day, year):
    real = real_instant(f"{year:04d}-{month:02d}-{day:02d}T12:00:00Z")
    np.datetime64(real[:-1])
    assert real[:7] == f"{year:04d}-{month:02d}"
    assert int(real[8:10]) <= day


@pytest.mark.parametrize("calendar", ["standard", "noleap", "all_leap", "360_day", "julian"])
def test_a_month_ends_where_the_next_begins(calendar):
    for month in range(1, 12):
        this, following = (parse_span(f"2004-{number:02d}", calendar) for number in (month, month + 1))
        assert this.end + 1 == following.start
    assert parse_span("2004-12", calendar).end + 1 == parse_span("2005", calendar).start
    assert parse_span("2004", calendar).start == cftime.date2num(
        cftime.datetime(2004, 1, 1, calendar=calendar), "microseconds since 1970-01-01", calendar
    )
