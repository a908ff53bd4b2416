"""Items as they arrive from other catalogues: made into items of this one, or refused.

Nothing of what arrives is trusted. What is only written differently is put right: times without an offset are
UTC, geometries reach over the antimeridian, boxes and links are made anew.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import shapely
from shapely.affinity import translate
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from geoscope.catalogue.documents import GEOJSON
from geoscope.catalogue.federation.collections import local_name
from geoscope.catalogue.models import ItemRecord
from geoscope.catalogue.placeholders import BASE
from geoscope.catalogue.records import item_record
from geoscope.errors import GeoscopeError, InvalidInputError

# What an asset or a link may point to; a `javascript:` or a `file:` may not reach anybody's browser.
SCHEMES = frozenset({"http", "https", "s3", "gs", "az", "abfs", "abfss", "ftp", "ftps", "sftp", "geoscope"})

MAX_LINKS = 1000

# As the Data Lake calls it.
ORDER_REL = "retrieve"

_KNOWN_VERSION = re.compile(r"1\.[01]\.\d+.*", re.ASCII)
_TIME_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?", re.ASCII)
_TIMES = ("datetime", "start_datetime", "end_datetime")
_STAMPS = ("created", "updated")

type Document = dict[str, Any]


def receive(
    sent: object, collection: str, backend: str, address: str | None = None, *, is_orderable: bool = False
) -> ItemRecord:
    """Make an item of a backend into an item of this catalogue.

    Parameters
    ----------
    sent
        What the backend gave.
    collection : str
        Id of its collection in this catalogue.
    backend : str
        Name of the backend.
    address : str, optional
        What relative addresses are relative to, where the item does not say its own address.
    is_orderable : bool
        Whether this platform orders the backend's products; otherwise an item cannot be ordered here, and
        nobody is led to order elsewhere with a token of this platform.

    Raises
    ------
    InvalidInputError
        If it is no item.
    """
    try:
        item = _put_right(sent, collection, backend, address)
        if is_orderable:
            item["links"] += _order_links(sent, collection)
        record = item_record(item, collection)
    except GeoscopeError as error:
        raise InvalidInputError(str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidInputError(f"The item cannot be read: {type(error).__name__}.") from error
    return replace(record, document=_as_stamped(record.document, item["properties"]))


def _put_right(sent: object, collection: str, backend: str, address: str | None) -> Document:
    if not isinstance(sent, Mapping) or not isinstance(sent.get("id"), str):
        raise InvalidInputError("It is no item: it has no id.")
    if not isinstance(sent.get("properties"), Mapping):
        raise InvalidInputError("It is no item: it has no properties.")
    base = _own_address(sent) or address
    item = dict(sent) | {
        "type": "Feature",
        "id": local_name(sent["id"]),
        "collection": collection,
        "properties": _properties(sent["properties"]) | {"federation:backends": [backend]},
        "assets": _assets(sent.get("assets"), base),
        "links": _links(sent.get("links"), base),
    }
    if item["id"] != sent["id"]:
        item["properties"]["federation:id"] = sent["id"]
    if not _KNOWN_VERSION.fullmatch(str(sent.get("stac_version"))):
        item["stac_version"] = "1.0.0"
    extensions = sent.get("stac_extensions")
    item["stac_extensions"] = (
        [address for address in extensions if isinstance(address, str) and address.startswith("http")]
        if isinstance(extensions, list)
        else []
    )
    return item | _place(sent.get("geometry"), sent.get("bbox"))


def _properties(sent: Mapping[str, Any]) -> Document:
    properties = dict(sent)
    for name in _TIMES:
        text = properties.get(name)
        if isinstance(text, str) and _TIME_WITHOUT_OFFSET.fullmatch(text):
            properties[name] = _with_offset(text)
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None or end is None:
        for name in ("start_datetime", "end_datetime"):
            properties.pop(name, None)
    if properties.get("datetime") is None:
        only = start or end
        properties["datetime"] = None if start and end else only
    return properties


def _with_offset(text: str) -> str:
    date, _, time = text.upper().replace(" ", "T").partition("T")
    return f"{date}T{time or '00:00:00'}{':00' if len(time) == len('00:00') else ''}Z"


def _place(geometry: object, bbox: object) -> Document:
    """Return geometry and box: the smallest one, unless a box says that it crosses the antimeridian."""
    if geometry is None:
        return {"geometry": None, "bbox": None}
    if not isinstance(geometry, Mapping):
        raise InvalidInputError("geometry: not an object.")
    found = shapely.force_2d(shape(dict(geometry)))
    if found.is_empty:
        return {"geometry": None, "bbox": None}
    west, south, east, north = found.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        found = _onto_globe(found)
        return {"geometry": mapping(found), "bbox": list(found.bounds)}
    if isinstance(bbox, list) and len(bbox) in (4, 6) and bbox[0] > bbox[len(bbox) // 2]:
        return {"geometry": geometry, "bbox": bbox}
    return {"geometry": geometry, "bbox": [west, south, east, north]}


def _onto_globe(geometry: BaseGeometry) -> BaseGeometry:
    """Bring back what lies beyond 180 degrees of longitude; latitudes beyond a pole are cut off."""
    west, _, east, _ = geometry.bounds
    if not (west >= -540 and east <= 540):
        raise InvalidInputError(f"geometry: longitudes reach over {west} to {east}.")
    valid = shapely.make_valid(geometry)
    parts = [
        translate(shapely.intersection(valid, shapely.box(shift - 180, -90, shift + 180, 90)), -shift)
        for shift in (-360, 0, 360)
    ]
    return shapely.union_all([part for part in parts if not part.is_empty])


def _assets(sent: object, base: str | None) -> Document:
    assets: Document = {}
    for name, asset in sent.items() if isinstance(sent, Mapping) else ():
        if isinstance(asset, Mapping) and (href := _address(asset.get("href"), base)):
            assets[str(name)] = dict(asset) | {"href": href}
    return assets


def _links(sent: object, base: str | None) -> list[Document]:
    links = []
    for link in sent[:MAX_LINKS] if isinstance(sent, list) else []:
        if isinstance(link, Mapping) and isinstance(link.get("rel"), str) and link["rel"] != ORDER_REL:
            href = _address(link.get("href"), base)
            if href:
                links.append(dict(link) | {"href": href})
    return links


def _order_links(sent: object, collection: str) -> list[Document]:
    """Return the link by which an item is ordered, if its backend says with which request."""
    links = sent.get("links") if isinstance(sent, Mapping) else None
    return [
        {
            "rel": ORDER_REL,
            "href": f"{BASE}/stac/v2/collections/{collection}/order",
            "type": GEOJSON,
            "method": "POST",
            "title": "Order",
            "body": link["body"],
        }
        for link in links or ()
        if link.get("rel") == ORDER_REL and isinstance(link.get("body"), Mapping)
    ]


def _address(href: object, base: str | None) -> str | None:
    """Return a whole address, or None where it is none or may not be followed."""
    if not isinstance(href, str) or not href.strip():
        return None
    try:
        whole = urljoin(base, href.strip()) if base else href.strip()
        return whole if urlsplit(whole).scheme.lower() in SCHEMES else None
    except ValueError:
        return None


def _as_stamped(document: bytes, properties: Document) -> bytes:
    """Take out the times at which the item would have been stored here: it is not."""
    item = orjson.loads(document)
    for name in _STAMPS:
        if properties.get(name) is None:
            item["properties"].pop(name, None)
    return orjson.dumps(item)


def _own_address(item: Mapping[str, Any]) -> str | None:
    links = item.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("rel") == "self":
            href = link.get("href")
            return href if isinstance(href, str) and href.startswith(("http://", "https://")) else None
    return None
