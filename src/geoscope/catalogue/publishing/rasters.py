"""Reading GeoTIFF: what it says of itself, and a picture. GDAL opens it as GeoTIFF or not at all."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import numpy as np
import rasterio
import rasterio.features
import rasterio.transform
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pystac.utils import datetime_to_str, str_to_datetime
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rio_stac.stac import get_eobands_info, get_projection_info, get_raster_info
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geoscope.catalogue.publishing.descriptions import Description, Json
from geoscope.catalogue.publishing.footprints import footprint
from geoscope.catalogue.publishing.pictures import LONGEST_SIDE, picture_of_bands, picture_of_field, stretched
from geoscope.errors import InvalidInputError

GEOTIFF = "image/tiff; application=geotiff"
COG = f"{GEOTIFF}; profile=cloud-optimized"

# Where no overview is small enough, to draw a picture would mean to read all of the file.
MOST_PIXELS_READ = 36_000_000
MOST_BANDS_DESCRIBED = 32
MASK_SIDE = 512
MOST_POSITIONS = 500
# Less than this share of missing pixels is no reason for a footprint of its own.
SMALL_SHARE = 0.01


def describe_raster(file: BinaryIO) -> Description:
    """Describe a GeoTIFF.

    Raises
    ------
    InvalidInputError
        If it has no coordinate reference system.
    """
    with _opened(file) as raster:
        geometry, bbox = footprint(_outline(raster), CRS.from_user_input(raster.crs))
        is_cheap = _pixels_to_read(raster) * min(raster.count, MOST_BANDS_DESCRIBED) <= MOST_PIXELS_READ
        bands: Json = {"eo:bands": get_eobands_info(raster)} if raster.count <= MOST_BANDS_DESCRIBED else {}
        if bands and is_cheap:
            # Statistics of bands without a single value are not numbers, and worth nothing.
            with suppress(ValueError, TypeError):
                bands["raster:bands"] = _finite(get_raster_info(raster, max_size=LONGEST_SIDE))
        cloud_cover = raster.get_tag_item("CLOUDCOVER", "IMAGERY")
        return Description(
            geometry=geometry,
            bbox=bbox,
            media_type=COG if raster.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG" else GEOTIFF,
            start=_instant(raster.get_tag_item("ACQUISITIONDATETIME", "IMAGERY")),
            end=_instant(raster.get_tag_item("ACQUISITIONDATETIME", "IMAGERY")),
            written=_instant(raster.tags().get("TIFFTAG_DATETIME")),
            properties=_projection(raster) | ({"eo:cloud_cover": float(cloud_cover)} if cloud_cover else {}),
            asset=bands,
            extensions=(
                "projection",
                *(["eo"] if bands else []),
                *(["raster"] if "raster:bands" in bands else []),
            ),
        )


def draw_raster(file: BinaryIO) -> bytes | None:
    """Draw a GeoTIFF from its overview: its own colours if it has three, its first band otherwise.

    None if no overview is small enough, or nothing is to be seen.
    """
    with _opened(file) as raster:
        if _pixels_to_read(raster) > MOST_PIXELS_READ:
            return None
        size = _reduced(raster, LONGEST_SIDE)
        known = raster.dataset_mask(out_shape=size) > 0
        meanings = raster.colorinterp
        wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        if all(colour in meanings for colour in wanted):
            bands = [raster.read(meanings.index(colour) + 1, out_shape=size) for colour in wanted]
            shades = [band if band.dtype == np.uint8 else stretched(band, known) for band in bands]
            return picture_of_bands(np.dstack(shades), known)
        first = raster.read(1, out_shape=size)
        if meanings[0] is ColorInterp.palette:
            palette = np.zeros((256, 3), np.uint8)
            for index, colour in raster.colormap(1).items():
                palette[index & 255] = colour[:3]
            return picture_of_bands(palette[first.astype(np.uint8)], known)
        return picture_of_field(np.where(known, first.real.astype(np.float64), np.nan))


@contextmanager
def _opened(file: BinaryIO) -> Iterator[DatasetReader]:
    # The list of drivers is what keeps a VRT from naming other files; sidecar files are switched off where
    # this process is started.
    with rasterio.open(file, driver="GTiff") as raster:
        points, points_crs = raster.gcps
        if points:
            transform = rasterio.transform.from_gcps(points)
            with WarpedVRT(raster, src_crs=points_crs, src_transform=transform) as placed:
                yield placed
        elif raster.crs is None:
            raise InvalidInputError(
                "It has no coordinate reference system.", "Write one, as with gdal_edit -a_srs."
            )
        else:
            yield raster


def _outline(raster: DatasetReader) -> BaseGeometry:
    """Return where the raster has data, in its own coordinates."""
    corners = [(0, 0), (raster.width, 0), (raster.width, raster.height), (0, raster.height)]
    whole = shapely.Polygon([raster.transform * corner for corner in corners])
    if _pixels_to_read(raster) > MOST_PIXELS_READ or not _may_miss_pixels(raster):
        return whole
    height, width = _reduced(raster, MASK_SIDE)
    mask: NDArray[np.uint8] = raster.dataset_mask(out_shape=(height, width))
    missing = float(np.mean(mask == 0))
    if missing < SMALL_SHARE or missing == 1.0:
        return whole
    scale = raster.transform * raster.transform.scale(raster.width / width, raster.height / height)
    known = rasterio.features.shapes(mask, mask=mask > 0, transform=scale)
    area = shapely.union_all([shape(outline) for outline, _ in known])
    pixel = math.sqrt(abs(scale.determinant))
    simple = shapely.make_valid(area.buffer(pixel).buffer(-pixel).simplify(1.5 * pixel))
    if simple.is_empty or shapely.get_num_coordinates(simple) > MOST_POSITIONS:
        return area.convex_hull
    return shapely.MultiPolygon(
        [
            shapely.Polygon(part.exterior)
            for part in shapely.get_parts(simple)
            if isinstance(part, shapely.Polygon)
        ]
    )


def _may_miss_pixels(raster: DatasetReader) -> bool:
    return any(MaskFlags.all_valid not in flags for flags in raster.mask_flag_enums)


def _reduced(raster: DatasetReader, side: int) -> tuple[int, int]:
    """Return height and width of a picture of the raster."""
    factor = max(raster.width, raster.height) / side
    if factor <= 1:
        return raster.height, raster.width
    return max(round(raster.height / factor), 1), max(round(raster.width / factor), 1)


def _pixels_to_read(raster: DatasetReader) -> float:
    """Return how many pixels of a band are read to make a small picture, by its overviews."""
    wanted = max(max(raster.width, raster.height) / LONGEST_SIDE, 1.0)
    usable = [factor for factor in raster.overviews(1) if factor <= wanted]
    return float(raster.width * raster.height / max(usable, default=1) ** 2)


def _projection(raster: DatasetReader) -> Json:
    """Return the members of the projection extension 2.0, which names a CRS `proj:code`."""
    found = {name: value for name, value in get_projection_info(raster).items() if value is not None}
    epsg = found.pop("epsg", None)
    found["code"] = f"EPSG:{epsg}" if epsg else None
    corners = [(0, 0), (0, raster.height), (raster.width, raster.height), (raster.width, 0), (0, 0)]
    found["geometry"] = {
        "type": "Polygon",
        "coordinates": [[list(raster.transform * each) for each in corners]],
    }
    if "wkt2" in found:
        found["wkt2"] = CRS.from_wkt(found["wkt2"]).to_wkt()
    return {f"proj:{name}": value for name, value in found.items()}


def _finite(bands: list[Json]) -> list[Json]:
    """Return bands as they are, if JSON can hold all of their numbers."""
    for band in bands:
        numbers = [*band["statistics"].values(), band["histogram"]["min"], band["histogram"]["max"]]
        known = band["statistics"]["valid_percent"] > 0
        if not known or not all(isinstance(each, (int, float)) and math.isfinite(each) for each in numbers):
            raise ValueError("a statistic is not a number")
    return bands


def _instant(text: str | None) -> str | None:
    """Return a time as RFC 3339, UTC where it does not say; None if it cannot be read."""
    if not text:
        return None
    # TIFF 6.0 writes YYYY:MM:DD HH:MM:SS.
    if text[4:5] == ":" and text[7:8] == ":":
        text = text[:10].replace(":", "-") + text[10:]
    try:
        return datetime_to_str(str_to_datetime(text))
    except ValueError:
        return None
