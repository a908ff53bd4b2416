"""The true extent of grids whose cells do not follow parallels and meridians."""

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Bounds, Grid
from geoscope.cubes.longitudes import covering_arc
from geoscope.cubes.sphere import angle_degrees, unit_vectors

POINTS_A_SIDE = 24


def bounds_of_cells(grid: Grid) -> tuple[Bounds, float]:
    """Return the box around the cells of a two-dimensional grid, and the cells' median size in degrees.

    A pole inside the grid is part of the box, which then goes all the way round.
    """
    longitude, latitude = grid.cell_centre(np.arange(np.prod(grid.shape)))
    placed = np.isfinite(longitude)
    vectors = unit_vectors(longitude, latitude).reshape(*grid.shape, 3)
    neighbours = [angle_degrees(np.diff(vectors, axis=axis)).ravel() for axis in (0, 1)]
    steps = np.concatenate(neighbours)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    cell = float(np.median(steps)) if steps.size else 1.0

    south = max(float(latitude[placed].min()) - cell / 2, -90.0)
    north = min(float(latitude[placed].max()) + cell / 2, 90.0)
    holds_south_pole, holds_north_pole = (grid.locate([0.0, 0.0], [-90.0, 90.0]) >= 0).tolist()
    if holds_south_pole or holds_north_pole:
        west, east = -180.0, 180.0
        south = -90.0 if holds_south_pole else south
        north = 90.0 if holds_north_pole else north
    else:
        parallel_cell = cell / max(float(np.cos(np.radians(np.abs(latitude[placed]).max()))), 0.01)
        west, east = covering_arc(longitude[placed], min(parallel_cell, 15.0))
    return Bounds(west, south, east, north), cell


def grid_outline(
    grid: Grid, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Thin a ring of places around a grid; None if it is no simple polygon in degrees.

    That is so when the grid goes all the way round, crosses 180 degrees, or its edge has no place on Earth.
    """
    bounds = grid.bounds
    goes_round = bounds.west == -180.0 and bounds.east == 180.0
    if goes_round or bounds.west > bounds.east or not np.all(np.isfinite(longitude)):
        return None
    every = max(len(longitude) // (4 * POINTS_A_SIDE), 1)
    ring = np.column_stack([longitude, latitude])[::every]
    ring = np.vstack([ring, ring[:1]])
    # Twice the signed area (shoelace formula): GeoJSON wants exterior rings counter-clockwise.
    area = np.sum(ring[:-1, 0] * ring[1:, 1] - ring[1:, 0] * ring[:-1, 1])
    return ring if area > 0 else ring[::-1]
