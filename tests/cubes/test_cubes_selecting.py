"""Cells in shapes: the same as asking every cell by itself, on every grid, at the poles and the date line."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.cubes import selecting
from geoscope.cubes.curvilinear import CurvilinearGrid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.selecting import (
    EARTH_RADIUS_M,
    cells_along_path,
    cells_in_box,
    cells_in_circles,
    cells_in_polygon,
    cells_near_path,
)
from geoscope.cubes.sphere import unit_vectors
from geoscope.errors import TooLargeError

REGULAR = RectilinearGrid(np.arange(0.5, 360, 3), np.arange(88.5, -90, -3), ("latitude", "longitude"))
TURNED = CurvilinearGrid(*np.meshgrid(np.arange(-178.5, 180, 3), np.arange(-88.5, 90, 3)), ("y", "x"))
HEALPIX = HealpixGrid(4)
GRIDS = pytest.mark.parametrize(
    "grid", [REGULAR, TURNED, HEALPIX], ids=["rectilinear", "curvilinear", "HEALPix"]
)

longitudes = st.floats(-180, 180)
latitudes = st.floats(-90, 90)
places = st.tuples(longitudes, latitudes)


def centres(grid):
    return grid.cell_centre(np.arange(np.prod(grid.shape)))


def angles(grid, longitude, latitude):
    """Return the angle of each cell from a place by another formula than the library's."""
    cosine = unit_vectors(*centres(grid)) @ unit_vectors(longitude, latitude)
    return np.arccos(np.clip(cosine, -1, 1))


@GRIDS
@given(place=places, radius=st.floats(1e3, 2e7))
@settings(deadline=None, max_examples=60)
def test_circle_holds_the_cells_that_are_near_enough(grid, place, radius):
    found = cells_in_circles(grid, *np.array([place]).T, radius)
    distance = angles(grid, *place) * EARTH_RADIUS_M
    sure = np.abs(distance - radius) > 1.0
    expected = distance <= radius
    got = np.isin(np.arange(len(distance)), found)
    assert np.array_equal(got[sure], expected[sure])


@GRIDS
def test_circles_that_overlap_hold_each_cell_once(grid):
    longitude, latitude = np.array([10.0, 14.0, -170.0]), np.array([50.0, 52.0, -80.0])
    found = cells_in_circles(grid, longitude, latitude, 2e6)
    alone = [
        cells_in_circles(grid, *place.T, 2e6) for place in np.column_stack([longitude, latitude])[:, None]
    ]
    assert np.array_equal(found, np.unique(np.concatenate(alone)))


def test_shapes_that_would_keep_a_processor_for_hours_are_refused(monkeypatch):
    grid = HealpixGrid(6)
    zigzag = np.tile([0.0, 90.0], 300), np.tile([-89.0, 89.0], 300)
    with pytest.raises(TooLargeError, match="places on this grid"):
        cells_near_path(grid, np.tile(zigzag[0], 100), np.tile(zigzag[1], 100), 1e4)
    monkeypatch.setattr(selecting, "MOST_LOOKED_AT", 10 * 12 * 4**6)
    with pytest.raises(TooLargeError, match="cells would have to be looked at for the corridor"):
        cells_near_path(grid, *zigzag, 8e6)
    with pytest.raises(TooLargeError, match="for the circles"):
        cells_in_circles(grid, *zigzag, 2e7)


@GRIDS
def test_circle_at_a_pole_and_over_the_date_line_is_round(grid):
    for longitude, latitude in ((0, 90), (0, -90), (180, 0), (-180, 60)):
        found = cells_in_circles(grid, np.array([longitude]), np.array([latitude]), 1_000_000)
        assert set(found) == set(np.flatnonzero(angles(grid, longitude, latitude) <= 1e6 / EARTH_RADIUS_M))
        assert len(found) > 4
    everything = cells_in_circles(grid, np.array([12.0]), np.array([34.0]), 1e12)
    assert len(everything) == np.prod(grid.shape)


@GRIDS
@given(west=longitudes, east=longitudes, south=latitudes, north=latitudes)
@settings(deadline=None, max_examples=60)
def test_box_holds_the_cells_between_its_edges(grid, west, east, south, north):
    south, north = sorted((south, north))
    longitude, latitude = centres(grid)
    inside = (
        (longitude >= west) & (longitude <= east)
        if west <= east
        else (longitude >= west) | (longitude <= east)
    )
    expected = np.flatnonzero(inside & (latitude >= south) & (latitude <= north))
    near_edge = np.minimum.reduce(
        [np.abs((longitude - edge + 180) % 360 - 180) for edge in (west, east)]
        + [np.abs(latitude - edge) for edge in (south, north)]
    )
    sure = np.flatnonzero(near_edge > 1e-6)
    found = cells_in_box(grid, west, south, east, north)
    assert set(found) & set(sure) == set(expected) & set(sure)


@GRIDS
def test_polygon_over_the_date_line_may_go_on_or_be_cut(grid):
    going_on = shapely.box(170, -20, 200, 20)
    cut = shapely.union(shapely.box(170, -20, 180, 20), shapely.box(-180, -20, -160, 20))
    found = cells_in_polygon(grid, going_on)
    assert np.array_equal(found, cells_in_polygon(grid, cut))
    assert np.array_equal(found, cells_in_box(grid, 170, -20, -160, 20))
    assert len(found) > 80


@GRIDS
@given(ring=st.lists(places, min_size=3, max_size=7))
@settings(deadline=None, max_examples=60)
def test_polygon_holds_the_centres_inside(grid, ring):
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid or polygon.area < 1:
        return
    longitude, latitude = centres(grid)
    # -180 and 180 degrees are the same meridian.
    turns = [shapely.covers(polygon, shapely.points(longitude + turn, latitude)) for turn in (0, 360)]
    expected = np.flatnonzero(np.logical_or(*turns))
    assert set(expected) == set(cells_in_polygon(grid, polygon))


@GRIDS
def test_polygon_without_a_centre_holds_nothing(grid):
    assert len(cells_in_polygon(grid, shapely.box(10.0, 10.0, 10.1, 10.1))) == 0


@GRIDS
@given(path=st.lists(places, min_size=2, max_size=5), distance=st.floats(1e5, 3e6))
@settings(deadline=None, max_examples=40)
def test_corridor_holds_the_cells_near_a_finely_walked_path(grid, path, distance):
    corners = unit_vectors(*np.array(path).T)
    if np.any(np.linalg.norm(corners[1:] + corners[:-1], axis=1) < 1.0):
        return  # nearly opposite points have hardly a shortest way
    steps = np.linspace(0, 1, 500)[:, None]
    walked = np.concatenate([a + steps * (b - a) for a, b in itertools.pairwise(corners)])
    walked /= np.linalg.norm(walked, axis=1, keepdims=True)
    cosine = (unit_vectors(*centres(grid)) @ walked.T).max(axis=1)
    nearest = np.arccos(np.clip(cosine, -1, 1)) * EARTH_RADIUS_M
    got = np.isin(np.arange(len(nearest)), cells_near_path(grid, *np.array(path).T, distance))
    sure = np.abs(nearest - distance) > 10_000
    assert np.array_equal(got[sure], (nearest <= distance)[sure])


@GRIDS
@given(path=st.lists(places, min_size=2, max_size=4))
@settings(deadline=None, max_examples=40)
def test_path_goes_through_neighbouring_cells_from_its_first_to_its_last(grid, path):
    corners = unit_vectors(*np.array(path).T)
    if np.any(np.linalg.norm(corners[1:] + corners[:-1], axis=1) < 1.0):
        return
    found = cells_along_path(grid, *np.array(path).T)
    assert found.cells[0] == grid.locate(*path[0])
    assert found.cells[-1] == grid.locate(*path[-1])
    assert np.all(np.diff(found.positions) > 0)
    assert np.all(found.cells[1:] != found.cells[:-1])
    vectors = unit_vectors(*grid.cell_centre(found.cells))
    assert np.all(np.linalg.norm(np.diff(vectors, axis=0), axis=1) < np.radians(2 * grid.cell_size))


@GRIDS
def test_path_over_the_pole_and_the_date_line_takes_the_short_way(grid):
    over_date_line = cells_along_path(grid, np.array([170.0, -170.0]), np.array([1.0, 1.0]))
    longitude, _ = grid.cell_centre(over_date_line.cells)
    assert np.all(np.abs(longitude) > 165)
    over_pole = cells_along_path(grid, np.array([0.2, -179.8]), np.array([80.0, 80.0]))
    _, latitude = grid.cell_centre(over_pole.cells)
    assert latitude.min() > 75
    assert latitude.max() > 90 - grid.cell_size


def test_path_that_is_too_long_for_its_grid_is_refused():
    fine = RectilinearGrid(np.arange(0, 1, 1e-4), np.arange(0, 1, 1e-4), ("latitude", "longitude"))
    with pytest.raises(TooLargeError, match="shorter"):
        cells_along_path(fine, np.tile([0.0, 179.0], 10), np.zeros(20))
