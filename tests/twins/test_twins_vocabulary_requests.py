"""Requests are read as polytope-client, eodag and people write them, and hostile ones are refused."""

import contextlib
from datetime import date

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from geoscope.errors import InvalidInputError
from geoscope.mars.keys import canonical
from geoscope.mars.requests import days, minutes, numbers, parse_request, read_choice, steps, whole_numbers
from geoscope.mars.texts import read_yaml

TODAY = date(2026, 5, 15)


def test_the_yaml_of_polytope_client_and_the_object_of_eodag_mean_the_same():
    asked = {
        "class": "d1",
        "dataset": "climate-dt",
        "experiment": "SSP3-7.0",
        "expver": "0001",
        "date": "20210101/to/20210131",
        "time": ["0000", "1200"],
        "param": [167, "10u"],
        "feature": {"type": "timeseries", "points": [[48.1, 11.6]], "time_axis": "date"},
    }
    from_text, from_object = parse_request(yaml.safe_dump(asked)), parse_request(asked)
    assert from_text.choices == from_object.choices
    assert from_text.choices["experiment"].values == ("ssp3-7.0",)
    assert from_text.choices["param"].values == ("167", "10u")
    assert from_text.feature == {
        "type": "timeseries",
        "points": [["48.1", "11.6"]],
        "time_axis": "date",
    }


def test_yaml_has_no_types_of_its_own_here():
    text = "class: no\nexpver: 0001\ntime: 12:00\ndate: 2021-01-01\nlevelist: 1e3\n"
    choices = parse_request(text).choices
    assert {key: choice.values for key, choice in choices.items()} == {
        "class": ("no",),
        "expver": ("0001",),
        "time": ("1200",),
        "date": ("2021-01-01",),
        "levelist": ("1e3",),
    }


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("expver", 1, "0001"),
        ("time", "0", "0000"),
        ("time", "600", "0600"),
        ("time", "06:30:00", "0630"),
        ("realization", "01", "1"),
        ("model", " IFS-NEMO ", "ifs-nemo"),
    ],
)
def test_values_are_compared_in_one_way(key, written, meant):
    assert canonical(key, written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("20210101", ["2021-01-01"]),
        (20210101.0, ["2021-01-01"]),
        ("2021-01-02/20210101", ["2021-01-01", "2021-01-02"]),
        ("20210130/to/20210202", ["2021-01-30", "2021-01-31", "2021-02-01", "2021-02-02"]),
        ("20240228/to/20240305/by/2", ["2024-02-28", "2024-03-01", "2024-03-03", "2024-03-05"]),
        (["-1", -14], ["2026-05-01", "2026-05-14"]),
        ("-2/to/0", ["2026-05-13", "2026-05-14", "2026-05-15"]),
        (date(2021, 1, 1), ["2021-01-01"]),
    ],
)
def test_dates(written, meant):
    assert days(read_choice("date", written), TODAY).astype(str).tolist() == meant


def test_times_steps_and_levels():
    assert minutes(read_choice("time", "0000/to/1800/by/6")) == [0, 360, 720, 1080]
    assert minutes(read_choice("time", "0/to/23")) == [0, 1380]
    assert steps(read_choice("step", "0/to/12/by/6")) == [0, 6, 12]
    assert steps(read_choice("step", "0-6/6-12")) == [6, 12]
    assert numbers("levelist", read_choice("levelist", "1000/850.5")) == [1000, 850.5]
    assert numbers("levelist", read_choice("levelist", "1/to/3/by/0.5")) == [1, 1.5, 2, 2.5, 3]
    assert whole_numbers("year", read_choice("year", [2020, 2021])) == [2020, 2021]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"clas": "d1"}, "Did you mean class"),
        ({"param": ""}, "param: '' has an empty value"),
        ({"param": "1/to/2"}, "param: a range has no meaning"),
        ({"date": "1/to"}, "date: '1/to' is no range"),
        ({"date": "1/to/2/by"}, "date: '1/to/2/by' is no range"),
        ({"date": {"a": 1}}, "date: \"{'a': 1}\" is no value"),
        ({"date": [True]}, "date: 'True' is no value"),
        ({"class": "a", "ecmwf:class": "b"}, "class: it is given twice"),
        ({"feature": "box"}, "feature: this is no object"),
        ([], "no object of keys and values"),
        ("just words", "no object of keys and values"),
        ("a: [1, 2", "no valid YAML"),
        ("{a: 1}: 2", "cannot be read"),
        ("!!python/object/apply:os.system ['true']", "no object of keys and values"),
    ],
)
def test_what_is_wrong_is_named(request_, said):
    with pytest.raises(InvalidInputError, match=r".") as refused:
        parse_request(request_)
    assert said in str(refused.value)


@pytest.mark.parametrize("word", ["20210132", "2021-1-1", "202101", "yesterday", "--1", "2021-0101"])
def test_what_is_no_date_is_refused(word):
    with pytest.raises(InvalidInputError, match="is no date"):
        days(read_choice("date", word), TODAY)


@pytest.mark.parametrize("word", ["24", "1260", "noon", "12:", "-1"])
def test_what_is_no_time_is_refused(word):
    with pytest.raises(InvalidInputError, match="is no time of day"):
        read_choice("time", word)


def test_ranges_without_end_are_refused():
    with pytest.raises(InvalidInputError, match="too many"):
        days(read_choice("date", "0001-01-01/to/9999-12-31"), TODAY)
    with pytest.raises(InvalidInputError, match="too many"):
        numbers("levelist", read_choice("levelist", "0/to/1/by/1e-9"))
    with pytest.raises(InvalidInputError, match="ends before it begins"):
        days(read_choice("date", "20210102/to/20210101"), TODAY)


def test_aliases_count_as_often_as_they_are_named():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
    )
    with pytest.raises(InvalidInputError, match=r"more than 200,000 values"):
        read_yaml(bomb)
    assert read_yaml("a: &a [1, 2]\nb: *a") == {"a": ["1", "2"], "b": ["1", "2"]}
    with pytest.raises(InvalidInputError):
        read_yaml("a: &a [*a]")


def test_depth_and_length_are_bounded():
    with pytest.raises(InvalidInputError, match="nested too deeply"):
        read_yaml("[" * 40 + "]" * 40)
    with pytest.raises(InvalidInputError, match="too long"):
        read_yaml("a" * 1_000_001)


def test_a_ring_whose_ends_are_one_object_can_be_read():
    corner = [48.0, 11.0]
    text = yaml.safe_dump(
        {"feature": {"type": "polygon", "shape": [corner, [49.0, 11.0], [48.0, 12.0], corner]}}
    )
    assert "*" in text  # PyYAML writes an alias
    shape = parse_request(text).feature["shape"]
    assert shape[0] == shape[3] == ["48.0", "11.0"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidInputError):
        parse_request(text)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 800), st.integers(1, 40))
def test_a_range_has_the_days_that_counting_gives(start, length, stride):
    end = date.fromordinal(start.toordinal() + length)
    found = days(read_choice("date", f"{start:%Y%m%d}/to/{end:%Y-%m-%d}/by/{stride}"), TODAY)
    expected = [date.fromordinal(day) for day in range(start.toordinal(), end.toordinal() + 1, stride)]
    assert found.astype(object).tolist() == expected
    assert found.dtype == np.dtype("datetime64[D]")
