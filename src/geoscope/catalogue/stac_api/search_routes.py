"""Searching for items across collections, by GET and by POST."""

from fastapi import APIRouter, Request, Response

from geoscope.catalogue.documents import GEOJSON, ROOT, item_collection_document, link
from geoscope.catalogue.stac_api.exchange import (
    addresses_for,
    asker_of,
    finder_for,
    page_links,
    read_body,
    respond,
    store_for,
)
from geoscope.catalogue.stac_api.lean_routes import LeanRoute
from geoscope.catalogue.stac_api.openapi import GeoJsonResponse, ItemCollection, answer, body, query
from geoscope.catalogue.stac_api.parameters import parse_body, parse_query
from geoscope.catalogue.stac_api.search_parameters import SearchBody, SearchParameters
from geoscope.settings import current_settings

MAX_SEARCH_BYTES = 1024**2

router = APIRouter(
    prefix="/stac", default_response_class=GeoJsonResponse, tags=["Item search"], route_class=LeanRoute
)

_PAGE = answer(ItemCollection, "The items, and a link to the next page.")


@router.get("/search", summary="Item search", responses=_PAGE, openapi_extra=query(SearchParameters))
async def search(request: Request) -> Response:
    """Return the items that a search across collections finds, newest first unless it says otherwise."""
    asked = parse_query(SearchParameters, request.query_params)
    wanted = asked.search(current_settings().catalogue.max_page_size, asker_of(request))
    page = await finder_for(request).find_items(wanted, asked.token)
    links = page_links(request, page.token)
    policies = await store_for(request).policies()
    document = item_collection_document(page, links, addresses_for(request), policies, asked.selection())
    return respond(request, document, GEOJSON, links=links, is_filled_in=True)


@router.post("/search", summary="Item search", responses=_PAGE, openapi_extra=body(SearchBody))
async def search_by_body(request: Request) -> Response:
    """Return the items that a search across collections finds, newest first unless it says otherwise."""
    asked = parse_body(SearchBody, await read_body(request, MAX_SEARCH_BYTES))
    wanted = asked.search(current_settings().catalogue.max_page_size, asker_of(request))
    page = await finder_for(request).find_items(wanted, asked.token)
    links = [link("self", f"{ROOT}/search", GEOJSON), link("root", ROOT)]
    if page.token is not None:
        next_body = asked.model_dump(exclude_unset=True, by_alias=True) | {"token": page.token}
        links.append(link("next", f"{ROOT}/search", GEOJSON, method="POST", body=next_body, merge=False))
    policies = await store_for(request).policies()
    document = item_collection_document(page, links, addresses_for(request), policies, asked.selection())
    return respond(request, document, GEOJSON, is_filled_in=True)
