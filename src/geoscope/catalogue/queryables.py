"""What a filter can name: JSON Schema documents of items' properties (OGC API Features, part 3)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from geoscope.catalogue.documents import ROOT

# As many of a collection's newest items tell which properties its items have.
SAMPLE_SIZE = 100

_ITEM_SCHEMA = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"
_DATETIMES = f"{_ITEM_SCHEMA}/datetime.json#/properties"
_JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def queryables(collection: str | None = None, documents: Iterable[bytes] = ()) -> dict[str, Any]:
    """Return the properties that a filter can name; any others are null where an item lacks them.

    Parameters
    ----------
    collection : str, optional
        For filters within this collection; otherwise for filters across all.
    documents : iterable of bytes
        Items, whose properties are named besides those that STAC itself defines.
    """
    place = f"/collections/{collection}" if collection else ""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{ROOT}{place}/queryables",
        "type": "object",
        "title": f"Queryables of {collection}" if collection else "Queryables",
        "properties": _observed_properties(documents) | _standard_properties(collection),
        "additionalProperties": True,
    }


def _standard_properties(collection: str | None) -> dict[str, Any]:
    return {
        "id": {
            "title": "Item",
            "$ref": f"{_ITEM_SCHEMA}/item.json#/definitions/core/allOf/2/properties/id",
        },
        "collection": {"title": "Collection", "type": "string"}
        | ({"const": collection} if collection else {}),
        "geometry": {"title": "Geometry", "$ref": "https://geojson.org/schema/Geometry.json"},
        "datetime": {"title": "Date and time", "$ref": f"{_DATETIMES}/datetime"},
        "start_datetime": {"title": "Start", "$ref": f"{_DATETIMES}/start_datetime"},
        "end_datetime": {"title": "End", "$ref": f"{_DATETIMES}/end_datetime"},
        "created": {"title": "Created", "$ref": f"{_DATETIMES}/created"},
        "updated": {"title": "Updated", "$ref": f"{_DATETIMES}/updated"},
        "title": {"title": "Title", "type": "string"},
        "description": {"title": "Description", "type": "string"},
    }


def _observed_properties(documents: Iterable[bytes]) -> dict[str, Any]:
    types: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        for name, value in orjson.loads(document)["properties"].items():
            if type(value) in _JSON_TYPES:
                types[name].add(_JSON_TYPES[type(value)])
    return {name: {"title": name, "type": sorted(types[name])} for name in sorted(types)}
