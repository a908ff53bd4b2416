"""HEALPix grids agree with healpy and astropy-healpix; regions, orders and levels are exact."""

import astropy.units as u
import healpy
import numpy as np
import pytest
from astropy_healpix import HEALPix
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.pyramid import coarser, coarser_grid, pyramid
from geoscope.cubes.ring_order import nested_to_ring, ring_to_nested
from geoscope.errors import InvalidInputError

LEVELS = st.integers(0, 12)
LONGITUDES = st.floats(-720, 720, allow_nan=False)
LATITUDES = st.floats(-90, 90, allow_nan=False)
PLACES = st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=50)


@settings(deadline=None)
@given(LEVELS, PLACES)
@example(3, [(0, 90), (123, 90), (0, -90), (180, 0), (-180, 0), (540, 0), (45, 0), (0, 41.8)])
def test_places_are_in_the_cell_that_healpy_says(level, places):
    longitude, latitude = np.array(places).T
    ours = HealpixGrid(level).locate(longitude, latitude)
    theirs = healpy.ang2pix(2**level, longitude, latitude, nest=True, lonlat=True)
    apart = ours != theirs
    # On an edge between two cells each library rounds to its own side.
    assert np.all(at_an_edge(level, longitude[apart], latitude[apart]))


def at_an_edge(level, longitude, latitude):
    shaken = [
        healpy.ang2pix(2**level, longitude + turn, np.clip(latitude + tilt, -90, 90), nest=True, lonlat=True)
        for turn in (-1e-9, 1e-9)
        for tilt in (-1e-9, 1e-9)
    ]
    return np.any(np.array(shaken) != shaken[0], axis=0)


@settings(deadline=None)
@given(st.integers(0, 20), st.data())
def test_centres_are_where_astropy_puts_them(level, data):
    cells = np.array(data.draw(st.lists(st.integers(0, 12 * 4**level - 1), min_size=1, max_size=20)))
    longitude, latitude = HealpixGrid(level).cell_centre(cells)
    theirs = HEALPix(nside=2**level, order="nested").healpix_to_lonlat(cells)
    np.testing.assert_allclose(latitude, theirs[1].to_value(u.deg), atol=1e-10)
    off = (longitude - theirs[0].to_value(u.deg) + 180) % 360 - 180
    np.testing.assert_allclose(off, 0, atol=1e-10)
    assert np.array_equal(HealpixGrid(level).locate(longitude, latitude), cells)


@settings(deadline=None)
@given(st.integers(0, 9), PLACES)
@example(2, [(0, 90), (77, 90), (0, -90), (-135, 66.4), (180, 0)])
@example(0, [(10, 80), (10, -80), (0, 90), (0, -90)])
def test_interpolation_has_the_weights_of_healpy(level, places):
    longitude, latitude = np.array(places).T
    field = np.random.default_rng(level).normal(size=12 * 4**level)
    found = HealpixGrid(level).surroundings(longitude, latitude)
    extended = np.append(field, [field[cells].mean() for cells in found.means])
    ours = (extended[found.cells] * found.weights).sum(axis=-1)
    theirs = healpy.get_interp_val(field, longitude, latitude, nest=True, lonlat=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 8), st.data(), PLACES)
def test_a_region_is_a_part_of_the_whole(level, data, places):
    number = 12 * 4**level
    ids = np.array(sorted(data.draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=60))))
    region, whole = HealpixGrid(level, ids), HealpixGrid(level)
    longitude, latitude = np.array(places).T
    expected = whole.locate(longitude, latitude)
    cells = region.locate(longitude, latitude)
    assert np.array_equal(cells >= 0, np.isin(expected, ids))
    assert np.array_equal(ids[cells[cells >= 0]], expected[cells >= 0])
    assert np.array_equal(region.locate(*region.centres()), np.arange(len(ids)))
    west, south, east, north = region.bounds
    centre_longitude, centre_latitude = region.centres()
    assert np.all((centre_latitude >= south) & (centre_latitude <= north))
    inside = (centre_longitude >= west) & (centre_longitude <= east)
    if west > east:
        inside = (centre_longitude >= west) | (centre_longitude <= east)
    assert np.all(inside)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5), st.floats(-180, 179.9), st.floats(0, 360), st.floats(-90, 90), st.floats(-90, 90))
def test_cells_in_a_box_are_those_whose_centres_are_there(level, west, width, latitude, other):
    south, north = sorted((latitude, other))
    grid = HealpixGrid(level)
    region = HealpixGrid(level, np.arange(0, 12 * 4**level, 3))
    for part in (grid, region):
        x, y = part.centres()
        inside = (y >= south - 1e-9) & (y <= north + 1e-9) & ((x - west + 1e-9) % 360 <= width + 2e-9)
        assert np.array_equal(part.cells_in_box(west, south, west + width, north), np.flatnonzero(inside))


@pytest.mark.parametrize("place", [(np.nan, 0), (0, np.nan), (np.inf, 0), (0, 90.1), (0, -1e300)])
def test_what_is_no_place_on_earth_is_outside_and_crashes_nothing(place):
    grid = HealpixGrid(4)
    assert grid.locate(*place) == -1
    assert not grid.surroundings(*place).weights.any()


def test_no_places_have_no_cells():
    assert HealpixGrid(4).locate([], []).shape == (0,)
    assert HealpixGrid(4).surroundings([], []).cells.shape == (0, 4)


@pytest.mark.parametrize(
    ("level", "ids"),
    [(-1, None), (30, None), (2, [3, 3]), (2, [5, 4]), (2, [-1, 4]), (2, [0, 192]), (2, []), (2, [0.5])],
)
def test_cells_that_there_are_not_are_refused(level, ids):
    with pytest.raises(ValueError, match="HEALPix"):
        HealpixGrid(level, None if ids is None else np.array(ids))


def test_grids_of_the_same_cells_are_equal_and_others_are_not():
    ids = np.arange(7, 20)
    assert HealpixGrid(4, ids) == HealpixGrid(4, ids.copy())
    assert hash(HealpixGrid(4, ids)) == hash(HealpixGrid(4, ids.copy()))
    others = {HealpixGrid(4), HealpixGrid(4, ids), HealpixGrid(5, ids), HealpixGrid(4, dimension="cell")}
    assert len(others) == 4


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 6), st.integers(1, 3))
def test_fields_change_order_as_in_healpy_and_back(level, steps):
    ring = np.random.default_rng(level).normal(size=(steps, 12 * 4**level)).astype("float32")
    nested = ring_to_nested(ring)
    assert np.array_equal(nested, [healpy.reorder(field, r2n=True) for field in ring])
    assert np.array_equal(nested_to_ring(nested), ring)


@pytest.mark.parametrize("cells", [0, 11, 13, 24, 108])
def test_what_is_no_whole_field_has_no_order(cells):
    with pytest.raises(InvalidInputError, match="no whole HEALPix field"):
        ring_to_nested(np.zeros(cells))


VALUES = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, width=32))


@settings(deadline=None)
@given(
    st.sampled_from(["mean", "min", "max", "sum"]),
    arrays.arrays("float64", (2, 48), elements=VALUES),
    st.sets(st.integers(0, 47), min_size=1).map(sorted),
)
def test_each_parent_is_made_of_the_children_that_there_are(statistic, fields, ids):
    grid = HealpixGrid(1, np.array(ids))
    reduced = coarser(fields[:, ids], grid, statistic)
    above = coarser_grid(grid)
    combine = {"mean": np.mean, "min": np.min, "max": np.max, "sum": np.sum}[statistic]
    for step in range(2):
        for parent, value in zip(above.ids(np.arange(above.shape[0])), reduced[step], strict=True):
            children = [fields[step, id_] for id_ in range(4 * parent, 4 * parent + 4) if id_ in ids]
            there = [child for child in children if not np.isnan(child)]
            expected = combine(there) if there else np.nan
            np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-9)


def test_a_pyramid_agrees_with_healpy_and_keeps_the_mean():
    field = np.random.default_rng(1).normal(size=12 * 4**8)  # several blocks of parents
    levels = list(pyramid(field, HealpixGrid(8)))
    assert [grid.level for grid, _ in levels] == [7, 6, 5, 4, 3, 2, 1, 0]
    for grid, values in levels:
        theirs = healpy.ud_grade(field, 2**grid.level, order_in="NEST", order_out="NEST")
        np.testing.assert_allclose(values, theirs, atol=1e-12)
        assert values.mean() == pytest.approx(field.mean(), abs=1e-12)


def test_a_pyramid_leaves_its_source_alone_and_keeps_the_type():
    field = np.random.default_rng(1).normal(size=(3, 12 * 4**3)).astype("float32")
    before = field.copy()
    for _, values in pyramid(field, HealpixGrid(3)):
        assert values.dtype == np.float32
    assert np.array_equal(field, before)
    whole = np.arange(48)
    np.testing.assert_array_equal(coarser(whole, HealpixGrid(1)), whole.reshape(12, 4).mean(axis=1))


def test_a_pyramid_has_no_level_above_zero_nor_unknown_statistics():
    with pytest.raises(InvalidInputError, match="no coarser level"):
        coarser(np.zeros(12), HealpixGrid(0))
    with pytest.raises(InvalidInputError, match="'median'"):
        coarser(np.zeros(48), HealpixGrid(1), "median")
    with pytest.raises(InvalidInputError, match="cells"):
        coarser(np.zeros(47), HealpixGrid(1))
