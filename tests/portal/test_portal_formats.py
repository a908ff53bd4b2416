"""How the pages write places, times and amounts."""

import pytest
from django.utils import translation

from geoscope.portal.explorer.datasets import Item, Period, flat_box, share_of_globe
from geoscope.portal.explorer.templatetags import earth


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("1860-06-01T00:00:00Z", "2099-06-01T00:00:00Z", "1860 \N{EN DASH} 2099"),
        ("2006-04-16T00:00:00Z", "2010-09-16T00:00:00Z", "April 2006 \N{EN DASH} September 2010"),
        ("2026-11-01T00:00:00Z", "2026-11-21T00:00:00Z", "1 November 2026 \N{EN DASH} 21 November 2026"),
        ("2016-05-16T12:00:00Z", "2016-05-16T12:00:00Z", "16 May 2016, 12:00 UTC"),
        ("2016-05-16T14:00:00+02:00", "2016-05-16T12:00:00Z", "16 May 2016, 12:00 UTC"),
        ("2000-02-30T00:00:00Z", "2001-02-30T00:00:00Z", "2000-02-30 \N{EN DASH} 2001-02-30"),
        ("2006-04-16T00:00:00Z", "", "from 16 April 2006"),
    ],
)
def test_period_is_written_no_finer_than_it_needs(start, end, written):
    assert earth.period(Period(start, end)) == written


def test_numbers_follow_the_language():
    with translation.override("de"):
        assert earth.number(1.5) == "1,50"
        assert earth.longitude(-75.0) == "75,00° W"
    assert earth.number(None) == "\N{EN DASH}"
    assert earth.number(-0.001) == "0.00"
    assert earth.signed(2.26) == "+2.26"
    assert earth.signed(-2.26) == "\N{MINUS SIGN}2.26"


@pytest.mark.parametrize(
    ("value", "written"), [(1.875, "1.875"), (1.25, "1.25"), (5 / 6, "0.8333"), (3000, "3000")]
)
def test_significant_digits(value, written):
    assert earth.significant(value) == written


def test_six_numbers_make_a_flat_box():
    assert flat_box([-10, 40, 0, 5, 60, 100]) == (-10, 40, 5, 60)
    assert flat_box([1, 2, 3]) is None


def test_share_of_globe_counts_area_not_degrees():
    assert share_of_globe((-180, -90, 180, 90)) == pytest.approx(1)
    assert share_of_globe((-180, 0, 180, 90)) == pytest.approx(0.5)
    assert share_of_globe((170, -90, -170, 90)) == pytest.approx(20 / 360)
    assert share_of_globe((-180, 60, 180, 90)) < share_of_globe((-180, -15, 180, 15))


def test_pictures_of_other_sites_are_not_shown():
    item = Item({"id": "a", "assets": {"thumbnail": {"href": "https://elsewhere.example/a.png"}}})
    assert item.thumbnail_at("https://here.example") == ""
    own = Item({"id": "a", "assets": {"thumbnail": {"href": "https://here.example/a.png"}}})
    assert own.thumbnail_at("https://here.example") == "https://here.example/a.png"
    assert own.thumbnail_at("https://here.exam") == ""
