"""What a filter can name: JSON Schema documents of items' properties (OGC API Features, part 3)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from geoscope.catalogue.documents import ROOT
from geoscope.catalogue.models import Scalar, ValueSummaries, ValueSummary

# As many of a collection's newest items tell which properties its items have besides the indexed ones.
SAMPLE_SIZE = 100

_ITEM_SCHEMA = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"
_DATETIMES = f"{_ITEM_SCHEMA}/datetime.json#/properties"
_JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}

type Schema = dict[str, Any]


def queryables(
    collection: str | None = None, values: ValueSummaries | None = None, documents: Iterable[bytes] = ()
) -> Schema:
    """Return the properties that a filter can name; any others are null where an item lacks them.

    Parameters
    ----------
    collection : str, optional
        For filters within this collection; otherwise for filters across all.
    values : mapping of str to ValueSummary, optional
        Which values there are; a property without any is left out.
    documents : iterable of bytes
        Items, whose properties are named besides.
    """
    place = f"/collections/{collection}" if collection else ""
    summarised = {name: value_schema(name, summary) for name, summary in (values or {}).items()}
    present = {name: schema for name, schema in summarised.items() if schema is not None}
    observed = {name: schema for name, schema in _observed(documents).items() if name not in summarised}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{ROOT}{place}/queryables",
        "type": "object",
        "title": f"Queryables of {collection}" if collection else "Queryables",
        "properties": observed | present | _standard(collection),
        "additionalProperties": True,
    }


def value_schema(name: str, summary: ValueSummary) -> Schema | None:
    """Return the JSON Schema of a property with these values, or None if there are none.

    A single value is a `const`, as clients expect who fill in a form; several are an `enum`.
    """
    values = summary.values
    if values is not None and not values:
        return None
    schema: Schema = {"type": _type(values, is_number=summary.minimum is not None)}
    if values is not None:
        schema |= {"const": values[0]} if len(values) == 1 else {"enum": list(values)}
    if summary.minimum is not None:
        schema |= {"minimum": summary.minimum, "maximum": summary.maximum}
    title = {"title": name}
    return title | ({"type": "array", "items": schema} if summary.is_array else schema)


def _type(values: tuple[Scalar, ...] | None, *, is_number: bool) -> str | list[str]:
    if values is None:
        return "number" if is_number else "string"
    return _one_or_all({_JSON_TYPES[type(value)] for value in values})


def _one_or_all(types: set[str]) -> str | list[str]:
    return next(iter(types)) if len(types) == 1 else sorted(types)


def _standard(collection: str | None) -> Schema:
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


def _observed(documents: Iterable[bytes]) -> dict[str, Schema]:
    types: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        for name, value in orjson.loads(document)["properties"].items():
            if type(value) in _JSON_TYPES:
                types[name].add(_JSON_TYPES[type(value)])
    return {name: {"title": name, "type": _one_or_all(types[name])} for name in sorted(types)}
