"""Conservative coarsening keeps integrals and constants, to the last digits."""

from functools import cache

import healpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.cubes.coarsening import Coarsening, cell_areas, coarsening
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.scattered import ScatteredGrid
from geoscope.errors import InvalidInputError


def rectilinear(step, *, at_poles=False, south_first=True):
    latitude = np.arange(-90 + (0 if at_poles else step / 2), 90.001, step)
    longitude = np.arange(0 if at_poles else step / 2, 360, step)
    return RectilinearGrid(longitude, latitude if south_first else latitude[::-1], ("y", "x"))


def octahedral(number):
    sines = np.polynomial.legendre.leggauss(2 * number)[0]
    half = 20 + 4 * np.arange(number)
    return ReducedGaussianGrid(np.degrees(np.arcsin(sines))[::-1], np.concatenate([half, half[::-1]]))


PAIRS = {
    "nested levels": (HealpixGrid(6), HealpixGrid(3)),
    "aligned blocks": (rectilinear(1), rectilinear(5)),
    "blocks that cut cells in half": (rectilinear(1, at_poles=True), rectilinear(5, at_poles=True)),
    "latitudes to HEALPix": (rectilinear(1), HealpixGrid(4)),
    "north first to HEALPix": (rectilinear(2.5, at_poles=True, south_first=False), HealpixGrid(3)),
    "HEALPix to latitudes": (HealpixGrid(6), rectilinear(5)),
    "HEALPix to narrow cells at the poles": (HealpixGrid(5), rectilinear(2, at_poles=True)),
    "a meridian given twice": (
        RectilinearGrid(np.arange(-180, 181, 5.0), np.arange(-90, 91, 5.0), ("y", "x")),
        HealpixGrid(2),
    ),
    "octahedral to HEALPix": (octahedral(32), HealpixGrid(3)),
    "HEALPix to octahedral": (HealpixGrid(6), octahedral(16)),
}


@cache
def between(name):
    return Coarsening.between(*PAIRS[name])


@pytest.mark.parametrize("name", PAIRS)
def test_integrals_and_constants_are_kept(name):
    source, target = PAIRS[name]
    coarse = between(name)
    noise = np.random.default_rng(5).normal(loc=280, scale=30, size=source.shape)
    before = (noise.ravel() * cell_areas(source)).sum()
    means = coarse.apply(noise)
    assert means.shape == target.shape
    assert (means.ravel() * cell_areas(target)).sum() == pytest.approx(before, rel=1e-10)
    np.testing.assert_allclose(coarse.apply(np.full(source.shape, 288.15)), 288.15, rtol=1e-12)
    np.testing.assert_allclose(coarse.shares(noise), 1.0, atol=1e-9)
    assert noise.min() <= means.min() <= means.max() <= noise.max()


@pytest.mark.parametrize("name", PAIRS)
def test_a_smooth_field_stays_what_it_was(name):
    source, target = PAIRS[name]
    fields = []
    for grid in (source, target):
        longitude, latitude = np.radians(np.broadcast_arrays(*grid.centres()))
        fields.append(np.cos(latitude) * np.cos(longitude + 1) + 0.5 * np.sin(latitude))
    error = np.abs(between(name).apply(fields[0]) - fields[1])
    # A mean over a cell is its centre's value to the second order; cells at poles are no squares.
    assert np.quantile(error, 0.9) < 2 * np.radians(source.cell_size + target.cell_size) ** 2
    assert error.max() < np.radians(target.cell_size)


def test_nested_levels_are_means_as_healpy_makes_them():
    field = np.random.default_rng(0).normal(size=12 * 4**6)
    ours = coarsening(HealpixGrid(6), HealpixGrid(4)).apply(field)
    theirs = healpy.ud_grade(field, 16, order_in="NEST", order_out="NEST")
    np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_blocks_are_means_weighted_by_area():
    source, target = rectilinear(1), rectilinear(5)
    field = np.random.default_rng(0).normal(size=source.shape)
    edges = np.sin(np.radians(np.arange(-90, 91)))
    weights = np.repeat(np.diff(edges)[:, None], 360, axis=1)
    blocks = (field * weights).reshape(36, 5, 72, 5).sum(axis=(1, 3))
    expected = blocks / weights.reshape(36, 5, 72, 5).sum(axis=(1, 3))
    np.testing.assert_allclose(coarsening(source, target).apply(field), expected, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from(sorted(PAIRS)))
def test_what_is_missing_does_not_count_and_the_rest_keeps_its_integral(seed, share, name):
    source, target = PAIRS[name]
    rng = np.random.default_rng(seed)
    field = rng.normal(size=source.shape)
    field[rng.uniform(size=source.shape) < share] = np.nan
    coarse = between(name)
    means, shares = coarse.apply(field).ravel(), coarse.shares(field).ravel()
    before = np.nansum(field.ravel() * cell_areas(source))
    after = np.nansum(means * shares * cell_areas(target))
    assert after == pytest.approx(before, rel=1e-9, abs=1e-9)
    assert np.array_equal(np.isnan(means), shares == 0)
    half = coarse.apply(field, least_share=0.5).ravel()
    assert np.array_equal(np.isnan(half), np.isnan(means) | (shares < 0.5 * (1 - 1e-9)))


def test_a_real_ocean_keeps_its_heat(sources):
    dataset = sources["nemo-ocean/monthly-2015"]
    grid = detect_grid(dataset)
    field = np.squeeze(dataset["tos"].values)
    field = field[0] if field.ndim == 3 else field
    areas = cell_areas(grid).reshape(grid.shape)
    # The grid ends in Antarctica; its area is measured on quadrilaterals, from centre to centre.
    assert areas.sum() / (4 * np.pi) == pytest.approx(0.9972, abs=1e-3)
    target = HealpixGrid(4)
    coarse = coarsening(grid, target)
    means, shares = coarse.apply(field), coarse.shares(field)
    before = np.nansum(field.astype(float) * areas)
    after = np.nansum(means.astype(float) * shares * cell_areas(target))
    assert after == pytest.approx(before, rel=1e-6)
    assert np.nanmin(field) <= np.nanmin(means) <= np.nanmax(means) <= np.nanmax(field)
    assert shares.max() < 1.1


def test_a_region_is_coarsened_where_it_is(sources):
    dataset = sources["uk-met-office-scenarios/a1b"]
    grid = detect_grid(dataset)
    field = dataset["air_temperature"].values[0]
    coarse = coarsening(grid, HealpixGrid(3))
    means, shares = coarse.apply(field), coarse.shares(field)
    before = (field.ravel().astype(float) * cell_areas(grid)).sum()
    after = np.nansum(means.astype(float) * shares) * 4 * np.pi / 768
    assert after == pytest.approx(before, rel=1e-6)
    assert np.isnan(means).sum() > 600


def test_areas_are_those_of_closed_forms(sources):
    assert cell_areas(HealpixGrid(3)) == pytest.approx(np.full(768, 4 * np.pi / 768))
    assert cell_areas(rectilinear(2, at_poles=True)).sum() == pytest.approx(4 * np.pi)
    rotated = detect_grid(sources["rotated-pole"])
    longitude, latitude = rotated.axes
    expected = cell_areas(RectilinearGrid(longitude, latitude, ("y", "x")))
    # A rotation changes no area; sides between corners are great circles there, parallels here.
    assert cell_areas(rotated) == pytest.approx(expected, rel=2e-3)


def test_weights_are_found_once_for_equal_grids():
    assert coarsening(HealpixGrid(3), HealpixGrid(1)) is coarsening(HealpixGrid(3), HealpixGrid(1))


def test_places_without_order_and_fields_of_other_grids_are_refused():
    rng = np.random.default_rng(0)
    points = ScatteredGrid(rng.uniform(0, 10, 50), rng.uniform(0, 10, 50), "node")
    with pytest.raises(InvalidInputError, match="no areas"):
        Coarsening.between(points, HealpixGrid(1))
    with pytest.raises(InvalidInputError, match="not on a grid"):
        coarsening(HealpixGrid(6), HealpixGrid(3)).apply(np.zeros(7))
