"""The catalogue as a web application: a STAC API at `/stac`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI, Request, Response

from geoscope.catalogue import reading_routes, transaction_routes
from geoscope.catalogue.landing import OPENAPI_TYPE
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.settings import current_settings
from geoscope.web import service_application, stac_error_document

OPENAPI_PATH = "/stac/api"


def create_application() -> FastAPI:
    """Make the web application; it opens its store when it starts."""
    # The OpenAPI document has a media type of its own, which FastAPI's own route does not give.
    without_openapi = MANIFEST.model_copy(update={"openapi": None})
    application = service_application(
        without_openapi, error_document=stac_error_document, lifespan=_open_store
    )
    application.include_router(reading_routes.router)
    application.include_router(transaction_routes.router)
    application.add_api_route(OPENAPI_PATH, _openapi, include_in_schema=False)
    return application


async def _openapi(request: Request) -> Response:
    application: FastAPI = request.app
    return Response(orjson.dumps(application.openapi()), media_type=OPENAPI_TYPE)


@asynccontextmanager
async def _open_store(application: FastAPI) -> AsyncIterator[None]:
    store = SqliteStore(current_settings().data_dir / "catalogue" / "catalogue.sqlite")
    application.state.store = store
    try:
        yield
    finally:
        store.close()
