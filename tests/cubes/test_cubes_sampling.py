"""Sampling: exact where it can be, close to smooth fields elsewhere; poles, seams, folds, missing values."""

import healpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geoscope.cubes.curvilinear import CurvilinearGrid
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.sampling import Sampling, sampling
from geoscope.errors import InvalidInputError

DIMENSIONS = ("y", "x")


def smooth(longitude, latitude):
    """A field without a special place: linear in the unit vector."""
    lam, phi = np.radians(longitude), np.radians(latitude)
    return 0.4 * np.cos(phi) * np.cos(lam + 1) - 0.7 * np.sin(phi) + 0.2 * np.cos(phi) * np.sin(lam)


def everywhere(number=20_000):
    rng = np.random.default_rng(number)
    longitude, latitude = rng.uniform(-180, 180, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    # Poles, date line and the beginning of longitudes in every combination.
    special = np.meshgrid([-180, -179.9999, 0, 1e-9, 179.9999, 180, 360, 45], [-90, -89.9999, 0, 89.9999, 90])
    return np.append(longitude, special[0]), np.append(latitude, special[1])


def global_rectilinear(step, *, offset=0.5, south_first=True, first=0.0):
    latitude = np.arange(-90 + offset * step, 90.001, step)
    return RectilinearGrid(
        first + np.arange(0, 360, step), latitude if south_first else latitude[::-1], DIMENSIONS
    )


def octahedral(number):
    sines = np.polynomial.legendre.leggauss(2 * number)[0]
    half = 20 + 4 * np.arange(number)
    return ReducedGaussianGrid(np.degrees(np.arcsin(sines))[::-1], np.concatenate([half, half[::-1]]))


GLOBAL = {
    "healpix": HealpixGrid(6),
    "rows at the poles": global_rectilinear(1, offset=0),
    "rows beside the poles": global_rectilinear(1),
    "north first, from -180": global_rectilinear(1, south_first=False, first=-180),
    "octahedral": octahedral(64),
}


@pytest.mark.parametrize("name", GLOBAL)
def test_global_grids_interpolate_a_smooth_field_everywhere(name):
    grid = GLOBAL[name]
    longitude, latitude = everywhere()
    field = smooth(*grid.centres())
    bilinear = Sampling.bilinear(grid, longitude, latitude).apply(field)
    nearest = Sampling.nearest(grid, longitude, latitude).apply(field)
    cell = np.radians(grid.cell_size)
    error = np.abs(bilinear - smooth(longitude, latitude))
    # Second order away from the poles; there no worse than a part of the distance to the last row.
    away = np.abs(latitude) < 85
    assert error[away].max() < cell**2
    assert error.max() < cell / 2
    assert np.abs(nearest - smooth(longitude, latitude)).max() < 1.5 * cell


@pytest.mark.parametrize("name", GLOBAL)
@pytest.mark.parametrize("method", [Sampling.nearest, Sampling.bilinear])
def test_constants_are_kept_to_the_last_digit_and_centres_give_their_own_value(name, method):
    grid = GLOBAL[name]
    constant = np.full(grid.shape, 288.15)
    np.testing.assert_allclose(method(grid, *everywhere()).apply(constant), 288.15, rtol=1e-14)
    longitude, latitude = np.broadcast_arrays(*grid.centres())
    noise = np.random.default_rng(0).normal(size=grid.shape)
    inner = np.abs(latitude) < 90
    np.testing.assert_allclose(method(grid, longitude, latitude).apply(noise)[inner], noise[inner], atol=1e-8)


@pytest.mark.parametrize("name", ["healpix", "rows beside the poles", "octahedral"])
@pytest.mark.parametrize("pole", [-90.0, 90.0])
def test_a_pole_has_one_value_from_wherever_it_is_seen(name, pole):
    grid = GLOBAL[name]
    noise = np.random.default_rng(0).normal(size=grid.shape)
    longitude = np.linspace(-180, 360, 50)
    there = Sampling.bilinear(grid, longitude, pole).apply(noise)
    beside = Sampling.bilinear(grid, longitude, pole * (1 - 1e-9)).apply(noise)
    _, latitude = np.broadcast_arrays(*grid.centres())
    row = np.isclose(latitude, latitude.min() if pole < 0 else latitude.max())
    np.testing.assert_allclose(there, noise[row].mean(), atol=1e-12)
    np.testing.assert_allclose(beside, there, atol=1e-5)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-400, 400), st.floats(-90, 90)), min_size=1, max_size=20),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_what_is_linear_in_degrees_is_reproduced_between_rows_and_columns(places, slope, offset):
    grid = RectilinearGrid(np.arange(0, 41, 2.5), np.array([-10.0, -3, 0, 1, 8, 20]), DIMENSIONS)
    longitude, latitude = np.meshgrid(*grid.axes)
    field = slope * latitude + offset * longitude
    x, y = np.array(places).T
    x = x % 40
    inside = (y >= -10) & (y <= 20)
    sampled = Sampling.bilinear(grid, x, y).apply(field)
    np.testing.assert_allclose(sampled[inside], (slope * y + offset * x)[inside], atol=1e-9)
    assert np.array_equal(np.isnan(sampled), grid.locate(x, y) < 0)


def test_what_is_linear_on_a_projection_is_reproduced_there():
    x, y = np.linspace(-2e6, 2e6, 40), np.linspace(1.5e6, -1.5e6, 30)
    grid = ProjectedGrid(x, y, CRS(3995), DIMENSIONS)
    px, py = np.random.default_rng(0).uniform(-1.5e6, 1.5e6, (2, 500))
    fine = ProjectedGrid(np.sort(px), np.sort(py), CRS(3995), DIMENSIONS)
    longitude, latitude = fine.centres()
    field = 3 * x[None, :] - 2 * y[:, None]
    sampled = Sampling.bilinear(grid, longitude, latitude).apply(field)
    np.testing.assert_allclose(sampled, 3 * np.sort(px)[None, :] - 2 * np.sort(py)[:, None], atol=1e-3)


@pytest.mark.parametrize(
    "name", ["rotated-pole", "toa-brightness-temperature/seviri-2016-05-16", "nemo-ocean/monthly-2015"]
)
def test_real_grids_interpolate_a_smooth_field_in_all_of_their_cells(sources, name):
    grid = detect_grid(sources[name])
    longitude, latitude = everywhere(60_000)
    inside = grid.locate(longitude, latitude) >= 0
    sampled = Sampling.bilinear(grid, longitude, latitude).apply(smooth(*grid.centres()))
    assert inside.sum() > 100
    assert np.array_equal(np.isnan(sampled), ~inside)
    error = np.abs(sampled - smooth(longitude, latitude))[inside]
    # At the edge of a grid the last cell counts alone, for up to its own width.
    assert error.max() < 1.5 * np.radians(grid.cell_size)
    assert np.quantile(error, 0.8) < np.radians(grid.cell_size) ** 2


def test_nemo_has_no_seam_and_no_fold(sources):
    grid = detect_grid(sources["nemo-ocean/monthly-2015"])
    column = np.concatenate([np.arange(360), np.arange(360)])
    row = np.concatenate([np.full(360, 329), np.full(360, 328)])
    longitude, latitude = grid.cell_centre(row * 360 + column)
    rows = np.arange(40, 329)
    seam_longitude, seam_latitude = grid.cell_centre(rows * 360 + 359)
    step = (grid.cell_centre(rows * 360)[0] - seam_longitude + 180) % 360 - 180
    for x, y in (
        (longitude, latitude + 0.3),
        (longitude, latitude - 0.3),
        (seam_longitude + step / 2, seam_latitude),
    ):
        y = np.minimum(y, 90)  # noqa: PLW2901
        weights = Sampling.bilinear(grid, x, y).weights
        assert np.mean(weights.max(axis=1) < 1) > 0.97
        sampled = Sampling.bilinear(grid, x, y).apply(smooth(*grid.centres()))
        error = np.abs(sampled - smooth(x, y))
        # At the mesh's two own poles, on land, the cells beside a corner are no quadrilateral.
        assert np.sort(error)[-5] < np.radians(1) ** 2
        assert error.max() < np.radians(1) / 10


def test_curvilinear_bilinear_is_exact_for_a_field_linear_in_columns_and_rows():
    column, row = np.meshgrid(np.arange(40.0), np.arange(30.0))
    turn = np.radians(25)
    longitude = 170 + 0.1 * (column * np.cos(turn) - row * np.sin(turn))
    latitude = 0.1 * (column * np.sin(turn) + row * np.cos(turn))
    grid = CurvilinearGrid(longitude, latitude, DIMENSIONS)
    across, up = np.random.default_rng(3).uniform(1, 28, (2, 200))
    x = 170 + 0.1 * (across * np.cos(turn) - up * np.sin(turn))
    y = 0.1 * (across * np.sin(turn) + up * np.cos(turn))
    sampled = Sampling.bilinear(grid, x, y).apply(5 * column - 3 * row)
    np.testing.assert_allclose(sampled, 5 * across - 3 * up, atol=2e-2)


def test_a_place_has_a_value_exactly_if_its_heaviest_cell_has_one():
    grid = RectilinearGrid(np.arange(4.0), np.arange(4.0), DIMENSIONS)
    field = np.full((4, 4), 7.0)
    field[1, 1] = np.nan
    sampled = Sampling.bilinear(grid, [1.1, 1.4, 1.6, 0.4, 2.0], [1.1, 1.4, 1.4, 1.0, 2.0]).apply(field)
    np.testing.assert_allclose(sampled, [np.nan, np.nan, 7.0, 7.0, 7.0])


def test_a_field_that_is_missing_is_missing_everywhere_and_poles_ignore_what_is_missing():
    grid = GLOBAL["rows beside the poles"]
    assert np.isnan(Sampling.bilinear(grid, *everywhere(100)).apply(np.full(grid.shape, np.nan))).all()
    field = np.full(grid.shape, np.nan)
    field[-1, :10] = 4.0
    assert Sampling.bilinear(grid, 5.0, 90.0).apply(field) == 4.0


def test_regions_are_nan_outside_and_interpolate_from_what_they_have():
    whole = HealpixGrid(5)
    longitude, latitude = whole.centres()
    ids = np.flatnonzero((np.abs(latitude - 50) < 10) & (np.abs(longitude - 10) < 15))
    region = HealpixGrid(5, ids)
    field = smooth(longitude, latitude)
    x, y = everywhere()
    ours = Sampling.bilinear(region, x, y).apply(field[ids])
    assert np.array_equal(np.isnan(ours), region.locate(x, y) < 0)
    full = Sampling.bilinear(whole, x, y).apply(field)
    inner = (np.abs(y - 50) < 6) & (np.abs(x - 10) < 10)
    np.testing.assert_allclose(ours[inner], full[inner], atol=1e-12)
    assert np.nanmax(np.abs(ours - full)) < 2 * np.radians(whole.cell_size)


def test_fields_come_and_go_with_their_shapes_and_types():
    source, target = HealpixGrid(3), global_rectilinear(10)
    fields = np.random.default_rng(0).normal(size=(2, 3, source.shape[0])).astype("float32")
    for method in ("nearest", "bilinear"):
        weights = sampling(source, target, method)
        assert weights is sampling(HealpixGrid(3), target, method)
        sampled = weights.apply(fields)
        assert sampled.dtype == np.float32
        assert sampled.shape == (2, 3, 18, 36)
        np.testing.assert_array_equal(sampled[1, 2], weights.apply(fields[1, 2]))
    whole = np.arange(source.shape[0], dtype="int16")
    assert sampling(source, target, "nearest").apply(whole).dtype == np.int16
    assert sampling(source, target, "bilinear").apply(whole).dtype == np.float64
    outside = Sampling.nearest(HealpixGrid(3, np.array([5])), 0, -80).apply(np.array([5], "int16"))
    assert np.isnan(outside)


def test_nearest_from_healpix_is_what_healpy_gathers():
    source, target = HealpixGrid(7), global_rectilinear(1)
    field = np.random.default_rng(0).normal(size=source.shape)
    longitude, latitude = np.broadcast_arrays(*target.centres())
    expected = field[healpy.ang2pix(128, longitude, latitude, nest=True, lonlat=True)]
    assert np.mean(sampling(source, target).apply(field) == expected) > 0.9999


def test_there_and_back_through_a_finer_grid_gives_the_same():
    coarse, fine = global_rectilinear(5), HealpixGrid(8)
    field = np.random.default_rng(0).normal(size=coarse.shape)
    there = sampling(coarse, fine, "nearest").apply(field)
    assert np.mean(sampling(fine, coarse, "nearest").apply(there) == field) > 0.99


def test_fields_of_another_grid_and_unknown_methods_are_refused():
    with pytest.raises(InvalidInputError, match="not on a grid"):
        Sampling.nearest(HealpixGrid(2), 0, 0).apply(np.zeros(191))
    with pytest.raises(InvalidInputError, match="'cubic'"):
        sampling(HealpixGrid(2), HealpixGrid(1), "cubic")
