"""A quick look at items of the usual form, of which whole archives are made.

An item that looks plain is valid STAC for certain; of any other, the models of stac-pydantic and
geojson-pydantic have to tell, and they find the words for what is wrong. A bulk load would spend most of its
time on them.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Literal

import msgspec
import shapely
from msgspec import Meta, Struct
from pydantic import AnyUrl, TypeAdapter, ValidationError

from geoscope.catalogue.areas import BBOX_TOLERANCE_DEGREES, Box, Footprint
from geoscope.catalogue.datetimes import plain_instant

type _Text = Annotated[str, Meta(min_length=1)]
type _Position = tuple[float, float]
type _Ring = Annotated[list[_Position], Meta(min_length=4)]

_URL: TypeAdapter[AnyUrl] = TypeAdapter(AnyUrl)

# Square degrees; what is rounded off of a product of two longitudes is far smaller.
_CLEAR_TURN = 1e-8

_LITTLE_ENDIAN, _WKB_POLYGON = 1, 3


class _Polygon(Struct, forbid_unknown_fields=True):
    type: Literal["Polygon"]
    coordinates: Annotated[list[_Ring], Meta(min_length=1)]


class _Properties(Struct):
    datetime: str | None
    created: str | None = None
    updated: str | None = None
    start_datetime: str | None = None
    end_datetime: str | None = None
    title: str | None = None
    description: str | None = None
    license: str | None = None
    platform: str | None = None
    constellation: str | None = None
    mission: str | None = None
    instruments: list[str] | None = None
    gsd: Annotated[float, Meta(gt=0)] | None = None
    providers: None = None


class _Asset(Struct):
    href: _Text
    type: str | None = None
    title: str | None = None
    description: str | None = None
    roles: list[str] | None = None


class _Link(Struct):
    href: _Text
    rel: _Text
    type: str | None = None
    title: str | None = None


class PlainItem(Struct):
    """What has been looked at of a plain item; of its id is known only that it is text."""

    type: Literal["Feature"]
    stac_version: Literal["1.0.0", "1.1.0"]
    id: _Text
    collection: _Text
    geometry: _Polygon
    bbox: tuple[float, float, float, float]
    properties: _Properties
    assets: dict[str, _Asset]
    links: list[_Link]
    stac_extensions: list[str] | None = None

    def footprint(self) -> Footprint | None:
        """Return where it is, or None if its geometry needs a closer look."""
        rings = self.geometry.coordinates
        longitudes, latitudes = zip(*rings[0], strict=True)
        bounds = Box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))
        west, south, east, north = self.bbox
        margin = max(west - bounds.west, south - bounds.south, bounds.east - east, bounds.north - north)
        if not _is_on_globe(self.bbox) or margin > BBOX_TOLERANCE_DEGREES or not _is_on_globe(bounds):
            return None
        wkb = _wkb(rings)
        if not _is_convex_quadrangle(rings) and not shapely.is_valid(shapely.from_wkb(wkb)):
            return None
        return Footprint(bounds, None if _is_ring_of_box(rings, bounds) else wkb)


def plain_item(item: Mapping[str, Any]) -> PlainItem | None:
    """Return an item (JSON, parsed) if it is certainly valid; None: it may be, or may not."""
    try:
        plain = msgspec.convert(item, PlainItem)
    except msgspec.ValidationError:
        return None
    west, south, east, north = plain.bbox
    is_plain = (
        west <= east
        and south <= north
        and all(ring[0] == ring[-1] for ring in plain.geometry.coordinates)
        and all(map(_is_url, plain.stac_extensions or ()))
        and _has_plain_times(plain.properties)
    )
    return plain if is_plain else None


def _has_plain_times(properties: _Properties) -> bool:
    start, end = properties.start_datetime, properties.end_datetime
    if (start is None) is not (end is None) or (start is None and properties.datetime is None):
        return False
    for time in (properties.datetime, start, end, properties.created, properties.updated):
        if time is not None and not _is_plain_time(time):
            return False
    return True


@lru_cache(maxsize=1024)
def _is_url(text: str) -> bool:
    try:
        _URL.validate_python(text)
    except ValidationError:
        return False
    return True


def _is_plain_time(text: str) -> bool:
    """Tell whether a time is one for everybody; the first and the last thousand years are left to others."""
    return "1" <= text[:1] <= "8" and plain_instant(text) is not None


def _is_on_globe(box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = box
    return west >= -180 and south >= -90 and east <= 180 and north <= 90


def _is_convex_quadrangle(rings: list[list[_Position]]) -> bool:
    """Tell whether a polygon has four corners, and clearly turns the same way at each: so it is valid.

    Four turns of less than 180 degrees each make one turn of 360, never two: the ring cannot cross itself.
    """
    if len(rings) != 1 or len(rings[0]) != 5:
        return False
    (x1, y1), (x2, y2), (x3, y3), (x4, y4), _ = rings[0]
    turns = (
        (x2 - x1) * (y3 - y2) - (y2 - y1) * (x3 - x2),
        (x3 - x2) * (y4 - y3) - (y3 - y2) * (x4 - x3),
        (x4 - x3) * (y1 - y4) - (y4 - y3) * (x1 - x4),
        (x1 - x4) * (y2 - y1) - (y1 - y4) * (x2 - x1),
    )
    return min(turns) > _CLEAR_TURN or max(turns) < -_CLEAR_TURN


def _is_ring_of_box(rings: list[list[_Position]], bounds: Box) -> bool:
    west, south, east, north = bounds
    corners = {(west, south), (west, north), (east, south), (east, north)}
    return len(rings) == 1 and len(rings[0]) == 5 and set(rings[0]) == corners


def _wkb(rings: list[list[_Position]]) -> bytes:
    """Write a polygon as well-known binary (OGC 06-103r4, section 8), as GEOS writes it."""
    parts = [struct.pack("<BII", _LITTLE_ENDIAN, _WKB_POLYGON, len(rings))]
    for ring in rings:
        numbers = chain.from_iterable(ring)
        parts.append(struct.pack(f"<I{2 * len(ring)}d", len(ring), *numbers))
    return b"".join(parts)
