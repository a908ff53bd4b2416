"""Collections and items as they are sent in: checked, completed, and made into records for a store."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from shapely.errors import ShapelyError
from shapely.geometry import shape
from stac_pydantic.collection import Collection
from stac_pydantic.item import Item

from geoscope.catalogue.announcing import withdraw
from geoscope.catalogue.areas import footprint_of, parse_bbox
from geoscope.catalogue.datetimes import EARLIEST_US, LATEST_US, Interval, parse_instant
from geoscope.catalogue.documents import GENERATED_RELS
from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.plain_items import plain_item
from geoscope.catalogue.words import collection_text, item_text
from geoscope.errors import InvalidInputError, TooLargeError

STAC_VERSION = "1.1.0"
MAX_DOCUMENT_BYTES = 1024**2
MAX_ID_CHARACTERS = 256

# Which members of the federation serve an item, or the items of a collection (STAC Federation extension).
BACKENDS = "federation:backends"
OWN_BACKEND = "geoscope"

# A collection can have so many properties indexed that others have not.
MAX_INDEXED = 30
MAX_INDEXED_CHARACTERS = 200

_ID = re.compile(r"[A-Za-z0-9._~:-]+", re.ASCII)
_SERVED_VERSIONS = re.compile(r"1\.[01]\.\d+(-[0-9A-Za-z.-]+)?", re.ASCII)

# Members in the order in which STAC's own examples have them; all others follow, links come last.
_FIRST_MEMBERS = (
    "type",
    "stac_version",
    "stac_extensions",
    "id",
    "collection",
    "title",
    "description",
    "geometry",
    "bbox",
    "properties",
)

type Document = dict[str, Any]


def parse_document(body: bytes) -> Document:
    """Read a body that must be a JSON object.

    Raises
    ------
    InvalidInputError
        If it is not.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise InvalidInputError("The body is not a JSON object.")
    return document


def item_record(sent: Mapping[str, Any], collection: str, previous: bytes | None = None) -> ItemRecord:
    """Check an item and make it ready to be stored.

    Parameters
    ----------
    sent : mapping
        The item; type, version, collection, links, assets, `created` and `updated` may be left out.
    collection : str
        The collection that it is sent to.
    previous : bytes, optional
        The stored item that it replaces.

    Raises
    ------
    InvalidInputError
        Naming the members that are wrong.
    TooLargeError
        If the item is larger than `MAX_DOCUMENT_BYTES`.
    """
    defaults = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "collection": collection,
        "assets": {},
        "links": [],
    }
    item = {**defaults, **sent}
    plain = plain_item(item)
    if plain is None:
        _check(Item, item, "item")
    _check_version_and_id(item)
    item["properties"] = _with_backends(item["properties"], "properties")
    withdraw(item, item["properties"])
    if item["collection"] != collection:
        raise InvalidInputError(f"collection: {item['collection']!r} is not {collection!r} of the path.")
    if item["geometry"] is None and item.get("bbox") is not None:
        raise InvalidInputError("bbox: given without a geometry.", "Leave out bbox where geometry is null.")
    footprint = plain.footprint() if plain is not None else None
    if footprint is None and item["geometry"] is not None:
        footprint = footprint_of(item["geometry"], item["bbox"])
    return ItemRecord(
        collection=collection,
        id=item["id"],
        time=_item_time(item["properties"]),
        footprint=footprint,
        text=item_text(item),
        document=_stored(item, previous, "properties"),
        properties=item["properties"],
    )


def collection_record(sent: Mapping[str, Any], previous: bytes | None = None) -> CollectionRecord:
    """Check a collection and make it ready to be stored; parameters and errors as of `item_record`.

    The policy that it announces counts for a new one alone: who sends a document again may not know of the
    policy of now.
    """
    collection = {"type": "Collection", "stac_version": STAC_VERSION, "links": [], **sent}
    _check(Collection, collection, "collection")
    _check_version_and_id(collection)
    collection["summaries"] = _with_backends(collection.get("summaries") or {}, "summaries")
    announced = withdraw(collection, collection)
    extent = collection["extent"]
    if not extent["spatial"]["bbox"]:
        raise InvalidInputError(
            "extent.spatial.bbox: no box.", "Expected the box of the whole collection first."
        )
    return CollectionRecord(
        id=collection["id"],
        title=collection.get("title") or collection["id"],
        time=_collection_time(extent["temporal"]["interval"][0]),
        box=parse_bbox(extent["spatial"]["bbox"][0], "extent.spatial.bbox.0"),
        text=collection_text(collection),
        document=_stored(collection, previous, None),
        backends=tuple(collection["summaries"][BACKENDS]),
        policy=announced if previous is None else None,
        indexed=_indexed(collection["summaries"]),
    )


def _indexed(summaries: Document) -> tuple[str, ...]:
    """Return the properties that a collection wants indexed: those that it summarises by values or range."""
    names = (
        name
        for name, summary in summaries.items()
        if 0 < len(name) <= MAX_INDEXED_CHARACTERS and (isinstance(summary, list) or _is_range(summary))
    )
    return tuple(islice(names, MAX_INDEXED))


def _is_range(summary: object) -> bool:
    return isinstance(summary, dict) and {"minimum", "maximum"} <= summary.keys()


def stored_item_record(document: bytes) -> ItemRecord:
    """Return the record of an item as a store gave it out: the document stays as it is.

    Raises
    ------
    InvalidInputError
        If another client wrote what is no item.
    """
    item = parse_document(document)
    geometry = item.get("geometry")
    try:
        bbox = item.get("bbox") or (() if geometry is None else shape(geometry).bounds)
        return ItemRecord(
            collection=item["collection"],
            id=item["id"],
            time=_item_time(item["properties"]),
            footprint=footprint_of(geometry, bbox) if geometry is not None else None,
            text=item_text(item),
            document=document,
        )
    except (KeyError, TypeError, ValueError, ShapelyError) as error:
        raise InvalidInputError(f"Not an item: {error!r}.") from error


def stored_collection_record(document: bytes) -> CollectionRecord:
    """Return the record of a collection as a store gave it out; errors as of `stored_item_record`."""
    collection = parse_document(document)
    try:
        extent, summaries = collection["extent"], collection.get("summaries") or {}
        return CollectionRecord(
            id=collection["id"],
            title=collection.get("title") or collection["id"],
            time=_collection_time(extent["temporal"]["interval"][0]),
            box=parse_bbox(extent["spatial"]["bbox"][0], "extent.spatial.bbox.0"),
            text=collection_text(collection),
            document=document,
            backends=tuple(summaries.get(BACKENDS, (OWN_BACKEND,))),
            indexed=_indexed(summaries),
        )
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise InvalidInputError(f"Not a collection: {error!r}.") from error


def _with_backends(members: Document, field: str) -> Document:
    """Say who serves it: this platform, unless the sender names others."""
    backends = members.get(BACKENDS, [OWN_BACKEND])
    if not isinstance(backends, list) or not all(isinstance(name, str) and name for name in backends):
        raise InvalidInputError(f"{field}.{BACKENDS}: not a list of names.", f"Expected ['{OWN_BACKEND}'].")
    return {**members, BACKENDS: backends or [OWN_BACKEND]}


def _check(model: type[BaseModel], document: Document, kind: str) -> None:
    try:
        model.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()[:5]
        )
        raise InvalidInputError(f"The {kind} is not valid STAC: {problems}.") from error


def _check_version_and_id(document: Document) -> None:
    if not _SERVED_VERSIONS.fullmatch(document["stac_version"]):
        raise InvalidInputError(
            f"stac_version: {document['stac_version']!r} is not known.", "Expected 1.0 or 1.1."
        )
    check_id(document["id"])


def check_id(id_: str) -> None:
    """Refuse an id that could not stand in a URL as it is.

    Raises
    ------
    InvalidInputError
        Saying which characters are allowed.
    """
    if not _ID.fullmatch(id_) or id_ in (".", "..") or len(id_) > MAX_ID_CHARACTERS:
        raise InvalidInputError(
            f"id: {id_[:80]!r} cannot be used.",
            f"Expected up to {MAX_ID_CHARACTERS} of the characters A-Z a-z 0-9 . _ ~ : -",
        )


def _item_time(properties: Mapping[str, Any]) -> Interval:
    """Return the interval of an item, or its instant if it has none."""
    if properties.get("start_datetime") is None:
        instant = parse_instant(properties["datetime"], "properties.datetime")
        return Interval(instant, instant)
    time = Interval(
        *(
            parse_instant(properties[name], f"properties.{name}")
            for name in ("start_datetime", "end_datetime")
        )
    )
    if time.start_us > time.end_us:
        raise InvalidInputError("properties.end_datetime: lies before start_datetime.")
    return time


def _collection_time(interval: list[str | None]) -> Interval:
    start, end = (
        None if instant is None else parse_instant(instant, "extent.temporal.interval.0")
        for instant in interval
    )
    return Interval(EARLIEST_US if start is None else start, LATEST_US if end is None else end)


def _stored(document: Document, previous: bytes | None, times_in: str | None) -> bytes:
    """Write a document as it is stored: `previous` itself if nothing changed.

    `created` and `updated` are filled in where the sender does not say them, in the member `times_in` of the
    document, or in the document itself.
    """
    stored = {name: document[name] for name in _FIRST_MEMBERS if name in document} | document
    del stored["links"]
    before = orjson.loads(previous) if previous is not None else None
    times = stored
    if times_in is not None:
        times = document[times_in] = stored[times_in] = dict(stored[times_in])
    times_before = {} if before is None else before[times_in] if times_in else before
    now = _now()
    for name in ("created", "updated"):
        if times.get(name) is None:
            times[name] = times_before.get(name) or now
    stored["links"] = [link for link in document["links"] if link["rel"] not in GENERATED_RELS]
    if previous is not None and _dump(stored, orjson.OPT_SORT_KEYS) == _dump(before, orjson.OPT_SORT_KEYS):
        return previous
    if times["updated"] == times_before.get("updated"):
        times["updated"] = now
    return _dump(stored)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dump(document: object, option: int = 0) -> bytes:
    try:
        body = orjson.dumps(document, option=option)
    except orjson.JSONEncodeError as error:
        raise InvalidInputError(f"The document cannot be stored: {error}.") from error
    if len(body) > MAX_DOCUMENT_BYTES:
        raise TooLargeError(f"The document has {len(body)} bytes.", f"At most {MAX_DOCUMENT_BYTES} are kept.")
    return body
