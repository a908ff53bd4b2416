"""OGC API - Environmental Data Retrieval at `/edr`."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel

from geoscope.cuts import coveragejson, metadata
from geoscope.cuts.manifest import MANIFEST
from geoscope.cuts.position import Series, read_series
from geoscope.cuts.queries import Form, Place, check_reference_system, read_names
from geoscope.cuts.table import csv_table
from geoscope.errors import NotFoundError, TooLargeError
from geoscope.holdings import OpenHoldings, SeenHoldings, cache_headers, holdings_lifespan, is_cube
from geoscope.settings import current_settings
from geoscope.web import base_url, service_application

# Data change only when an item is written anew; then an answer may be this old.
CACHE_CONTROL = "public, max-age=60"
MOST_INSTANCES = 50


class PositionQuery:
    """The parameters of a position query, read and checked."""

    def __init__(
        self,
        request: Request,
        coords: Annotated[str, Query(description="Place as POINT(longitude latitude), in degrees.")],
        parameter_name: Annotated[
            str | None,
            Query(alias="parameter-name", description="Names, separated by commas; all by default."),
        ] = None,
        datetime: Annotated[
            str | None, Query(description="Instant or interval, RFC 3339; open ends are `..`.")
        ] = None,
        crs: Annotated[str | None, Query(description="Only CRS84.")] = None,
        f: Annotated[str | None, Query(description="`CoverageJSON` or `CSV`.")] = None,
    ) -> None:
        check_reference_system(crs)
        self.place = Place.from_text(coords)
        self.names = read_names(parameter_name)
        self.datetime = datetime
        self.form = Form.choose(f, request.headers.get("accept", ""))
        self.max_values = current_settings().cuts.max_values


Position = Annotated[PositionQuery, Depends()]

router = APIRouter(prefix="/edr")


def create_application() -> FastAPI:
    """Make the application of the cuts service."""
    application = service_application(MANIFEST, lifespan=holdings_lifespan)
    application.include_router(router)
    return application


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
    document = await holdings.collection(collection)
    if "cube:variables" not in document:
        raise NotFoundError(f"The collection {collection!r} holds no cubes.", "Only cubes can be cut.")
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


@router.get("/collections/{collection}/position", summary="Time series at a place, of each instance")
async def collection_position(holdings: OpenHoldings, collection: str, query: Position) -> Response:
    """Read a place in every instance; one that has nothing there or then is left out."""
    items = await holdings.items(collection)
    if len(items) > MOST_INSTANCES:
        raise TooLargeError(
            f"{collection!r} has {len(items)} instances; {MOST_INSTANCES} can be asked together.",
            f"Ask one of them: /edr/collections/{collection}/instances/ID/position.",
        )
    share = query.max_values // max(len(items), 1)
    readings = (_read(holdings, collection, item["id"], query, share) for item in items)
    found = _those_that_have_data(await asyncio.gather(*readings, return_exceptions=True), collection)
    return _series_response(holdings, found, query.form, collection)


@router.get("/collections/{collection}/instances/{instance}/position", summary="Time series at a place")
async def instance_position(
    holdings: OpenHoldings, collection: str, instance: str, query: Position
) -> Response:
    """Read a place in one instance."""
    series = await _read(holdings, collection, instance, query, query.max_values)
    return _series_response(holdings, [series], query.form, f"{collection}-{instance}")


async def _read(
    holdings: SeenHoldings, collection: str, instance: str, query: PositionQuery, max_values: int
) -> Series:
    cube = await holdings.cube(collection, instance)
    return await read_series(instance, cube, query.place, query.names, query.datetime, max_values)


def _those_that_have_data(readings: list[Series | BaseException], collection: str) -> list[Series]:
    """Leave out the instances that have nothing at this place or time, unless that is all of them."""
    for reading in readings:
        if isinstance(reading, BaseException) and not isinstance(reading, NotFoundError):
            raise reading
    found = [reading for reading in readings if isinstance(reading, Series)]
    if not found:
        reasons = [reading for reading in readings if isinstance(reading, NotFoundError)]
        raise reasons[0] if reasons else NotFoundError(f"The collection {collection!r} has no instances yet.")
    return found


def _series_response(holdings: SeenHoldings, found: list[Series], form: Form, name: str) -> Response:
    headers = cache_headers(holdings, CACHE_CONTROL)
    headers["Vary"] = ", ".join(filter(None, ("Accept", headers.get("Vary"))))
    if form is Form.CSV:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        headers["Content-Disposition"] = f'attachment; filename="{safe}.csv"'
        return Response(csv_table(found), media_type=form.media_type, headers=headers)
    one = len(found) == 1
    content = coveragejson.coverage_document(found[0]) if one else coveragejson.collection_document(found)
    return Response(content, media_type=form.media_type, headers=headers)


def _document(model: BaseModel, holdings: SeenHoldings | None = None) -> Response:
    headers = cache_headers(holdings, "") if holdings else {}
    content = model.model_dump_json(exclude_none=True, by_alias=True)
    return Response(content, headers=headers, media_type="application/json")


def _address(request: Request) -> str:
    return f"{base_url(request)}/edr"
