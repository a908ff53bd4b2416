"""Well-known text is read strictly, whatever strangers send."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.cuts.geometries import read_points, read_polygon
from geoscope.errors import InvalidInputError


@pytest.mark.parametrize("text", ["POINTZ(1 2 3)", "POINT Z (1 2 3)", "pointz (1 2 3)"])
def test_dimensions_may_stand_with_or_without_a_blank(text):
    assert read_points(text, "POINT").height.tolist() == [3]


def test_both_ways_to_write_points_are_read():
    for text in ("MULTIPOINT((1 2),(3 4))", "MULTIPOINT(1 2,3 4)"):
        assert read_points(text, "MULTIPOINT").latitude.tolist() == [2, 4]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON((" + "0 0," * 25_000 + "0 0))",
        "POLYGON((0 0,1 0," + "1" * 500_000 + " 1,0 0))",
        "POLYGON((-180 -90,540 -90,540 90,-180 90,-180 -90))",
        "POLYGON((0 0,1 0,1 1,nan 0,0 0))",
        "POLYGON((0 0,1e400 0,1 1,0 0))",
        "POLYGON" + "(" * 10_000,
        # Searched in quadratic time, this would take a day.
        "POLYGON" + " " * 390_000,
        "POLYGON EMPTY",
        "",
    ],
)
def test_hostile_polygons_are_refused(text):
    with pytest.raises(InvalidInputError):
        read_polygon(text)


@given(st.text(alphabet="POLYGNMULTI (),-.0123456789eEZMnaif", max_size=80))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text):
    for read in (read_polygon, lambda each: read_points(each, "POINT", "MULTIPOINT", "LINESTRING")):
        with contextlib.suppress(InvalidInputError):
            read(text)
