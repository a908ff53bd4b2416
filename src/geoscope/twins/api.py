"""The twins service: `/polytope` for data, `/twins` for what can be asked, and for cubes as Zarr."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from fastapi import APIRouter, FastAPI, Request, Response

from geoscope.errors import NotFoundError
from geoscope.holdings import Holdings, OpenHoldings, cache_headers
from geoscope.mars.queryables import chosen_values, constrained_queryables
from geoscope.recurring import asked_now_and_then
from geoscope.settings import current_settings
from geoscope.twins import zarr_http
from geoscope.twins.expiry.process import EXPIRE_TWIN_VERSIONS, EXPIRER_ROLE
from geoscope.twins.manifest import MANIFEST
from geoscope.twins.polytope import routes as polytope
from geoscope.twins.polytope.desk import Desk
from geoscope.twins.vocabulary.existing import existing_datasets
from geoscope.web import base_url, service_application

JSON_SCHEMA = "application/schema+json"
CACHE_CONTROL = "public, max-age=15"
EXPIRE_EVERY_S = 24 * 3600.0

router = APIRouter(prefix="/twins", tags=["Twins"])


def create_application() -> FastAPI:
    """Make the application of the twins service."""
    application = service_application(
        MANIFEST, error_document=polytope.error_document, lifespan=_holdings_and_desk
    )
    application.include_router(router)
    application.include_router(polytope.router)
    application.include_router(zarr_http.router)
    application.add_api_route("/polytope", _landing, include_in_schema=False)
    application.add_api_route("/polytope/", _landing, include_in_schema=False)
    return application


@asynccontextmanager
async def _holdings_and_desk(application: FastAPI) -> AsyncIterator[None]:
    settings = current_settings()
    async with Holdings(settings) as holdings:
        application.state.holdings = holdings
        application.state.desk = Desk(settings, holdings)
        expiring = asked_now_and_then(
            settings, EXPIRE_TWIN_VERSIONS.id, "service:twins", EXPIRER_ROLE, EXPIRE_EVERY_S
        )
        async with application.state.desk.opened(), expiring:
            yield


async def _landing(request: Request) -> Response:
    """Say where the API is; also where clients are sent back to when they have signed in."""
    return Response(
        orjson.dumps({"message": f"The Polytope API is at {base_url(request)}{polytope.ROOT}."}),
        media_type="application/json",
    )


@router.get("/queryables", summary="What can be asked for")
async def queryables(request: Request, holdings: OpenHoldings, collection: str | None = None) -> Response:
    """Return what can be asked for in ECMWF's words, as a JSON Schema.

    Any query parameter `ecmwf:KEY` is a value that is chosen already; the answer has what is left then.
    """
    datasets = await existing_datasets(holdings, collection)
    if collection is not None and not datasets:
        raise NotFoundError(f"The collection {collection[:100]!r} holds no twin data.")
    chosen, _ = chosen_values(request.query_params.multi_items())
    properties, required = constrained_queryables(datasets, chosen)
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": f"{base_url(request)}/twins/queryables",
        "type": "object",
        "title": f"Queryables of {collection}" if collection else "Queryables of the digital twins",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return Response(
        orjson.dumps(schema), headers=cache_headers(holdings, CACHE_CONTROL), media_type=JSON_SCHEMA
    )
