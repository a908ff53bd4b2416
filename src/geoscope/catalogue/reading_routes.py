"""Routes that everybody may use: the landing page, collections, items and search."""

from typing import Any

from fastapi import APIRouter, Request, Response

from geoscope.catalogue.documents import (
    GEOJSON,
    JSON,
    JSON_SCHEMA,
    ROOT,
    collection_document,
    collections_document,
    item_collection_document,
    item_document,
    link,
)
from geoscope.catalogue.exchange import IfNoneMatch, Store, page_links, read_body, respond, respond_revision
from geoscope.catalogue.landing import CONFORMANCE, landing_page
from geoscope.catalogue.models import FoundCollection, FoundItem, ItemSearch, encode_token
from geoscope.catalogue.parameters import (
    CollectionParameters,
    ItemParameters,
    Parameters,
    SearchBody,
    SearchParameters,
    parse_query,
    parse_search_body,
)
from geoscope.catalogue.queryables import SAMPLE_SIZE, queryables
from geoscope.catalogue.transactions import no_collection, no_item
from geoscope.settings import current_settings

MAX_SEARCH_BYTES = 1024**2

router = APIRouter(prefix="/stac", default_response_class=Response)


def _query(model: type[Parameters]) -> dict[str, Any]:
    """Describe a query for OpenAPI; it is read with `parse_query`, far sooner than by FastAPI."""
    fields = model.model_json_schema()["properties"]
    return {
        "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]
    }


_SEARCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SearchBody.model_json_schema()}},
    }
}


# The route that is asked most stands first, as they are tried in this order.
@router.get("/search", summary="Item search", openapi_extra=_query(SearchParameters))
async def search(request: Request, store: Store) -> Response:
    """Return the items that a search across collections finds, newest first."""
    parameters = parse_query(SearchParameters, request.query_params)
    page = await store.find_items(parameters.search(current_settings().catalogue.max_page_size))
    links = page_links(request, page.end)
    return respond(request, item_collection_document(page.items, links, page.matched), GEOJSON)


@router.post("/search", summary="Item search", openapi_extra=_SEARCH_BODY)
async def search_by_body(request: Request, store: Store) -> Response:
    """Return the items that a search across collections finds, newest first."""
    asked = parse_search_body(await read_body(request, MAX_SEARCH_BYTES))
    page = await store.find_items(asked.search(current_settings().catalogue.max_page_size))
    links = [link("self", f"{ROOT}/search", GEOJSON), link("root", ROOT)]
    if page.end is not None:
        body = asked.model_dump(exclude_unset=True, by_alias=True) | {"token": encode_token(page.end)}
        links.append(link("next", f"{ROOT}/search", GEOJSON, method="POST", body=body, merge=False))
    return respond(request, item_collection_document(page.items, links, page.matched), GEOJSON)


@router.get("", summary="Landing page")
@router.get("/", include_in_schema=False)
async def landing(request: Request, store: Store) -> Response:
    """Return the root of the catalogue, with a link to each collection."""
    return respond(request, landing_page(current_settings().site_name, await store.collection_titles()))


@router.get("/conformance")
async def conformance(request: Request) -> Response:
    """Return the standards that this API conforms to."""
    return respond(request, {"conformsTo": CONFORMANCE})


@router.get("/queryables")
async def global_queryables(request: Request) -> Response:
    """Return what a search across all collections can name."""
    return respond(request, queryables(), JSON_SCHEMA)


@router.get("/collections", openapi_extra=_query(CollectionParameters))
async def collections(request: Request, store: Store) -> Response:
    """Return the collections, all or those that a search finds, in order of id."""
    parameters = parse_query(CollectionParameters, request.query_params)
    page = await store.find_collections(parameters.search(current_settings().catalogue.max_page_size))
    links = page_links(request, page.end)
    return respond(request, collections_document(page.collections, links, page.matched))


@router.get("/collections/{collection}")
async def collection(
    request: Request, store: Store, collection: str, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a collection."""
    stored = await store.collection(collection)
    if stored is None:
        raise no_collection(collection)
    document = collection_document(FoundCollection(collection, stored))
    return respond_revision(request, stored, document, JSON, if_none_match=if_none_match)


@router.get("/collections/{collection}/queryables")
async def collection_queryables(request: Request, store: Store, collection: str) -> Response:
    """Return what a search within a collection can name."""
    if await store.collection(collection) is None:
        raise no_collection(collection)
    newest = await store.find_items(ItemSearch(SAMPLE_SIZE, collections=(collection,)))
    documents = (item.document for item in newest.items)
    return respond(request, queryables(collection, documents), JSON_SCHEMA)


@router.get("/collections/{collection}/items", openapi_extra=_query(ItemParameters))
async def items(request: Request, store: Store, collection: str) -> Response:
    """Return the items of a collection, all or those that a search finds, newest first."""
    parameters = parse_query(ItemParameters, request.query_params)
    page = await store.find_items(parameters.search(current_settings().catalogue.max_page_size, collection))
    if not page.items and await store.collection(collection) is None:
        raise no_collection(collection)
    href = f"{ROOT}/collections/{collection}"
    links = page_links(request, page.end)
    links += [link("parent", href), link("collection", href)]
    return respond(request, item_collection_document(page.items, links, page.matched), GEOJSON)


@router.get("/collections/{collection}/items/{item}")
async def item(
    request: Request, store: Store, collection: str, item: str, if_none_match: IfNoneMatch = None
) -> Response:
    """Return an item."""
    stored = await store.item(collection, item)
    if stored is None:
        raise no_item(collection, item)
    document = item_document(FoundItem(collection, item, stored))
    return respond_revision(request, stored, document, GEOJSON, if_none_match=if_none_match)
