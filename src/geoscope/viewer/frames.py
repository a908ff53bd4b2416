"""The box and size of a picture, as asked for."""

from geoscope.cubes.grid import Bounds
from geoscope.errors import InvalidInputError
from geoscope.viewer.pixels import Frame

LARGEST_SIDE = 2048
DEFAULT_WIDTH = 1024
EXPECTED = "Expected west,south,east,north in degrees, such as -10,35,30,60."


def read_bounds(text: str) -> Bounds:
    """Read a bbox; `west` > `east` goes across 180 degrees.

    Raises
    ------
    InvalidInputError
        If it is no box on Earth.
    """
    try:
        west, south, east, north = (float(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidInputError(f"bbox={text[:80]!r} cannot be read.", EXPECTED) from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise InvalidInputError(f"bbox={text[:80]!r} is no box on Earth.", EXPECTED)
    return Bounds(west, south, east, north)


def choose_frame(extent: Bounds, asked: Bounds | None, width: int | None, height: int | None) -> Frame:
    """Choose the box and the size of a picture.

    Parameters
    ----------
    extent : Bounds
        Of the data.
    asked : Bounds or None
        The box that was asked for: it fills the picture. Without it the whole extent is shown, with a margin
        where the picture has another shape.
    width, height : int or None
        In pixels; a side that is left out makes a degree square.
    """
    bounds = asked or extent
    degrees_wide, degrees_high = (bounds.east - bounds.west) % 360 or 360.0, bounds.north - bounds.south
    aspect = degrees_wide / degrees_high
    if width is None and height is None:
        width = min(DEFAULT_WIDTH, max(1, round(LARGEST_SIDE * aspect)))
    width = width or min(max(round((height or 1) * aspect), 1), LARGEST_SIDE)
    height = height or min(max(round(width / aspect), 1), LARGEST_SIDE)
    if asked is None:
        bounds = _with_margin(bounds, degrees_wide, degrees_high, width / height)
    return Frame(bounds, width, height)


def _with_margin(bounds: Bounds, degrees_wide: float, degrees_high: float, aspect: float) -> Bounds:
    """Widen a box about its middle to an aspect ratio; there are no more than 360 by 180 degrees."""
    extra_wide = min(max(degrees_high * aspect, degrees_wide), 360.0) - degrees_wide
    extra_high = max(degrees_wide / aspect, degrees_high) - degrees_high
    south = bounds.south - extra_high / 2
    return Bounds(
        bounds.west - extra_wide / 2, south, bounds.east + extra_wide / 2, south + degrees_high + extra_high
    )
