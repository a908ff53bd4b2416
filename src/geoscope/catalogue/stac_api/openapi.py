"""How the routes describe themselves: parameters, bodies and answers, as OpenAPI writes them.

Requests are read by `parameters`, far sooner than by the web framework; so what they may hold is told to it
here. The schemas of answers are short: https://schemas.stacspec.org has the whole of STAC.
"""

from typing import Any, Literal

from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from geoscope.catalogue.documents import GEOJSON, JSON, JSON_SCHEMA
from geoscope.catalogue.stac_api.parameters import Parameters

type Json = dict[str, Any]

# Only describes: who asks is found out by geoscope.access.
BEARER = HTTPBearer(auto_error=False, description="An access token; without one, what is public is found.")


class JsonResponse(JSONResponse):
    """JSON that is written already."""

    media_type = JSON

    def render(self, content: bytes | str) -> bytes:
        """Return the body."""
        return content.encode() if isinstance(content, str) else content


class GeoJsonResponse(JsonResponse):
    """Items that are written already."""

    media_type = GEOJSON


class SchemaResponse(JsonResponse):
    """A JSON Schema that is written already."""

    media_type = JSON_SCHEMA


class Link(BaseModel):
    """A web link (RFC 8288); a search by POST has its body in it."""

    rel: str
    href: str
    type: str | None = None
    title: str | None = None
    method: Literal["GET", "POST"] | None = None


class Catalog(BaseModel):
    """A STAC catalogue that is a landing page too."""

    type: Literal["Catalog"]
    stac_version: str
    id: str
    description: str
    conforms_to: list[str] = Field(alias="conformsTo")
    links: list[Link]


class Conformance(BaseModel):
    """The standards that this API conforms to."""

    conforms_to: list[str] = Field(alias="conformsTo")


class Collection(BaseModel):
    """A STAC collection: https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json."""

    type: Literal["Collection"]
    stac_version: str
    id: str
    description: str
    license: str
    extent: Json
    links: list[Link]


class Item(BaseModel):
    """A STAC item: https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json."""

    type: Literal["Feature"]
    stac_version: str
    id: str
    collection: str
    geometry: Json | None
    properties: Json
    assets: dict[str, Json]
    links: list[Link]


class PartialCollections(BaseModel):
    """A page of collections; of each, only the members that are asked for."""

    collections: list[Json]
    links: list[Link]
    number_returned: int = Field(alias="numberReturned")
    number_matched: int = Field(alias="numberMatched")


class Children(BaseModel):
    """Catalogues and collections right below the root."""

    children: list[Collection]
    links: list[Link]


class BackendState(BaseModel):
    """What became of a search at one backend of the federation."""

    id: str
    state: Literal["answered", "late", "failed"]
    message: str


class Federation(BaseModel):
    """Which backends were asked besides the catalogue's own store."""

    backends: list[BackendState]


class ItemCollection(BaseModel):
    """A page of items; of each, only the members that are asked for."""

    type: Literal["FeatureCollection"]
    features: list[Json]
    links: list[Link]
    number_returned: int = Field(alias="numberReturned")
    number_matched: int = Field(
        0, alias="numberMatched", description="Missing where counting would cost too much."
    )
    federation: Federation = Federation(backends=[])


class Bucket(BaseModel):
    """How many items fall into one part of the values."""

    key: str
    data_type: str
    frequency: int


class AggregationValue(BaseModel):
    """What one aggregation found: a value, or buckets."""

    name: str
    data_type: str
    value: int | float | str | None = None
    buckets: list[Bucket] = []
    overflow: int = 0


class AggregationCollection(BaseModel):
    """What aggregations there are, or what they found."""

    type: Literal["AggregationCollection"]
    aggregations: list[AggregationValue]
    links: list[Link]


class PropertySchemas(BaseModel):
    """A JSON Schema of properties."""

    type: Literal["object"]
    properties: Json


_ERROR = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
    "required": ["code", "description"],
}


_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Entity tags of the revisions that the client holds.",
    "schema": {"type": "string"},
}
_OPTIONAL_TOKEN: list[Json] = [{}, {"HTTPBearer": []}]


def _error(description: str) -> Json:
    return {"description": description, "content": {JSON: {"schema": _ERROR}}}


REFUSALS: dict[int | str, Json] = {
    "4XX": _error("What is asked for cannot be done; the description names what is wrong, and the remedy."),
    "503": _error("The search took too long, or the store does not answer now."),
}


def answer(model: type[BaseModel], description: str, status: int = 200) -> dict[int | str, Json]:
    """Describe what a route answers."""
    return {status: {"model": model, "description": description}, **REFUSALS}


def query(model: type[Parameters] | None = None) -> Json:
    """Describe a GET: its query, and that it is conditional, with or without a token."""
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": schema,
        }
        for name, schema in (_schemas(model, is_query=True).items() if model else ())
    ]
    not_modified = {"description": "The client holds what it asked for."}
    return {
        "parameters": [*parameters, _IF_NONE_MATCH],
        "responses": {"304": not_modified},
        "security": _OPTIONAL_TOKEN,
    }


def body(model: type[Parameters]) -> Json:
    """Describe a JSON body that is read by a model."""
    schema = {"type": "object", "properties": _schemas(model, is_query=False), "additionalProperties": False}
    return _required_body(schema) | {"security": _OPTIONAL_TOKEN}


def document_body(description: str, *required: str) -> Json:
    """Describe a JSON body that is a STAC document, with these members at least, or a part of one."""
    return _required_body({"type": "object", "description": description, "required": list(required)})


def _required_body(schema: Json) -> Json:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def _schemas(model: type[BaseModel], *, is_query: bool) -> Json:
    whole = model.model_json_schema()
    definitions = whole.get("$defs", {})
    schemas = {name: _inlined(schema, definitions) for name, schema in whole.get("properties", {}).items()}
    return {name: _without_null(schema) for name, schema in schemas.items()} if is_query else schemas


def _inlined(schema: Any, definitions: Json) -> Any:  # noqa: ANN401 (any JSON)
    """Write a schema without references and titles."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        whole = definitions[schema["$ref"].rpartition("/")[2]]
        return _inlined(whole | {name: part for name, part in schema.items() if name != "$ref"}, definitions)
    return {
        name: {each: _inlined(part, definitions) for each, part in value.items()}
        if name == "properties"
        else _inlined(value, definitions)
        for name, value in schema.items()
        if name != "title"
    }


def _without_null(schema: Json) -> Json:
    """Write the schema of a query parameter: it is left out where a member of a body may be null."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", "") is None:
        del rest["default"]
    choices = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **rest}
    return rest | ({"anyOf": choices} if choices else {})
