"""Thumbnails: a field in the platform's default colours, or a picture as it is."""

import io

import cmap
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The viewer's default, and its way to choose a range: the extremes are left to saturate.
COLORMAP = "crameri:batlow"
PERCENTILES = (2.0, 98.0)

LONGEST_SIDE = 512
MEDIA_TYPE = "image/webp"
QUALITY = 80


def picture_of_field(values: NDArray[np.floating]) -> bytes | None:
    """Draw a field, north up; what is not finite is transparent. None if all of it is.

    Parameters
    ----------
    values : ndarray of float, 2-D
        Rows from north to south.
    """
    known = np.isfinite(values)
    if not known.any():
        return None
    low, high = np.percentile(values[known], PERCENTILES)
    scaled = (np.where(known, values, low) - low) / ((high - low) or 1.0)
    colours = np.asarray(cmap.Colormap(COLORMAP)(np.clip(scaled, 0.0, 1.0)))
    return picture_of_bands(np.round(colours[..., :3] * 255).astype(np.uint8), known)


def picture_of_bands(colours: NDArray[np.uint8], known: NDArray[np.bool_]) -> bytes:
    """Encode red, green and blue of each pixel; what is not known is transparent.

    Parameters
    ----------
    colours : ndarray of uint8, shape (height, width, 3)
        Rows from north to south.
    known : ndarray of bool, shape (height, width)
        Where there is something to see.
    """
    alpha = np.where(known, 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.dstack([colours, alpha]), "RGBA")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()


def stretched(band: NDArray[np.floating], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a band of any range as shades 0..255."""
    if not known.any():
        return np.zeros(band.shape, np.uint8)
    low, high = np.percentile(band[known], PERCENTILES)
    scaled = (np.where(known, band, low) - low) / ((high - low) or 1.0)
    shades: NDArray[np.uint8] = (np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
    return shades
