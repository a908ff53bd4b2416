"""The footprint of a raster on the globe."""

import math

import antimeridian
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely.affinity import translate
from shapely.geometry import Polygon, mapping
from shapely.geometry.base import BaseGeometry

from geoscope.catalogue.publishing.descriptions import Json
from geoscope.errors import InvalidInputError

# A side is cut into this many pieces, so that it stays true where the projection bends it.
PIECES_A_SIDE = 24
DIGITS = 6
# Of the square root of the area: less than a pixel of a thumbnail.
TOLERANCE = 0.0005


def footprint(outline: BaseGeometry, crs: CRS) -> tuple[Json, list[float]]:
    """Return an outline on the globe: its GeoJSON geometry and its bbox, in degrees.

    Parameters
    ----------
    outline : shapely Polygon or MultiPolygon
        In the coordinates of `crs`, x before y.
    crs : pyproj.CRS
        A geographic or projected system.

    Raises
    ------
    InvalidInputError
        If it has no place on Earth.
    """
    parts = [part for polygon in shapely.get_parts(outline) for part in _on_globe(polygon, crs)]
    whole = shapely.set_precision(shapely.union_all(parts), 10.0**-DIGITS)
    if whole.is_empty or not isinstance(whole, (shapely.Polygon, shapely.MultiPolygon)):
        raise InvalidInputError("Its corners have no place on Earth in its coordinate reference system.")
    # Points that stand on a straight line say nothing.
    whole = shapely.orient_polygons(whole.simplify(math.sqrt(whole.area) * TOLERANCE))
    return mapping(whole), [round(float(edge), DIGITS) for edge in _bbox(whole)]


def _on_globe(polygon: Polygon, crs: CRS) -> list[BaseGeometry]:
    west, south, east, north = polygon.bounds
    fine = shapely.segmentize(polygon, max(east - west, north - south) / PIECES_A_SIDE or 1.0)
    transformer = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)

    def to_degrees(positions: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(positions[:, 0], positions[:, 1]))

    ring = to_degrees(shapely.get_coordinates(shapely.get_exterior_ring(fine)))
    ring = ring[np.isfinite(ring).all(axis=1)]
    if len(ring) < 4:
        return []
    if crs.is_geographic:
        return _degrees_on_globe(shapely.Polygon(ring))
    pole_inside = [_holds(fine, transformer, latitude) for latitude in (90.0, -90.0)]
    fixed = antimeridian.fix_polygon(
        shapely.Polygon(ring),
        force_north_pole=pole_inside[0],
        force_south_pole=pole_inside[1],
        fix_winding=None if any(pole_inside) else True,
        great_circle=False,
    )
    return [fixed if fixed.is_valid else shapely.make_valid(fixed)]


def _degrees_on_globe(polygon: Polygon) -> list[BaseGeometry]:
    """Bring degrees of any turn into -180..180, and cut them there."""
    west, south, east, north = polygon.bounds
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west >= 360.0 - 1e-6:
        return [shapely.box(-180.0, south, 180.0, north)]
    turned = []
    for turn in (-360.0, 0.0, 360.0):
        shifted = translate(polygon, turn)
        piece = shapely.intersection(shapely.make_valid(shifted), shapely.box(-180.0, -90.0, 180.0, 90.0))
        turned += [part for part in shapely.get_parts(piece) if part.area > 0]
    return turned


def _holds(polygon: Polygon, transformer: Transformer, latitude: float) -> bool:
    """Tell whether a polygon in projected coordinates holds a pole."""
    x, y = transformer.transform(0.0, latitude, direction="INVERSE")
    if not (np.isfinite(x) and np.isfinite(y)):
        return False
    back = transformer.transform(x, y)[1]
    return abs(back - latitude) < 1e-6 and bool(shapely.contains_xy(polygon, x, y))


def _bbox(geometry: BaseGeometry) -> tuple[float, float, float, float]:
    """Return the box; of parts that meet at the antimeridian, west is greater than east."""
    west, south, east, north = geometry.bounds
    boxes = [part.bounds for part in shapely.get_parts(geometry)]
    beyond = [box[2] for box in boxes if box[0] == -180.0]
    before = [box[0] for box in boxes if box[0] > -180.0]
    if west == -180.0 and east == 180.0 and beyond and before and min(before) > max(beyond):
        return min(before), south, max(beyond), north
    return west, south, east, north
