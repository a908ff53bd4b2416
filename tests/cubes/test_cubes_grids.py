"""Grids find the cell of a place as a brute-force search on the sphere, or as PROJ, does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from geoscope.cubes.coarsening import cell_areas
from geoscope.cubes.curvilinear import CurvilinearGrid
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.sampling import Sampling
from geoscope.errors import InvalidInputError

LONGITUDES = st.floats(-180, 180, allow_nan=False)
LATITUDES = st.floats(-90, 90, allow_nan=False)
DIMENSIONS = ("y", "x")


def chord(longitude, latitude, other_longitude, other_latitude):
    """Distance through the Earth in radii, by the haversine formula: another way than the code's own."""
    phi, other_phi = np.radians(latitude), np.radians(other_latitude)
    half_phi, half_lambda = (other_phi - phi) / 2, np.radians(np.subtract(other_longitude, longitude)) / 2
    return 2 * np.sqrt(np.sin(half_phi) ** 2 + np.cos(phi) * np.cos(other_phi) * np.sin(half_lambda) ** 2)


def circular(degrees):
    return np.abs((degrees + 180) % 360 - 180)


@st.composite
def rectilinear_grids(draw):
    rows, columns = draw(st.integers(2, 12)), draw(st.integers(2, 24))
    is_cyclic = draw(st.booleans())
    step = 360 / columns if is_cyclic else draw(st.floats(0.1, 300 / columns))
    longitude = draw(st.floats(-180, 180)) + step * np.arange(columns)
    latitude = np.sort(
        draw(st.lists(LATITUDES, min_size=rows, max_size=rows, unique_by=lambda x: round(x, 2)))
    )
    if draw(st.booleans()):
        latitude = latitude[::-1]
    if draw(st.booleans()):
        longitude = longitude[::-1]
    return RectilinearGrid(longitude, latitude, DIMENSIONS), longitude, latitude, step


@settings(deadline=None)
@given(rectilinear_grids(), LONGITUDES, LATITUDES)
def test_rectilinear_cell_is_nearest_along_both_axes(drawn, longitude, latitude):
    grid, longitudes, latitudes, step = drawn
    cell = int(grid.locate(longitude, latitude))
    off_longitude = circular(longitudes - longitude)
    off_latitude = np.abs(latitudes - latitude)
    if cell >= 0:
        row, column = divmod(cell, len(longitudes))
        assert off_longitude[column] <= off_longitude.min() + 1e-9
        assert off_latitude[row] <= off_latitude.min() + 1e-9
    else:
        low, high = np.sort(latitudes)[[0, -1]]
        south, north = low - np.diff(np.sort(latitudes))[0] / 2, high + np.diff(np.sort(latitudes))[-1] / 2
        is_outside_rows = not south + 1e-9 < latitude < north - 1e-9
        assert is_outside_rows or off_longitude.min() >= step / 2 - 1e-9


@settings(deadline=None)
@given(rectilinear_grids())
def test_centre_of_every_rectilinear_cell_is_in_it(drawn):
    grid = drawn[0]
    cells = np.arange(np.prod(grid.shape))
    assert np.array_equal(grid.locate(*grid.cell_centre(cells)), cells)


def test_global_grid_has_no_hole_at_poles_and_date_line():
    grid = RectilinearGrid(np.arange(0, 360, 2.5), np.arange(90, -91, -2.5), DIMENSIONS)
    longitude, latitude = np.meshgrid([-180, -179.999, 0, 179.999, 180, 359.99], [-90, -89.99, 0, 89.99, 90])
    assert (grid.locate(longitude, latitude) >= 0).all()
    assert grid.bounds == (-180, -90, 180, 90)
    assert grid.locate(180, 10) == grid.locate(-180, 10)


@pytest.mark.parametrize("longitudes", [np.linspace(0, 360, 73), np.linspace(180, -180, 73, dtype="float32")])
def test_a_meridian_that_is_given_twice_is_one(longitudes):
    grid = RectilinearGrid(longitudes, np.arange(-87.5, 90, 5), DIMENSIONS)
    cells = np.arange(np.prod(grid.shape))
    again = grid.cell_centre(grid.locate(*grid.cell_centre(cells)))
    np.testing.assert_allclose(again, grid.cell_centre(cells), atol=1e-4)
    assert cell_areas(grid).sum() == pytest.approx(4 * np.pi, rel=1e-12)
    assert grid.bounds == (-180, -90, 180, 90)
    assert len(grid.cells_in_box(-180, -90, 180, 90)) == 36 * 72
    longitude = np.append(np.linspace(-400, 400, 999), [0, 360, -180, 180, -1e-9, 2.5, 357.5])
    waves = np.cos(np.radians(longitudes)) * np.ones(grid.shape)
    sampled = Sampling.bilinear(grid, longitude, 12.0).apply(waves)
    np.testing.assert_allclose(sampled, np.cos(np.radians(longitude)), atol=0.001)


def test_a_rotated_grid_ends_at_its_own_poles():
    rotated = {"grid_north_pole_latitude": 39.25, "grid_north_pole_longitude": -162.0}
    crs = CRS.from_cf({"grid_mapping_name": "rotated_latitude_longitude"} | rotated)
    grid = ProjectedGrid(np.arange(-180, 180, 5.0), np.arange(-90, 91, 5.0), crs, DIMENSIONS)
    assert cell_areas(grid).sum() == pytest.approx(4 * np.pi, rel=1e-12)


def test_grid_across_the_date_line_says_so_in_its_bounds():
    grid = RectilinearGrid(np.arange(170, 191, 1.0), np.arange(-10, 11, 1.0), DIMENSIONS)
    assert grid.bounds == (169.5, -10.5, -169.5, 10.5)
    assert grid.locate([-175, 175, 0], [0, 0, 0]).tolist() == [10 * 21 + 15, 10 * 21 + 5, -1]


@pytest.mark.parametrize("place", [(np.nan, 0), (0, np.nan)])
@pytest.mark.parametrize("name", ["cyclic", "curvilinear", "projected"])
def test_a_place_that_is_no_number_is_outside(name, place):
    longitude, latitude = np.meshgrid(np.arange(0, 360, 10.0), np.arange(-80, 81, 10.0))
    grid = {
        "cyclic": RectilinearGrid(longitude[0], latitude[:, 0], DIMENSIONS),
        "curvilinear": CurvilinearGrid(longitude, latitude, DIMENSIONS),
        "projected": ProjectedGrid(np.arange(5.0), np.arange(5.0), CRS(3857), DIMENSIONS),
    }[name]
    assert grid.locate(*place) == -1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=50))
def test_curvilinear_cell_is_nearest_on_the_sphere(places):
    column, row = np.meshgrid(np.arange(40), np.arange(30))
    turn = np.radians(25)
    longitude = -30 + 1.5 * (column * np.cos(turn) - row * np.sin(turn))
    latitude = 20 + 1.2 * (column * np.sin(turn) + row * np.cos(turn))
    grid = CurvilinearGrid(longitude, latitude, DIMENSIONS)
    asked = np.array(places)
    for (x, y), cell in zip(places, grid.locate(asked[:, 0], asked[:, 1]).tolist(), strict=True):
        distance = chord(x, y, longitude.ravel(), latitude.ravel())
        if cell >= 0:
            assert distance[cell] <= distance.min() + 1e-12
        else:
            assert np.degrees(distance.min()) > 0.5


def test_curvilinear_grid_never_finds_cells_without_a_place():
    longitude, latitude = np.meshgrid(np.arange(0.0, 20.0), np.arange(0.0, 10.0))
    longitude[2, 3] = latitude[2, 3] = np.nan
    longitude[5:8, 5:8] = latitude[5:8, 5:8] = 0.0
    grid = CurvilinearGrid(longitude, latitude, DIMENSIONS)
    assert grid.locate(3, 2) != 2 * 20 + 3
    assert grid.locate(6, 6) == -1
    assert np.isnan(grid.cell_centre(2 * 20 + 3)[0])


@pytest.mark.parametrize("code", [3857, 3031, 3995, 27700, 32633, 3035])
def test_projected_cells_are_where_proj_puts_them(code):
    crs = CRS(code)
    x0, y0, x1, y1 = Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(*crs.area_of_use.bounds)
    x, y = np.linspace(x0, x1, 30), np.linspace(y1, y0, 20)
    grid = ProjectedGrid(x, y, crs, DIMENSIONS)
    forward = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    west, south, east, north = crs.area_of_use.bounds
    rng = np.random.default_rng(code)
    longitude, latitude = rng.uniform(west, east, 500), rng.uniform(south, north, 500)
    for cell, px, py in zip(
        grid.locate(longitude, latitude), *forward.transform(longitude, latitude), strict=True
    ):
        if cell >= 0:
            row, column = divmod(int(cell), 30)
            assert column == np.abs(x - px).argmin()
            assert row == np.abs(y - py).argmin()
        else:
            assert not (x0 < px < x1 and y0 < py < y1)


def test_polar_projection_has_the_pole_in_its_bounds_and_goes_round():
    axis = np.linspace(-3e6, 3e6, 61)
    grid = ProjectedGrid(axis, axis, CRS(3995), DIMENSIONS)
    assert grid.bounds.west == -180
    assert grid.bounds.east == 180
    assert grid.bounds.north == 90
    assert grid.outline() is None


def test_rotated_pole_agrees_with_the_rotation_formula(sources):
    dataset = sources["rotated-pole"]
    grid = detect_grid(dataset)
    cells = np.arange(np.prod(grid.shape))
    assert np.array_equal(grid.locate(*grid.cell_centre(cells)), cells)
    lam, phi = np.meshgrid(*np.radians([dataset.grid_longitude[:22], dataset.grid_latitude[:22]]))
    pole = np.radians(37.5)
    sine = np.cos(pole) * np.cos(lam) * np.cos(phi) + np.sin(pole) * np.sin(phi)
    centre = grid.cell_centre(cells.reshape(grid.shape)[:22, :22])[1]
    assert np.allclose(centre, np.degrees(np.arcsin(sine)), atol=1e-4)


def test_polar_stereographic_agrees_with_the_places_in_the_file(sources):
    dataset = sources["toa-brightness-temperature/seviri-2016-05-16"]
    grid = detect_grid(dataset)
    longitude, latitude = grid.cell_centre(np.arange(np.prod(grid.shape)))
    assert np.allclose(latitude, dataset.latitude.values.ravel(), atol=1e-4)
    assert np.allclose(circular(longitude - dataset.longitude.values.ravel()), 0, atol=1e-4)


def test_nemo_grid_covers_the_ocean_and_finds_each_cell(sources):
    dataset = sources["nemo-ocean/monthly-2015"]
    grid = detect_grid(dataset)
    cells = np.arange(np.prod(grid.shape))
    longitude, latitude = grid.cell_centre(cells)
    assert np.array_equal(grid.locate(longitude, latitude), cells)
    west, south, east, north = grid.bounds
    assert (west, east, north) == (-180, 180, 90)
    assert -87 < south < -84
    rng = np.random.default_rng(0)
    some = rng.uniform(-180, 180, 20_000), np.degrees(np.arcsin(rng.uniform(-0.98, 1, 20_000)))
    assert (grid.locate(*some) >= 0).all()


def test_dataset_without_a_grid_is_refused_with_what_is_expected(sources):
    dataset = sources["uk-met-office-scenarios/a1b"].drop_vars(["latitude", "longitude"])
    with pytest.raises(InvalidInputError, match="no grid that can be recognised"):
        detect_grid(dataset)


def test_axis_that_turns_back_is_refused(sources):
    dataset = sources["uk-met-office-scenarios/a1b"]
    shuffled = dataset.isel(latitude=[0, 2, 1, 3])
    with pytest.raises(InvalidInputError, match="not strictly monotonic"):
        detect_grid(shuffled)
