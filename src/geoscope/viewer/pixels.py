"""Which cell of a grid every pixel of a tile or picture shows."""

from dataclasses import dataclass
from functools import lru_cache

import morecantile
import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.grid import Bounds, Grid
from geoscope.errors import NotFoundError

TILE_SIZE = 256
DEEPEST_ZOOM = 20
# A cell is then at least this many pixels wide at the deepest zoom that is worth asking for.
PIXELS_A_CELL = 8

# Tiles of a globe at its first zooms, of several cubes: 256 kB each.
KEPT_TILES = 256
KEPT_PICTURES = 16
LARGEST_KEPT_PICTURE = 1024 * 512

WEB_MERCATOR = morecantile.tms.get("WebMercatorQuad")
EARTH_RADIUS_M = 6_378_137.0  # of EPSG:3857

type Pixels = NDArray[np.int32]


@dataclass(frozen=True)
class Frame:
    """A picture in plate carrée: its box in degrees and its size in pixels."""

    bounds: Bounds
    width: int
    height: int


def degrees_of_pixel(z: int) -> float:
    """Return the width of a tile's pixel at the equator; a zoom that is none counts as the nearest."""
    return float(360.0 / (TILE_SIZE * 2.0 ** min(max(z, 0), DEEPEST_ZOOM)))


@lru_cache(maxsize=KEPT_TILES)
def cells_of_tile(grid: Grid, z: int, x: int, y: int) -> Pixels:
    """Return the cell of each pixel of a tile of the tile matrix set WebMercatorQuad, -1 for none.

    Returns
    -------
    ndarray of int32, shape (256, 256)
        From north to south, from west to east.

    Raises
    ------
    NotFoundError
        If there is no such tile.
    """
    if not (0 <= z <= DEEPEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(
            f"There is no tile {z}/{x}/{y}.",
            f"Expected z from 0 to {DEEPEST_ZOOM}, x and y from 0 to 2^z - 1.",
        )
    west, south, east, north = WEB_MERCATOR.xy_bounds(morecantile.Tile(x, y, z))
    longitude = np.degrees(_centres(west, east, TILE_SIZE) / EARTH_RADIUS_M)
    # Inverse of the spherical Mercator (EPSG method 1024).
    latitude = np.degrees(np.arctan(np.sinh(_centres(north, south, TILE_SIZE) / EARTH_RADIUS_M)))
    return grid.locate(longitude[None, :], latitude[:, None]).astype(np.int32)


def cells_of_picture(grid: Grid, frame: Frame) -> Pixels:
    """Return the cell of each pixel of a picture in plate carrée, -1 for none; north is up."""
    if frame.width * frame.height > LARGEST_KEPT_PICTURE:
        return _locate_picture(grid, frame)
    return _kept_picture(grid, frame)


def deepest_useful_zoom(grid: Grid) -> int:
    """Return the zoom from which on a client may as well enlarge tiles by itself."""
    pixels_round_the_earth = 360 / grid.cell_size * PIXELS_A_CELL
    return int(np.clip(np.ceil(np.log2(pixels_round_the_earth / TILE_SIZE)), 0, DEEPEST_ZOOM))


@lru_cache(maxsize=KEPT_PICTURES)
def _kept_picture(grid: Grid, frame: Frame) -> Pixels:
    return _locate_picture(grid, frame)


def _locate_picture(grid: Grid, frame: Frame) -> Pixels:
    west, south, east, north = frame.bounds
    longitude = _centres(west, east + 360 if east <= west else east, frame.width)
    latitude = _centres(north, south, frame.height)
    return grid.locate(longitude[None, :], latitude[:, None]).astype(np.int32)


def _centres(first: float, last: float, count: int) -> NDArray[np.float64]:
    """Return the centres of `count` equal parts."""
    step = (last - first) / count
    return first + step * (np.arange(count, dtype=np.float64) + 0.5)
