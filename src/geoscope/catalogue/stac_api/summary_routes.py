"""Routes that tell of items without sending them: what a filter can name, and aggregations."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response

from geoscope.catalogue.documents import JSON_SCHEMA, ROOT, link
from geoscope.catalogue.models import ItemSearch, Reader
from geoscope.catalogue.stac_api.aggregations import (
    AggregateBody,
    AggregateParameters,
    answers_document,
    available,
)
from geoscope.catalogue.stac_api.chosen_values import QueryableParameters, parse_choice
from geoscope.catalogue.stac_api.exchange import Asker, Items, Store, read_body, respond
from geoscope.catalogue.stac_api.openapi import (
    AggregationCollection,
    JsonResponse,
    PropertySchemas,
    SchemaResponse,
    answer,
    body,
    query,
)
from geoscope.catalogue.stac_api.parameters import parse_body, parse_query
from geoscope.catalogue.stac_api.queryables import SAMPLE_SIZE, queryables
from geoscope.catalogue.stac_api.search_routes import MAX_SEARCH_BYTES
from geoscope.catalogue.stac_api.twin_queryables import twin_choice
from geoscope.catalogue.store import CatalogueStore
from geoscope.catalogue.transactions import no_collection
from geoscope.errors import InvalidInputError

router = APIRouter(prefix="/stac", default_response_class=JsonResponse, tags=["Summaries"])

_SCHEMA = answer(PropertySchemas, "JSON Schemas of properties.")
_AVAILABLE = answer(AggregationCollection, "What can be asked.")
_FOUND = answer(AggregationCollection, "What was found.")


@router.get(
    "/queryables",
    response_class=SchemaResponse,
    responses=_SCHEMA,
    openapi_extra=query(QueryableParameters),
)
async def global_queryables(request: Request, store: Store, reader: Asker) -> Response:
    """Return what a search across collections can name.

    Any other query parameter is a property, and narrows the answer to what items with its values have.
    """
    choice = parse_choice(request.query_params, reader)
    return respond(request, queryables(values=await store.values(choice)), JSON_SCHEMA)


@router.get(
    "/collections/{collection}/queryables",
    response_class=SchemaResponse,
    responses=_SCHEMA,
    openapi_extra=query(QueryableParameters),
)
async def collection_queryables(
    request: Request, store: Store, finder: Items, reader: Asker, collection: str
) -> Response:
    """Return what a search within a collection can name; chosen values narrow the answer as in the other."""
    await _require_collection(store, collection, reader)
    twins = await twin_choice(store, collection, request.query_params, reader)
    choice = parse_choice(twins.query, reader, collection)
    newest = await store.find_items(replace(choice, limit=SAMPLE_SIZE))
    documents = (item.document for item in newest.items)
    values = await store.values(choice)
    schema = queryables(collection, values, documents)
    schema["properties"] = {**await finder.queryables(collection, reader), **schema["properties"]}
    return respond(request, twins.complete(schema), JSON_SCHEMA)


@router.get("/aggregations", responses=_AVAILABLE, openapi_extra=query())
async def aggregations(request: Request, store: Store, reader: Asker) -> Response:
    """Return the names of what can be asked about items across collections."""
    described = available(await store.values(ItemSearch(1, reader=reader)))
    return _respond(request, described, "/aggregations")


@router.get("/collections/{collection}/aggregations", responses=_AVAILABLE, openapi_extra=query())
async def collection_aggregations(request: Request, store: Store, reader: Asker, collection: str) -> Response:
    """Return the names of what can be asked about the items of a collection."""
    await _require_collection(store, collection, reader)
    described = available(await store.values(ItemSearch(1, collections=(collection,), reader=reader)))
    return _respond(request, described, f"/collections/{collection}/aggregations")


@router.get("/aggregate", responses=_FOUND, openapi_extra=query(AggregateParameters))
async def aggregate(request: Request, store: Store, reader: Asker) -> Response:
    """Answer questions about all items in the catalogue's own store that a search finds."""
    asked = parse_query(AggregateParameters, request.query_params)
    return await _aggregate(request, store, asked, asked.search(reader))


@router.post("/aggregate", responses=_FOUND, openapi_extra=body(AggregateBody))
async def aggregate_by_body(request: Request, store: Store, reader: Asker) -> Response:
    """Answer questions about all items in the catalogue's own store that a search finds."""
    asked = parse_body(AggregateBody, await read_body(request, MAX_SEARCH_BYTES))
    return await _aggregate(request, store, asked, asked.search(reader))


@router.get("/collections/{collection}/aggregate", responses=_FOUND, openapi_extra=query(AggregateParameters))
async def aggregate_collection(request: Request, store: Store, reader: Asker, collection: str) -> Response:
    """Answer questions about all items of a collection that a search finds."""
    asked = parse_query(AggregateParameters, request.query_params)
    wanted = await _within(store, asked.search(reader), collection)
    return await _aggregate(request, store, asked, wanted, collection)


@router.post("/collections/{collection}/aggregate", responses=_FOUND, openapi_extra=body(AggregateBody))
async def aggregate_collection_by_body(
    request: Request, store: Store, reader: Asker, collection: str
) -> Response:
    """Answer questions about all items of a collection that a search finds."""
    asked = parse_body(AggregateBody, await read_body(request, MAX_SEARCH_BYTES))
    wanted = await _within(store, asked.search(reader), collection)
    return await _aggregate(request, store, asked, wanted, collection)


async def _aggregate(
    request: Request,
    store: CatalogueStore,
    asked: AggregateParameters | AggregateBody,
    wanted: ItemSearch,
    collection: str | None = None,
) -> Response:
    answers = await asked.asked().answer(store, wanted)
    place = f"/collections/{collection}" if collection else ""
    return _respond(request, answers_document(answers), f"{place}/aggregate")


async def _within(store: CatalogueStore, wanted: ItemSearch, collection: str) -> ItemSearch:
    if wanted.collections not in (None, (collection,)):
        raise InvalidInputError(
            f"collections: names another than {collection!r} of the path.",
            "Ask across collections at /stac/aggregate.",
        )
    await _require_collection(store, collection, wanted.reader)
    return replace(wanted, collections=(collection,))


async def _require_collection(store: CatalogueStore, collection: str, reader: Reader) -> None:
    if await store.collection(collection, reader) is None:
        raise no_collection(collection)


def _respond(request: Request, described: list[dict[str, object]], place: str) -> Response:
    links = [link("self", f"{ROOT}{place}"), link("root", ROOT)]
    return respond(request, {"type": "AggregationCollection", "aggregations": described, "links": links})
