"""Routes of the Data Lake's shape: landing page, collections, items and search."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.datastructures import QueryParams
from pydantic import Field

from geoscope.access import Principal
from geoscope.catalogue.data_lake.documents import (
    CATALOGUE,
    collection_document,
    item_collection_document,
    item_document,
)
from geoscope.catalogue.data_lake.landing import CONFORMANCE, landing_page
from geoscope.catalogue.data_lake.leniency import BACKENDS, Understood, understand_body, understand_query
from geoscope.catalogue.data_lake.twin_search import find_orderable
from geoscope.catalogue.documents import GEOJSON, JSON_SCHEMA, Link, link
from geoscope.catalogue.finding import Finder, ItemAnswer
from geoscope.catalogue.models import CollectionSearch, FoundCollection, ItemSearch
from geoscope.catalogue.orders.documents import ROOT, ordered_item
from geoscope.catalogue.orders.models import OrderState
from geoscope.catalogue.orders.order_routes import Orders
from geoscope.catalogue.readers import reader_of
from geoscope.catalogue.stac_api.chosen_values import QueryableParameters, parse_choice
from geoscope.catalogue.stac_api.collection_parameters import CollectionParameters
from geoscope.catalogue.stac_api.exchange import Asker, Items, Store, read_body, respond, store_for
from geoscope.catalogue.stac_api.openapi import (
    Catalog,
    Conformance,
    GeoJsonResponse,
    ItemCollection,
    JsonResponse,
    PartialCollections,
    PropertySchemas,
    SchemaResponse,
    answer,
    body,
    query,
)
from geoscope.catalogue.stac_api.queryables import SAMPLE_SIZE, queryables
from geoscope.catalogue.stac_api.search_parameters import ItemParameters, SearchBody, SearchParameters
from geoscope.catalogue.stac_api.twin_queryables import twin_choice
from geoscope.catalogue.transactions import no_collection, no_item
from geoscope.errors import NotFoundError, NotSignedInError
from geoscope.settings import current_settings
from geoscope.web import AskingPrincipal

MAX_SEARCH_BYTES = 1024**2

# Notebooks list all collections in one request, without a limit.
ALL_COLLECTIONS = 10_000

router = APIRouter(prefix="/stac/v2", default_response_class=JsonResponse, tags=["Data Lake"])


class LakeCollectionParameters(CollectionParameters):
    """Query parameters of `/collections`: all of them are sent if no limit is given."""

    limit: Annotated[int, Field(ge=1, description="Most collections of a page.")] = ALL_COLLECTIONS
    offset: Annotated[int, Field(ge=0, le=ALL_COLLECTIONS, description="How many are left out.")] = 0


async def _searcher(principal: AskingPrincipal) -> Principal | None:
    if principal is None and current_settings().catalogue.data_lake_requires_token:
        raise NotSignedInError(
            "Searching needs an access token.", "Send 'Authorization: Bearer TOKEN' (RFC 6750)."
        )
    return principal


# Whoever may look into collections; discovering which there are is open to everybody.
Searcher = Annotated[Principal | None, Depends(_searcher)]


@router.get(
    "/search",
    response_class=GeoJsonResponse,
    responses=answer(ItemCollection, "The items, and a link to the next page."),
    openapi_extra=query(SearchParameters),
)
async def search(request: Request, finder: Items, principal: Searcher) -> Response:
    """Return the items that a search finds, newest first if not said."""
    asked = understand_query(SearchParameters, request.query_params)
    wanted = asked.parameters.search(current_settings().catalogue.max_page_size, reader_of(principal))
    page = await _found(request, finder, wanted, asked.parameters.token)
    return await _items(request, asked, page, _get_links(request, page.token))


@router.post(
    "/search",
    response_class=GeoJsonResponse,
    responses=answer(ItemCollection, "The items, and a link to the next page."),
    openapi_extra=body(SearchBody),
)
async def search_by_body(request: Request, finder: Items, principal: Searcher) -> Response:
    """Return the items that a search finds, newest first if not said."""
    asked = understand_body(SearchBody, await read_body(request, MAX_SEARCH_BYTES))
    parameters = asked.parameters
    wanted = parameters.search(current_settings().catalogue.max_page_size, reader_of(principal))
    page = await _found(request, finder, wanted, parameters.token)
    links = [
        link("self", f"{ROOT}/search", GEOJSON, title="This page", method="POST"),
        link("root", ROOT, title=CATALOGUE),
    ]
    if page.token is not None:
        sent = parameters.model_dump(exclude_unset=True, by_alias=True) | {"token": page.token}
        links.append(link("next", f"{ROOT}/search", GEOJSON, title="Next page", method="POST", body=sent))
    return await _items(request, asked, page, links)


@router.get("", summary="Landing page", responses=answer(Catalog, "The root of the catalogue."))
@router.get("/", include_in_schema=False)
async def landing(request: Request, store: Store, reader: Asker) -> Response:
    """Return the root of the catalogue.

    A login that ends here brings the parameters `code` and `state` along; they are not looked at.
    """
    page = await store.find_collections(CollectionSearch(limit=ALL_COLLECTIONS, reader=reader))
    return respond(request, landing_page(current_settings().site_name, page.collections))


@router.get("/conformance", responses=answer(Conformance, "URIs of conformance classes."))
async def conformance(request: Request) -> Response:
    """Return the standards that this API conforms to."""
    return respond(request, {"conformsTo": CONFORMANCE})


@router.get(
    "/collections",
    responses=answer(PartialCollections, "The collections, and a link to the next page."),
    openapi_extra=query(LakeCollectionParameters),
)
async def collections(request: Request, store: Store, reader: Asker) -> Response:
    """Return the collections, all or those that a search finds, in order of id."""
    asked = understand_query(LakeCollectionParameters, _as_collection_query(request.query_params))
    parameters = asked.parameters
    wanted = parameters.search(ALL_COLLECTIONS, reader)
    end = parameters.offset + wanted.limit
    page = await store.find_collections(replace(wanted, limit=end + 1))
    policies = await store.policies()
    documents = [
        collection_document(found, policies.get(found.id))
        for found in page.collections[parameters.offset : end]
    ]
    document = {
        "collections": documents,
        "links": _offset_links(request, parameters, has_more=len(page.collections) > end),
        "numberReturned": len(documents),
        "numberMatched": page.matched,
    }
    return asked.mark(respond(request, document))


@router.get(
    "/queryables",
    response_class=SchemaResponse,
    openapi_extra=query(QueryableParameters),
    responses=answer(PropertySchemas, "JSON Schemas of properties."),
)
async def global_queryables(request: Request, store: Store, reader: Asker) -> Response:
    """Return what a search across collections can name, narrowed by the values that are chosen."""
    choice = parse_choice(_as_choice(request.query_params), reader)
    schema = queryables(values=await store.values(choice))
    return respond(request, schema | {"$id": f"{ROOT}/queryables"}, JSON_SCHEMA)


@router.get("/collections/{collection}", responses=answer(Catalog, "The collection."))
async def collection(request: Request, store: Store, reader: Asker, collection: str) -> Response:
    """Return a collection."""
    stored = await store.collection(collection, reader)
    if stored is None:
        raise no_collection(collection)
    policy = (await store.policies()).get(collection)
    return respond(request, collection_document(FoundCollection(collection, stored), policy))


@router.get(
    "/collections/{collection}/queryables",
    response_class=SchemaResponse,
    openapi_extra=query(QueryableParameters),
    responses=answer(PropertySchemas, "JSON Schemas of properties."),
)
async def collection_queryables(request: Request, store: Store, reader: Asker, collection: str) -> Response:
    """Return what a search within a collection can name, narrowed by the values that are chosen."""
    if await store.collection(collection, reader) is None:
        raise no_collection(collection)
    twins = await twin_choice(store, collection, _as_choice(request.query_params), reader)
    choice = parse_choice(twins.query, reader, collection)
    newest = await store.find_items(replace(choice, limit=SAMPLE_SIZE))
    schema = queryables(collection, await store.values(choice), (item.document for item in newest.items))
    schema = twins.complete(schema)
    # eodag calls collections by names of its own, and compares these with what stands here.
    schema["properties"]["collection"].pop("const")
    address = f"{ROOT}/collections/{collection}/queryables"
    return respond(request, schema | {"$id": address, "additionalProperties": False}, JSON_SCHEMA)


@router.get(
    "/collections/{collection}/items",
    response_class=GeoJsonResponse,
    responses=answer(ItemCollection, "The items, and a link to the next page."),
    openapi_extra=query(ItemParameters),
)
async def items(
    request: Request, store: Store, finder: Items, principal: Searcher, collection: str
) -> Response:
    """Return the items of a collection, all or those that a search finds, newest first if not said."""
    reader = reader_of(principal)
    asked = understand_query(ItemParameters, request.query_params)
    wanted = asked.parameters.search(collection, current_settings().catalogue.max_page_size, reader)
    page = await finder.find_items(wanted, asked.parameters.token)
    if not page.items and await store.collection(collection, reader) is None:
        raise no_collection(collection)
    links = _get_links(request, page.token)
    links.append(link("collection", f"{ROOT}/collections/{collection}", title=collection))
    return await _items(request, asked, page, links)


@router.get(
    "/collections/{collection}/items/{item}",
    response_class=GeoJsonResponse,
    responses=answer(Catalog, "The item, or what was ordered under this id."),
)
async def item(
    request: Request, finder: Items, orders: Orders, principal: Searcher, collection: str, item: str
) -> Response:
    """Return an item, or an order of one's own as the item that it becomes."""
    if principal is not None:
        order = await anyio.to_thread.run_sync(partial(orders.order, item, principal.subject))
        if order is not None and order.collection == collection:
            if order.state is OrderState.EXPIRED:
                raise NotFoundError(f"The product of the order {item} was removed.", "Order it again.")
            return respond(request, ordered_item(order), GEOJSON)
    found = await finder.item(collection, item, reader_of(principal))
    if found is None:
        raise no_item(collection, item)
    policy = (await store_for(request).policies()).get(collection)
    return respond(request, item_document(found, policy), GEOJSON)


async def _found(request: Request, finder: Finder, wanted: ItemSearch, token: str | None) -> ItemAnswer:
    orderable = None if token else await find_orderable(store_for(request), wanted)
    return orderable or await finder.find_items(wanted, token)


async def _items(
    request: Request,
    asked: Understood[SearchParameters] | Understood[SearchBody] | Understood[ItemParameters],
    page: ItemAnswer,
    links: Sequence[Link],
) -> Response:
    policies = await store_for(request).policies()
    document = item_collection_document(page, links, policies, asked.parameters.selection())
    return asked.mark(respond(request, document, GEOJSON, links=links))


def _get_links(request: Request, token: str | None) -> list[Link]:
    asked = request.query_params.multi_items()
    links = [
        link("self", _href(request, asked), GEOJSON, title="This page"),
        link("root", ROOT, title=CATALOGUE),
    ]
    if token is not None:
        rest = [pair for pair in asked if pair[0] != "token"]
        href = _href(request, [*rest, ("token", token)])
        links.append(link("next", href, GEOJSON, title="Next page", method="GET"))
    return links


def _offset_links(request: Request, asked: LakeCollectionParameters, *, has_more: bool) -> list[Link]:
    rest = [pair for pair in request.query_params.multi_items() if pair[0] != "offset"]

    def at(rel: str, title: str, offset: int) -> Link:
        return link(rel, _href(request, [*rest, ("offset", str(offset))]), title=title, method="GET")

    links = [
        link("self", _href(request, request.query_params.multi_items()), title="This page"),
        link("root", ROOT, title=CATALOGUE),
    ]
    if has_more:
        links.append(at("next", "Next page", asked.offset + asked.limit))
    if asked.offset:
        links.append(at("previous", "Page before", max(0, asked.offset - asked.limit)))
        links.append(at("first", "First page", 0))
    return links


def _href(request: Request, pairs: list[tuple[str, str]]) -> str:
    path = ROOT + request.url.path.removeprefix("/stac/v2")
    return path + (f"?{urlencode(pairs)}" if pairs else "")


def _as_collection_query(sent: QueryParams) -> QueryParams:
    """Turn the condition on the backend, which clients send for collections too, into `provider`."""
    try:
        wanted = orjson.loads(sent.get("query") or "{}")[BACKENDS]["eq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return sent
    conditions = orjson.loads(sent["query"])
    del conditions[BACKENDS]
    rest = [pair for pair in sent.multi_items() if pair[0] not in ("query", "provider")]
    if conditions:
        rest.append(("query", orjson.dumps(conditions).decode()))
    name = wanted[0] if isinstance(wanted, list) and wanted else wanted
    return QueryParams([*rest, ("provider", str(name))])


def _as_choice(sent: QueryParams) -> QueryParams:
    """Write `provider`, of version 1, as the property that it means."""
    return QueryParams(
        [(BACKENDS if name == "provider" else name, value) for name, value in sent.multi_items()]
    )
