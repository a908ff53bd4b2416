"""The cells of a grid whose centres lie in a box, a polygon, a circle or a corridor, and those along a path.

Any grid will do. Places are degrees (CRS84) on the sphere. Sides of boxes and polygons are straight in
longitude and latitude, as in well-known text; circles and paths are measured on the sphere, so that poles and
the date line are nothing special. Answers are in ascending order, but for paths.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoscope.cubes.grid import OUTSIDE, Cells, Degrees, Grid
from geoscope.cubes.longitudes import wrap
from geoscope.cubes.sphere import unit_vectors
from geoscope.errors import TooLargeError

# Mean radius of the Earth (IUGG), in metres.
EARTH_RADIUS_M = 6_371_008.8
FARTHEST_M = math.pi * EARTH_RADIUS_M

# Places along a path that are looked up, four a cell.
MOST_PLACES = 2_000_000
_PLACES_A_CELL = 4
# Pieces of a path that a corridor is made of, one after the other.
MOST_PIECES = 200_000
# Cells whose distance is computed for one selection: more than the finest twins have.
MOST_LOOKED_AT = 60_000_000
# Longest piece of a path that a corridor is made of, in degrees.
_LONGEST_PIECE = 5.0
# What rounding may cost a place that lies on an edge, in degrees.
_ROUNDING = 1e-9
_CELLS_AT_ONCE = 1_000_000
# Parts of a polygon that are looked for one by one.
_MOST_PARTS = 16


@runtime_checkable
class FindsCellsInBoxes(Protocol):
    """A grid that finds the cells of a box without looking at every cell."""

    def cells_in_box(self, west: float, south: float, east: float, north: float) -> Cells:
        """Return the cells whose centres lie in a box: `west` in -180..180, up to 360 degrees wide."""


@dataclass(frozen=True)
class CellsAlongPath:
    """The cells that a path goes through, in its order; a cell comes as often as it is entered.

    Attributes
    ----------
    cells : ndarray of int64, shape (n,)
        Never outside the grid.
    positions : ndarray of float64, shape (n,)
        Where along the path the middle of the way through each cell is: 1.5 is halfway from the second to
        the third point.
    """

    cells: Cells
    positions: NDArray[np.float64]


def cells_in_box(grid: Grid, west: float, south: float, east: float, north: float) -> Cells:
    """Return the cells whose centres lie in a box, edges included.

    Parameters
    ----------
    grid : Grid
        Any grid.
    west, south, east, north : float
        Degrees; longitudes of any turn. A box with `west` > `east` crosses the date line.
    """
    width = east - west if east >= west else east - west + 360.0
    first = float(wrap(west))
    last = first + min(width, 360.0)
    if isinstance(grid, FindsCellsInBoxes):
        return grid.cells_in_box(first, south, last, north)
    longitude, latitude = _centres(grid)
    offset = (longitude - first + _ROUNDING) % 360.0
    return np.flatnonzero(
        (latitude >= south - _ROUNDING)
        & (latitude <= north + _ROUNDING)
        & (offset <= last - first + 2 * _ROUNDING)
    )


def cells_in_polygon(grid: Grid, polygon: shapely.Polygon | shapely.MultiPolygon) -> Cells:
    """Return the cells whose centres lie in a polygon, or on its edge.

    Parameters
    ----------
    grid : Grid
        Any grid.
    polygon : shapely Polygon or MultiPolygon
        Degrees, longitudes in -180..540: one that crosses the date line goes on beyond 180, or is cut there.
    """
    # A country with islands overseas has a box as large as an ocean: its parts have small ones.
    pieces = shapely.get_parts(polygon)
    parts = [_cells_in_part(grid, part) for part in (pieces if len(pieces) <= _MOST_PARTS else [polygon])]
    return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))


def _cells_in_part(grid: Grid, polygon: shapely.Polygon | shapely.MultiPolygon) -> Cells:
    west, south, east, north = polygon.bounds
    # A little wider, as what lies on the very edge is found exactly below.
    more = 1e-6
    candidates = cells_in_box(
        grid, west - more, south - more, min(east + more, west - more + 360.0), north + more
    )
    shapely.prepare(polygon)
    turns = [turn for turn in (-360.0, 0.0, 360.0) if west <= 180.0 + turn and east >= -180.0 + turn]
    found = [np.empty(0, np.int64)]
    for start in range(0, len(candidates), _CELLS_AT_ONCE):
        part = candidates[start : start + _CELLS_AT_ONCE]
        longitude, latitude = grid.cell_centre(part)
        inside = [shapely.intersects_xy(polygon, longitude + turn, latitude) for turn in turns]
        found.append(part[np.logical_or.reduce(inside)])
    return np.concatenate(found)


def cells_in_circles(grid: Grid, longitude: Degrees, latitude: Degrees, radius_m: float) -> Cells:
    """Return the cells whose centres are no farther from any of some places than a radius in metres.

    Parameters
    ----------
    grid : Grid
        Any grid.
    longitude, latitude : ndarray of float, shape (n,)
        The places.

    Raises
    ------
    TooLargeError
        If sixty million cells would have to be looked at.
    """
    angle = min(radius_m / EARTH_RADIUS_M, math.pi)
    found, looked_at = np.zeros(math.prod(grid.shape), bool), 0
    for east, north in zip(longitude.tolist(), latitude.tolist(), strict=True):
        candidates = cells_in_box(grid, *_box_around(east, north, angle))
        looked_at = _added(looked_at, grid, candidates, "circles")
        centre = unit_vectors(east, north)
        found[candidates[_within(unit_vectors(*grid.cell_centre(candidates)), centre, angle)]] = True
    return np.flatnonzero(found)


def cells_near_path(grid: Grid, longitude: Degrees, latitude: Degrees, distance_m: float) -> Cells:
    """Return the cells whose centres are no farther from a path than a distance in metres.

    Parameters
    ----------
    grid : Grid
        Any grid.
    longitude, latitude : ndarray of float, shape (n,)
        The path's points, two at least; between them it takes the shortest way.

    Raises
    ------
    TooLargeError
        If it is so long that it has 200,000 pieces, or sixty million cells would have to be looked at.
    """
    angle = min(distance_m / EARTH_RADIUS_M, math.pi)
    step = max(math.degrees(angle), grid.cell_size, 0.01)
    path, _ = _refined(longitude, latitude, step, MOST_PIECES)
    starts, ends = path[:-1], path[1:]
    middles = _normalized(starts + ends)
    reach = angle + np.arccos(np.clip(np.sum(starts * middles, axis=1), -1, 1))
    chords = _chord(reach)
    found = np.zeros(math.prod(grid.shape), bool)
    for first, last, candidates in _boxes_along(grid, path, angle):
        vectors = unit_vectors(*grid.cell_centre(candidates))
        tree = cKDTree(vectors)
        near = found[candidates]
        for arc in range(first, last):
            members = np.array(tree.query_ball_point(middles[arc], chords[arc]), np.int64)
            members = members[~near[members]]
            near[members[_is_near_arc(vectors[members], starts[arc], ends[arc], angle)]] = True
        found[candidates] = near
    return np.flatnonzero(found)


def cells_along_path(grid: Grid, longitude: Degrees, latitude: Degrees) -> CellsAlongPath:
    """Return the cells that a path goes through; parts of it outside the grid are left out.

    Parameters
    ----------
    grid : Grid
        Any grid.
    longitude, latitude : ndarray of float, shape (n,)
        The path's points; between them it takes the shortest way.

    Raises
    ------
    TooLargeError
        If the path is so long that two million places would have to be looked up.
    """
    vectors, positions = _refined(longitude, latitude, grid.cell_size / _PLACES_A_CELL, MOST_PLACES)
    east, north = _places(vectors)
    # A corner may lie on the edge of a cell: there no digit may be lost.
    corners = positions == np.floor(positions)
    which = positions[corners].astype(np.int64)
    east[corners], north[corners] = np.asarray(longitude)[which], np.asarray(latitude)[which]
    cells = grid.locate(east, north)
    entries = np.flatnonzero(np.append(True, cells[1:] != cells[:-1]))
    ends = np.append(entries[1:], len(cells)) - 1
    inside = cells[entries] != OUTSIDE
    middles = (positions[entries] + positions[ends]) / 2
    return CellsAlongPath(cells[entries][inside], middles[inside])


def path_length_m(longitude: Degrees, latitude: Degrees) -> float:
    """Return how long a path is, in metres."""
    vectors = unit_vectors(longitude, latitude)
    return float(np.sum(_angles(vectors[:-1], vectors[1:])) * EARTH_RADIUS_M)


@lru_cache(maxsize=8)
def _centres(grid: Grid) -> tuple[Degrees, Degrees]:
    return grid.cell_centre(np.arange(math.prod(grid.shape)))


def _box_around(longitude: float, latitude: float, angle: float) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a circle; all longitudes if it holds a pole."""
    reach = math.degrees(angle)
    south, north = latitude - reach, latitude + reach
    if south <= -90.0 or north >= 90.0:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    half = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude)))))
    return longitude - half - _ROUNDING, south, longitude + half + _ROUNDING, north


def _boxes_along(grid: Grid, path: NDArray[np.float64], angle: float) -> Iterator[tuple[int, int, Cells]]:
    """Yield the cells around pieces of a path, and their ends: a whole one may have the Earth as its box."""
    longitude, latitude = _places(path)
    steps = np.cumsum(_angles(path[:-1], path[1:]))
    piece = math.radians(_LONGEST_PIECE) + angle
    cuts = np.flatnonzero(np.diff(np.floor(steps / piece))) + 1
    edges = [0, *cuts.tolist(), len(path) - 1]
    looked_at = 0
    for first, last in itertools.pairwise(edges):
        middle = (first + last) // 2
        reach = float(_angles(path[first : last + 1], path[middle]).max()) + angle
        box = cells_in_box(grid, *_box_around(float(longitude[middle]), float(latitude[middle]), reach))
        looked_at = _added(looked_at, grid, box, "corridor")
        if len(box):
            yield first, last, box


def _added(looked_at: int, grid: Grid, candidates: Cells, what: str) -> int:
    """Count the cells that a selection looks at: many large shapes could keep a processor for hours."""
    looked_at += len(candidates) if isinstance(grid, FindsCellsInBoxes) else math.prod(grid.shape)
    if looked_at > MOST_LOOKED_AT:
        raise TooLargeError(
            f"More than {MOST_LOOKED_AT:,} cells would have to be looked at for the {what}.",
            "Ask for fewer or smaller ones.",
        )
    return looked_at


def _refined(
    longitude: Degrees, latitude: Degrees, step_degrees: float, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a path (n, 3) whose points are no farther apart than a step, and where they lie along it."""
    corners = unit_vectors(longitude, latitude)
    angles = _angles(corners[:-1], corners[1:])
    counts = np.maximum(np.ceil(np.degrees(angles) / step_degrees), 1).astype(np.int64)
    if counts.sum() > most:
        raise TooLargeError(
            f"The path has {int(counts.sum()):,} places on this grid; {most:,} can be looked up.",
            "Ask for a shorter one.",
        )
    which = np.repeat(np.arange(len(counts)), counts)
    fraction = (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[which]
    angle = angles[which]
    # Spherical interpolation; for neighbours that coincide the first is as good.
    sine = np.where(np.sin(angle) > 1e-12, np.sin(angle), 1.0)
    straight = np.sin(angle) <= 1e-12
    begin = np.where(straight, 1.0, np.sin((1 - fraction) * angle) / sine)
    end = np.where(straight, 0.0, np.sin(fraction * angle) / sine)
    vectors = begin[:, None] * corners[which] + end[:, None] * corners[which + 1]
    positions = np.append(which + fraction, float(len(counts)))
    return np.concatenate([vectors, corners[-1:]]), positions


def _is_near_arc(
    vectors: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64], angle: float
) -> NDArray[np.bool_]:
    """Tell which places are no farther than an angle from the shorter arc between two others."""
    near = _within(vectors, start, angle) | _within(vectors, end, angle)
    normal = np.cross(start, end)
    length = float(np.linalg.norm(normal))
    if length < 1e-15:
        return near
    normal /= length
    beside = np.abs(np.arcsin(np.clip(vectors @ normal, -1, 1))) <= angle
    between = (np.cross(normal, start) @ vectors.T >= 0) & (np.cross(normal, end) @ vectors.T <= 0)
    return near | (beside & between)


def _within(vectors: NDArray[np.float64], place: NDArray[np.float64], angle: float) -> NDArray[np.bool_]:
    distance = np.linalg.norm(vectors - place, axis=-1)
    return np.asarray(distance <= _chord(angle) + math.radians(_ROUNDING))


def _chord(angle: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(2 * np.sin(np.minimum(angle, math.pi) / 2))


def _angles(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    chord = np.linalg.norm(some - others, axis=-1)
    return np.asarray(2 * np.arcsin(np.clip(chord / 2, 0.0, 1.0)))


def _normalized(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-15))


def _places(vectors: NDArray[np.float64]) -> tuple[Degrees, Degrees]:
    longitude = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0]))
    return longitude, np.degrees(np.arcsin(np.clip(vectors[..., 2], -1, 1)))
