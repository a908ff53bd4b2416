"""From a field and the cell of each pixel to a PNG with a palette."""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from geoscope.viewer.colormaps import COLOURS, TRANSPARENT
from geoscope.viewer.pixels import Pixels
from geoscope.viewer.style import Style

# Flat areas shrink at any level; a higher one costs more time than it saves bytes.
COMPRESS_LEVEL = 1

MARGIN = 12
BAR_HEIGHT = 14


def draw(field: NDArray[np.float32], cells: Pixels, style: Style) -> bytes:
    """Draw a field; pixels without a cell or with a missing value are transparent.

    Parameters
    ----------
    field : ndarray of float
        Values of all cells of the grid.
    cells : ndarray of int32, shape (height, width)
        The cell of each pixel, -1 for none.
    """
    outside = cells < 0
    if outside.all():
        return _transparent(*cells.shape)
    values = field.ravel()[np.where(outside, 0, cells)]
    missing = outside | ~np.isfinite(values)
    if missing.all():
        return _transparent(*cells.shape)
    # Each colour stands for an equal part of the range; what lies beyond takes the end's colour.
    scaled = (values - style.vmin) * (COLOURS / (style.vmax - style.vmin))
    index = np.clip(np.where(missing, 0, scaled), 0, COLOURS - 1).astype(np.uint8)
    index[missing] = TRANSPARENT
    return _png(index, style.colormap.palette())


def draw_legend(style: Style, width: int, height: int) -> bytes:
    """Draw a legend: title with unit, the colours, and the values at both ends and in the middle."""
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=13)
    unit = f" ({style.variable.unit})" if style.variable.unit else ""
    pen.text((MARGIN, 6), f"{style.title}{unit}", fill="#1a2430", font=font)
    bar = Image.fromarray(style.colormap.colours[None, :, :]).resize((width - 2 * MARGIN, BAR_HEIGHT))
    top = 28
    picture.paste(bar, (MARGIN, top))
    for fraction, anchor in ((0.0, "lt"), (0.5, "mt"), (1.0, "rt")):
        value = style.vmin + fraction * (style.vmax - style.vmin)
        place = (MARGIN + fraction * (width - 2 * MARGIN), top + BAR_HEIGHT + 5)
        pen.text(place, f"{value:.6g}", fill="#1a2430", font=font, anchor=anchor)
    return _encoded(picture)


@lru_cache(maxsize=8)
def _transparent(height: int, width: int) -> bytes:
    return _png(np.full((height, width), TRANSPARENT, np.uint8), bytes(3 * 256))


def _png(index: NDArray[np.uint8], palette: bytes) -> bytes:
    picture = Image.fromarray(index, "P")
    picture.putpalette(palette)
    return _encoded(picture, transparency=TRANSPARENT)


def _encoded(picture: Image.Image, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=COMPRESS_LEVEL, **options)
    return file.getvalue()
