"""Routes to read what there is: the landing page, collections and their items."""

from fastapi import APIRouter, Request, Response

from geoscope.catalogue.documents import (
    GEOJSON,
    HTML,
    JSON,
    ROOT,
    collection_document,
    collections_document,
    item_collection_document,
    item_document,
    link,
)
from geoscope.catalogue.models import CollectionSearch, FoundCollection
from geoscope.catalogue.stac_api.collection_parameters import CollectionParameters
from geoscope.catalogue.stac_api.description_page import description_page
from geoscope.catalogue.stac_api.exchange import (
    Asker,
    Items,
    Store,
    addresses_for,
    page_links,
    respond,
    respond_revision,
)
from geoscope.catalogue.stac_api.landing import CONFORMANCE, landing_page
from geoscope.catalogue.stac_api.openapi import (
    Catalog,
    Children,
    Collection,
    Conformance,
    GeoJsonResponse,
    Item,
    ItemCollection,
    JsonResponse,
    PartialCollections,
    answer,
    query,
)
from geoscope.catalogue.stac_api.paging import encode_token
from geoscope.catalogue.stac_api.parameters import parse_query
from geoscope.catalogue.stac_api.search_parameters import ItemParameters
from geoscope.catalogue.transactions import no_collection, no_item
from geoscope.settings import current_settings

router = APIRouter(prefix="/stac", default_response_class=JsonResponse, tags=["Catalogue"])


@router.get(
    "",
    summary="Landing page",
    responses=answer(Catalog, "The root of the catalogue."),
    openapi_extra=query(),
)
@router.get("/", include_in_schema=False)
async def landing(request: Request, store: Store, reader: Asker) -> Response:
    """Return the root of the catalogue, with a link to each collection."""
    titles = await store.collection_titles(reader)
    return respond(request, landing_page(current_settings().site_name, titles))


@router.get(
    "/conformance", responses=answer(Conformance, "URIs of conformance classes."), openapi_extra=query()
)
async def conformance(request: Request) -> Response:
    """Return the standards that this API conforms to."""
    return respond(request, {"conformsTo": CONFORMANCE})


@router.get("/api.html", include_in_schema=False)
async def service_description(request: Request) -> Response:
    """Return the OpenAPI document for people to read."""
    page = description_page(request.app.openapi())
    return Response(page.encode(), headers={"Content-Type": HTML})


@router.get("/children", responses=answer(Children, "What lies right below the root."), openapi_extra=query())
async def children(request: Request, store: Store, reader: Asker) -> Response:
    """Return every collection, as the children of the root (STAC API Children)."""
    page = await store.find_collections(CollectionSearch(limit=2**31, reader=reader))
    links = [link("self", f"{ROOT}/children"), link("root", ROOT)]
    return respond(request, collections_document(page, links, await store.policies(), member="children"))


@router.get(
    "/collections",
    responses=answer(PartialCollections, "The collections, and a link to the next page."),
    openapi_extra=query(CollectionParameters),
)
async def collections(request: Request, store: Store, reader: Asker) -> Response:
    """Return the collections, all or those that a search finds, in order of id."""
    asked = parse_query(CollectionParameters, request.query_params)
    page = await store.find_collections(asked.search(current_settings().catalogue.max_page_size, reader))
    links = page_links(request, None if page.end is None else encode_token(page.end), JSON)
    document = collections_document(page, links, await store.policies(), asked.selection())
    return respond(request, document, links=links)


@router.get(
    "/collections/{collection}", responses=answer(Collection, "The collection."), openapi_extra=query()
)
async def collection(request: Request, store: Store, reader: Asker, collection: str) -> Response:
    """Return a collection."""
    stored = await store.collection(collection, reader)
    if stored is None:
        raise no_collection(collection)
    policy = (await store.policies()).get(collection)
    document = collection_document(FoundCollection(collection, stored), policy)
    return respond_revision(request, stored, document, JSON, policy=policy)


@router.get(
    "/collections/{collection}/items",
    response_class=GeoJsonResponse,
    responses=answer(ItemCollection, "The items, and a link to the next page."),
    openapi_extra=query(ItemParameters),
)
async def items(request: Request, store: Store, finder: Items, reader: Asker, collection: str) -> Response:
    """Return the items of a collection, all or those that a search finds, newest first if not said."""
    asked = parse_query(ItemParameters, request.query_params)
    wanted = asked.search(collection, current_settings().catalogue.max_page_size, reader)
    page = await finder.find_items(wanted, asked.token)
    if not page.items and await store.collection(collection, reader) is None:
        raise no_collection(collection)
    href = f"{ROOT}/collections/{collection}"
    links = page_links(request, page.token)
    links += [link("parent", href), link("collection", href)]
    policies = await store.policies()
    document = item_collection_document(page, links, addresses_for(request), policies, asked.selection())
    return respond(request, document, GEOJSON, links=links, is_filled_in=True)


@router.get(
    "/collections/{collection}/items/{item}",
    response_class=GeoJsonResponse,
    responses=answer(Item, "The item."),
    openapi_extra=query(),
)
async def item(
    request: Request, store: Store, finder: Items, reader: Asker, collection: str, item: str
) -> Response:
    """Return an item."""
    found = await finder.item(collection, item, reader)
    if found is None:
        raise no_item(collection, item)
    policy = (await store.policies()).get(collection)
    return respond_revision(request, found.document, item_document(found, policy), GEOJSON, policy=policy)
