"""A quick look at items of the usual form, of which whole archives are made.

An item that looks plain is valid STAC for certain; of any other, the models of stac-pydantic and
geojson-pydantic have to tell, and they find the words for what is wrong. A bulk load would spend most of its
time on them.
"""

import re
import struct
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import shapely
from pydantic import AnyUrl, TypeAdapter, ValidationError

from geoscope.catalogue.areas import BBOX_TOLERANCE_DEGREES, Box, Footprint

_URL: TypeAdapter[AnyUrl] = TypeAdapter(AnyUrl)

# Read alike by everybody; the first and the last thousand years are left to others.
_PLAIN_TIME = re.compile(r"[1-8]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_VERSIONS = ("1.0.0", "1.1.0")
_TEXTS = ("title", "description", "license", "platform", "constellation", "mission")
_TIMES = ("created", "updated", "start_datetime", "end_datetime")

_TEXT_TYPES = frozenset({str})
_NUMBER_TYPES = frozenset({int, float})

_LITTLE_ENDIAN, _WKB_POLYGON = 1, 3


def is_plainly_valid(item: Mapping[str, Any]) -> bool:
    """Tell whether an item (JSON, parsed) is certainly valid; False: it may be, or may not.

    Of its id is known only that it is text.
    """
    return (
        item.get("type") == "Feature"
        and _is_text(item.get("id"))
        and item.get("stac_version") in _VERSIONS
        and _is_text(item.get("collection"))
        and _are_urls(item.get("stac_extensions"))
        and _is_box(item.get("bbox"))
        and _is_polygon(item.get("geometry"))
        and _are_properties(item.get("properties"))
        and _are_assets(item.get("assets"))
        and _are_links(item.get("links"))
    )


def plain_footprint(item: Mapping[str, Any]) -> Footprint | None:
    """Return where a plainly valid item is, or None if its geometry needs a closer look."""
    rings = item["geometry"]["coordinates"]
    longitudes, latitudes = zip(*rings[0], strict=True)
    bounds = Box(float(min(longitudes)), float(min(latitudes)), float(max(longitudes)), float(max(latitudes)))
    west, south, east, north = item["bbox"]
    margin = max(west - bounds.west, south - bounds.south, bounds.east - east, bounds.north - north)
    is_on_globe = west >= -180 and south >= -90 and east <= 180 and north <= 90
    if not is_on_globe or margin > BBOX_TOLERANCE_DEGREES or not _are_inside(bounds):
        return None
    wkb = _wkb(rings)
    if not shapely.is_valid(shapely.from_wkb(wkb)):
        return None
    return Footprint(bounds, None if _is_ring_of_box(rings, bounds) else wkb)


def _are_inside(bounds: Box) -> bool:
    return bounds.west >= -180 and bounds.south >= -90 and bounds.east <= 180 and bounds.north <= 90


def _is_ring_of_box(rings: list[list[list[float]]], bounds: Box) -> bool:
    west, south, east, north = bounds
    corners = {(west, south), (west, north), (east, south), (east, north)}
    return len(rings) == 1 and len(rings[0]) == 5 and set(map(tuple, rings[0])) == corners


def _wkb(rings: list[list[list[float]]]) -> bytes:
    """Write a polygon as well-known binary (OGC 06-103r4, section 8), as GEOS writes it."""
    parts = [struct.pack("<BII", _LITTLE_ENDIAN, _WKB_POLYGON, len(rings))]
    for ring in rings:
        numbers = [number for position in ring for number in position]
        parts.append(struct.pack(f"<I{len(numbers)}d", len(ring), *numbers))
    return b"".join(parts)


def _is_text(value: object) -> bool:
    return type(value) is str and value != ""


def _is_number(value: object) -> bool:
    return type(value) is float or type(value) is int


def _is_list_of_texts(value: object) -> bool:
    return type(value) is list and _TEXT_TYPES.issuperset(map(type, value))


def _are_urls(value: Any) -> bool:  # noqa: ANN401 (any JSON)
    return value is None or (_is_list_of_texts(value) and all(map(_is_url, value)))


@lru_cache(maxsize=1024)
def _is_url(text: str) -> bool:
    try:
        _URL.validate_python(text)
    except ValidationError:
        return False
    return True


def _is_box(value: object) -> bool:
    return (
        type(value) is list
        and len(value) == 4
        and all(map(_is_number, value))
        and value[0] <= value[2]
        and value[1] <= value[3]
    )


def _is_polygon(value: object) -> bool:
    if type(value) is not dict or value.keys() != {"type", "coordinates"} or value["type"] != "Polygon":
        return False
    rings = value["coordinates"]
    return type(rings) is list and rings != [] and all(map(_is_ring, rings))


def _is_ring(value: object) -> bool:
    return (
        type(value) is list
        and len(value) >= 4
        and all(type(each) is list and len(each) == 2 for each in value)
        and _NUMBER_TYPES.issuperset(map(type, chain.from_iterable(value)))
        and value[0] == value[-1]
    )


def _are_properties(value: object) -> bool:
    if type(value) is not dict or "datetime" not in value or value.get("providers") is not None:
        return False
    for name in _TEXTS:
        if value.get(name) is not None and type(value[name]) is not str:
            return False
    for name in _TIMES:
        if value.get(name) is not None and not _is_time(value[name]):
            return False
    instruments, gsd = value.get("instruments"), value.get("gsd")
    return (
        (instruments is None or _is_list_of_texts(instruments))
        and (gsd is None or (_is_number(gsd) and gsd > 0))
        and _are_times_complete(value)
    )


def _are_times_complete(properties: Mapping[str, Any]) -> bool:
    has_start = properties.get("start_datetime") is not None
    if has_start is not (properties.get("end_datetime") is not None):
        return False
    return has_start if properties["datetime"] is None else _is_time(properties["datetime"])


def _is_time(value: object) -> bool:
    return type(value) is str and _is_written_time(value)


@lru_cache(maxsize=4096)
def _is_written_time(text: str) -> bool:
    try:
        return _PLAIN_TIME.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


def _are_assets(value: object) -> bool:
    return type(value) is dict and all(map(_is_asset, value.values()))


def _is_asset(value: object) -> bool:
    if type(value) is not dict or not _is_text(value.get("href")):
        return False
    get = value.get
    for name in ("type", "title", "description"):
        if get(name) is not None and type(value[name]) is not str:
            return False
    return get("roles") is None or _is_list_of_texts(value["roles"])


def _are_links(value: object) -> bool:
    return type(value) is list and all(map(_is_link, value))


def _is_link(value: object) -> bool:
    if type(value) is not dict or not _is_text(value.get("href")) or not _is_text(value.get("rel")):
        return False
    return all(value.get(name) is None or type(value[name]) is str for name in ("type", "title"))
