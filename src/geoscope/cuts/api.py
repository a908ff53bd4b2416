"""OGC API - Environmental Data Retrieval at `/edr`."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from geoscope.cube_items import is_cube
from geoscope.cuts import metadata
from geoscope.cuts.answers import begun, pieces_of
from geoscope.cuts.asking import cuts_of_collection, cuts_of_instance, job_request, require_allowed
from geoscope.cuts.estimates import CutTooLargeError, estimate
from geoscope.cuts.forms import Form
from geoscope.cuts.locations import list_countries
from geoscope.cuts.manifest import MANIFEST
from geoscope.cuts.openapi import openapi_of_query
from geoscope.cuts.parameters import PARAMETERS, Kind
from geoscope.cuts.process import REMOVE_EXPIRED_CUTS, SWEEPER_ROLE
from geoscope.cuts.products import product_response
from geoscope.cuts.queries import Question, read_question
from geoscope.error_documents import problem_document
from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError
from geoscope.holdings import OpenHoldings, SeenHoldings, cache_headers, holdings_lifespan
from geoscope.http_methods import is_head
from geoscope.recurring import asked_now_and_then
from geoscope.settings import current_settings
from geoscope.web import base_url, service_application

# Data change only when an item is written anew; then an answer may be this old.
CACHE_CONTROL = "public, max-age=60"
_LOOK_EVERY_S = 0.5
SWEEP_EVERY_S = 6 * 3600.0

_PROBLEM = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A problem, and what would fit"} | _PROBLEM,
    "503": {"description": "A part of the platform does not answer now"} | _PROBLEM,
}


class GeoJsonResponse(Response):
    """GeoJSON, as the OpenAPI document names it."""

    media_type = metadata.GEOJSON


router = APIRouter(prefix="/edr", responses=REFUSALS)


def create_application() -> FastAPI:
    """Make the application of the cuts service."""
    application = service_application(MANIFEST, error_document=_error_document, lifespan=_lifespan)
    application.include_router(router)
    return application


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    sweeping = asked_now_and_then(
        current_settings(), REMOVE_EXPIRED_CUTS.id, "service:cuts", SWEEPER_ROLE, SWEEP_EVERY_S
    )
    async with holdings_lifespan(application), sweeping:
        yield


@router.get("", summary="Landing page")
async def landing_page(request: Request) -> Response:
    """Say what is here, with links."""
    openapi = f"{base_url(request)}{MANIFEST.openapi}"
    return _document(metadata.landing_page(MANIFEST.title, MANIFEST.summary, _address(request), openapi))


@router.get("/conformance", summary="Conformance classes")
async def conformance() -> Response:
    """Say which parts of the standard are kept."""
    return _document(metadata.conformance())


@router.get("/collections", summary="Collections")
async def collections(request: Request, holdings: OpenHoldings) -> Response:
    """List the collections that can be cut."""
    found = metadata.collections(await holdings.collections(), _address(request))
    return _document(found, holdings)


@router.get("/collections/{collection}", summary="One collection")
async def one_collection(request: Request, holdings: OpenHoldings, collection: str) -> Response:
    """Describe a collection: extent, parameters, queries."""
    document = await _collection(holdings, collection)
    return _document(metadata.collection(document, _address(request)), holdings)


@router.get("/collections/{collection}/instances", summary="Instances of a collection")
async def instances(request: Request, holdings: OpenHoldings, collection: str) -> Response:
    """List the instances of a collection, such as the scenarios of a projection."""
    parent, items = await holdings.collection(collection), await holdings.items(collection)
    return _document(metadata.instances(items, parent, _address(request)), holdings)


@router.get("/collections/{collection}/instances/{instance}", summary="One instance")
async def one_instance(request: Request, holdings: OpenHoldings, collection: str, instance: str) -> Response:
    """Describe an instance: extent, parameters, queries."""
    item = await holdings.item(collection, instance)
    if not is_cube(item):
        raise NotFoundError(f"The instance {instance!r} is no cube.", "Only cubes can be cut.")
    return _document(metadata.instance(item, _address(request)), holdings)


@router.get("/products/{product}/{name}", summary="The result of a job")
async def product(request: Request, product: str, name: str) -> Response:
    """Return what a job has cut; whoever has the address may, until it expires. Ranges are answered."""
    return await product_response(request, product, name)


# No largest limit: the standard wants more than that to be no error, and Earth has few countries.
Limit = Annotated[int, Query(ge=1, description="Most locations of the answer.")]
Bbox = Annotated[str | None, Query(description="Only locations that meet west,south,east,north.")]


async def _locations(
    request: Request, holdings: SeenHoldings, collection: str, bbox: str | None, limit: int
) -> Response:
    document = await _collection(holdings, collection)
    address = f"{_address(request)}{request.url.path.removeprefix('/edr')}"
    found = list_countries(document["extent"]["spatial"]["bbox"], address, bbox, limit)
    return GeoJsonResponse(orjson.dumps(found), headers=cache_headers(holdings, CACHE_CONTROL))


@router.get(
    "/collections/{collection}/locations", summary="Locations: countries", response_class=GeoJsonResponse
)
async def collection_locations(
    request: Request, holdings: OpenHoldings, collection: str, bbox: Bbox = None, limit: Limit = 1000
) -> Response:
    """List the countries that the collection covers, as GeoJSON."""
    return await _locations(request, holdings, collection, bbox, limit)


@router.get(
    "/collections/{collection}/instances/{instance}/locations",
    summary="Locations: countries",
    response_class=GeoJsonResponse,
)
async def instance_locations(
    request: Request,
    holdings: OpenHoldings,
    collection: str,
    instance: str,
    bbox: Bbox = None,
    limit: Limit = 1000,
) -> Response:
    """List the countries that the collection of the instance covers, as GeoJSON."""
    await holdings.item(collection, instance)
    return await _locations(request, holdings, collection, bbox, limit)


def _add_queries() -> None:
    """Add the routes of each kind of query: for collections, and for instances."""
    for kind in Kind:
        place = f"{kind}/{{location}}" if kind is Kind.LOCATIONS else str(kind)
        for path, where in (("", "collection"), ("/instances/{instance}", "instance")):
            router.add_api_route(
                f"/collections/{{collection}}{path}/{place}",
                _query_of(kind),
                methods=["GET"],
                name=f"{where}_{kind}",
                operation_id=f"{where}_{kind}",
                summary=metadata.TITLES[kind],
                openapi_extra=openapi_of_query(PARAMETERS[kind], in_instance=bool(path), kind=kind),
            )


def _query_of(kind: Kind) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def query(request: Request, holdings: OpenHoldings) -> Response:
        path = request.path_params
        given = dict(request.query_params)
        if len(given) < len(request.query_params.multi_items()):
            raise InvalidInputError("A parameter is given several times.", "Separate values with commas.")
        # Outlines of countries are read when they are first asked for: that takes half a second.
        question = await asyncio.to_thread(
            read_question, kind, given, request.headers.get("accept", ""), path.get("location")
        )
        return await _answer(request, holdings, question, given)

    return query


async def _answer(
    request: Request, holdings: SeenHoldings, question: Question, given: dict[str, str]
) -> Response:
    path = request.path_params
    collection, instance = path["collection"], path.get("instance")
    if instance is None:
        cuts = await cuts_of_collection(holdings, collection, question)
    else:
        cuts = await cuts_of_instance(holdings, collection, instance, question)
    asked = job_request(base_url(request), path, question.kind, given)
    if question.only_estimate:
        settings = current_settings().cuts
        found = await asyncio.to_thread(estimate, cuts, question.form)
        document = metadata.estimate_document(found, settings.max_values, settings.max_job_values, asked)
        return Response(
            orjson.dumps(document), media_type="application/json", headers=cache_headers(holdings, "no-cache")
        )
    await asyncio.to_thread(require_allowed, cuts, question.form, asked, current_settings().cuts)
    title = collection if instance is None else f"{collection}-{instance}"
    headers = _headers(holdings, question.form, f"{title}-{question.name}")
    if is_head(request):
        return Response(headers=headers, media_type=question.form.media_type)
    pieces = pieces_of(cuts, question.form, title)
    body = await _while_connected(request, begun(pieces, cuts))
    return StreamingResponse(body, media_type=question.form.media_type, headers=headers)


async def _while_connected[Result](request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work; if the client goes away before it is done, end it."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK_EVERY_S)
            if not task.done() and await request.is_disconnected():
                raise _GoneError("The client has gone away.")
        return task.result()
    finally:
        task.cancel()


class _GoneError(GeoscopeError):
    """Nobody waits for the answer any more (the status is that of nginx; nobody sees it)."""

    status = 499
    code = "ClientClosedRequest"


async def _collection(holdings: SeenHoldings, collection: str) -> dict[str, Any]:
    document = await holdings.collection(collection)
    if "cube:variables" not in document:
        raise NotFoundError(f"The collection {collection!r} holds no cubes.", "Only cubes can be cut.")
    return document


def _headers(holdings: SeenHoldings, form: Form, name: str) -> dict[str, str]:
    headers = cache_headers(holdings, CACHE_CONTROL)
    headers["Vary"] = ", ".join(filter(None, ("Accept", headers.get("Vary"))))
    if form is not Form.COVERAGE_JSON:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        headers["Content-Disposition"] = f'attachment; filename="{safe}{form.suffix}"'
    return headers


def _document(model: BaseModel, holdings: SeenHoldings | None = None) -> Response:
    headers = cache_headers(holdings, "") if holdings else {}
    content = model.model_dump_json(exclude_none=True, by_alias=True)
    return Response(content, headers=headers, media_type="application/json")


def _error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    document, media_type = problem_document(error)
    return document | (error.members if isinstance(error, CutTooLargeError) else {}), media_type


def _address(request: Request) -> str:
    return f"{base_url(request)}/edr"


_add_queries()
