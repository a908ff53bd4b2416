import pytest

from geoscope.portal.explorer.comparison import compare, year_of
from geoscope.portal.explorer.cuts import Series


def yearly(name, first, values):
    return Series(name, name, [f"{first + step:04d}-06-01T00:00:00Z" for step in range(len(values))], values)


def test_mean_and_difference_of_two():
    compared = compare([yearly("a", 2000, [1.0, 2.0, None]), yearly("b", 2000, [3.0, None, 5.0])])
    assert compared.mean == [2.0, None, None]
    assert compared.difference == [2.0, None, None]
    assert [row.values for row in compared.rows] == [[1.0, 3.0], [2.0, None], [None, 5.0]]


def test_one_series_has_neither_mean_nor_difference():
    compared = compare([yearly("a", 2000, [1.0, 2.0])])
    assert (compared.mean, compared.difference, compared.difference_statistics) == ([], [], None)
    assert [row.mean for row in compared.rows] == [None, None]


def test_series_of_different_times_share_one_axis():
    compared = compare([yearly("a", 2000, [1.0, 2.0]), yearly("b", 2001, [5.0, 6.0])])
    assert [year_of(time) for time in compared.times] == [2000, 2001, 2002]
    assert compared.columns == [[1.0, 2.0, None], [None, 5.0, 6.0]]
    assert compared.difference == [None, 3.0, None]


def test_normals_are_the_first_and_the_last_thirty_years():
    compared = compare([yearly("a", 1860, [float(step) for step in range(240)])])
    [statistics] = compared.statistics
    assert (compared.first_years, compared.last_years) == ((1860, 1889), (2070, 2099))
    assert (statistics.first_normal, statistics.last_normal) == (14.5, 224.5)
    assert statistics.change == 210.0
    assert (statistics.lowest, statistics.highest, statistics.mean) == (0.0, 239.0, 119.5)


@pytest.mark.parametrize(("years", "has_normals"), [(59, False), (60, True)])
def test_normals_never_overlap(years, has_normals):
    compared = compare([yearly("a", 1900, [0.0] * years)])
    assert (compared.first_years is not None) == has_normals


def test_series_without_values_has_empty_statistics():
    [statistics] = compare([yearly("a", 1900, [None] * 70)]).statistics
    assert (statistics.mean, statistics.first_normal, statistics.change) == (None, None, None)
