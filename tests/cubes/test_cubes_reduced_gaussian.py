"""Reduced Gaussian grids find the nearest row and column, and are recognised by their places."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.cubes.coarsening import cell_areas
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid_coordinates import ROWS, grid_coordinates
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.scattered import ScatteredGrid
from geoscope.errors import InvalidInputError


def octahedral(number):
    """Latitudes and cells of each row of the grid ON, by Gauss-Legendre quadrature."""
    sines = np.polynomial.legendre.leggauss(2 * number)[0]
    half = 20 + 4 * np.arange(number)
    return np.degrees(np.arcsin(sines))[::-1], np.concatenate([half, half[::-1]])


@st.composite
def reduced_grids(draw):
    rows = draw(st.integers(2, 12))
    latitude = np.array(
        sorted(
            draw(
                st.lists(
                    st.floats(-89, 89), min_size=rows, max_size=rows, unique_by=lambda value: round(value, 1)
                )
            )
        )
    )
    if draw(st.booleans()):
        latitude = latitude[::-1]
    count = np.array(draw(st.lists(st.integers(1, 40), min_size=rows, max_size=rows)))
    first = np.array(draw(st.lists(st.floats(-180, 360), min_size=rows, max_size=rows)))
    return latitude, count, first


PLACES = st.tuples(st.floats(-720, 720), st.floats(-90, 90))


@settings(deadline=None)
@given(reduced_grids(), PLACES)
def test_cell_is_nearest_by_row_and_column(drawn, place):
    latitude, count, first = drawn
    grid = ReducedGaussianGrid(latitude, count, first)
    cell = int(grid.locate(*place))
    start = np.concatenate([[0], np.cumsum(count)])
    row = int(np.searchsorted(start, cell, side="right")) - 1
    off = np.abs(latitude - place[1])
    assert off[row] <= off.min() + 1e-9
    centres = first[row] + np.arange(count[row]) * 360 / count[row]
    apart = np.abs((centres - place[0] + 180) % 360 - 180)
    assert apart[cell - start[row]] <= apart.min() + 1e-9


@settings(deadline=None)
@given(reduced_grids())
def test_centre_of_every_cell_is_in_it_and_areas_are_the_earths(drawn):
    grid = ReducedGaussianGrid(*drawn)
    cells = np.arange(grid.shape[0])
    assert np.array_equal(grid.locate(*grid.cell_centre(cells)), cells)
    assert cell_areas(grid).sum() == pytest.approx(4 * np.pi, rel=1e-12)


@settings(deadline=None)
@given(reduced_grids(), st.floats(-180, 179.9), st.floats(0, 360), st.floats(-90, 90), st.floats(-90, 90))
def test_cells_in_a_box_are_those_whose_centres_are_there(drawn, west, width, latitude, other):
    south, north = sorted((latitude, other))
    grid = ReducedGaussianGrid(*drawn)
    x, y = grid.centres()
    inside = (y >= south - 1e-9) & (y <= north + 1e-9) & ((x - west + 1e-9) % 360 <= width + 2e-9)
    assert np.array_equal(grid.cells_in_box(west, south, west + width, north), np.flatnonzero(inside))


@pytest.mark.parametrize("number", [32, 320])
def test_octahedral_grid_is_recognised_by_its_places(number):
    latitude, count = octahedral(number)
    grid = ReducedGaussianGrid(latitude, count)
    assert grid.shape == (4 * number * (number + 9),)
    coordinates = grid_coordinates(grid)
    assert detect_grid(coordinates) == grid
    assert coordinates.latitude.attrs[ROWS] == count.tolist()


def test_cells_without_rows_are_found_by_the_nearest_centre():
    rng = np.random.default_rng(2)
    longitude, latitude = rng.uniform(-180, 180, 4000), np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    places = xr.Dataset(
        coords={
            "lat": ("node", latitude, {"units": "degrees_north"}),
            "lon": ("node", longitude, {"units": "degrees_east"}),
        }
    )
    grid = detect_grid(places)
    assert isinstance(grid, ScatteredGrid)
    assert grid.bounds == pytest.approx((-180, -90, 180, 90), abs=3)
    assert np.array_equal(grid.locate(longitude, latitude), np.arange(4000))
    asked = rng.uniform(-180, 180, 300), rng.uniform(-80, 80, 300)
    for x, y, cell in zip(*asked, grid.locate(*asked).tolist(), strict=True):
        cosine = np.sin(np.radians(latitude)) * np.sin(np.radians(y)) + np.cos(np.radians(latitude)) * np.cos(
            np.radians(y)
        ) * np.cos(np.radians(longitude - x))
        assert cell == cosine.argmax()
    with pytest.raises(InvalidInputError, match="nearest"):
        grid.surroundings(0, 0)


def test_the_way_of_a_ship_is_no_grid():
    track = xr.Dataset(
        coords={
            "time": ("time", np.arange(5).astype("datetime64[h]").astype("datetime64[ns]")),
            "lat": ("time", np.arange(5.0), {"units": "degrees_north"}),
            "lon": ("time", np.arange(5.0), {"units": "degrees_east"}),
        }
    )
    with pytest.raises(InvalidInputError, match="no grid"):
        detect_grid(track)


@pytest.mark.parametrize(
    ("latitude", "count"), [([10, 20, 15], [4, 4, 4]), ([10, 0], [4, 0]), ([95, 0], [4, 4]), ([10], [4, 4])]
)
def test_rows_that_cannot_be_are_refused(latitude, count):
    with pytest.raises(ValueError, match="row"):
        ReducedGaussianGrid(np.array(latitude, float), np.array(count))


def test_a_regular_gaussian_grid_has_no_hole_at_the_poles():
    latitude, _ = octahedral(32)
    grid = RectilinearGrid(np.arange(0, 360, 2.8125), latitude, ("lat", "lon"))
    assert (grid.locate([0, 77, 180, -180], [90, -90, 89.99, -89.5]) >= 0).all()
    assert grid.bounds == (-180, -90, 180, 90)
    assert cell_areas(grid).sum() == pytest.approx(4 * np.pi, rel=1e-12)


# ecCodes stays in a process of its own: beside PROJ it makes processes crash when they end.
POINTS = """
import eccodes, numpy, sys
message = eccodes.codes_grib_new_from_samples(sys.argv[1])
if sys.argv[1] == "reduced_gg_pl_32_grib2":
    assert eccodes.codes_get(message, "gridType") == "reduced_gg"
numpy.savez(
    sys.argv[2],
    latitude=eccodes.codes_get_array(message, "latitudes"),
    longitude=eccodes.codes_get_array(message, "longitudes"),
    pl=eccodes.codes_get_array(message, "pl"),
)
"""


def test_the_classic_grid_n32_of_eccodes_is_recognised(tmp_path):
    pytest.importorskip("eccodeslib")
    file = tmp_path / "points.npz"
    subprocess.run(
        [sys.executable, "-c", POINTS, "reduced_gg_pl_32_grib2", str(file)], check=True, timeout=60
    )
    points = np.load(file)
    grid = detect_grid(
        xr.Dataset(
            coords={
                "latitude": ("values", points["latitude"], {"units": "degrees_north"}),
                "longitude": ("values", points["longitude"], {"units": "degrees_east"}),
            }
        )
    )
    assert isinstance(grid, ReducedGaussianGrid)
    assert grid.row_count.tolist() == points["pl"].tolist()
    cells = np.arange(grid.shape[0])
    assert np.array_equal(grid.locate(points["longitude"], points["latitude"]), cells)
