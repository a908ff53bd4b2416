"""The Data Lake's shape as an application of its own inside the catalogue's: its errors have another form."""

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.routing import Route

from geoscope.catalogue.data_lake import download_routes, routes
from geoscope.catalogue.data_lake.errors import data_lake_error_document
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.orders import order_routes
from geoscope.http_methods import MethodsMiddleware
from geoscope.web import service_application

PREFIX = "/stac/v2"

_MANIFEST = MANIFEST.model_copy(
    update={
        "title": "Catalogue in the Data Lake's shape",
        "summary": "The same catalogue for clients of the Data Lake, with orders and downloads.",
        "routes": (PREFIX,),
        "health": f"{PREFIX}/_mgmt/ping",
        "openapi": f"{PREFIX}/api",
    }
)


def add_data_lake(application: FastAPI) -> None:
    """Answer all below `/stac/v2` by the Data Lake's application, out of the same store and finder."""
    data_lake = create_data_lake(application.state)
    # Not mounted: `/stac/v2` without a slash must be answered too, as logins end there with a query.
    for path in (PREFIX, PREFIX + "/{rest:path}"):
        application.router.routes.append(Route(path, data_lake, include_in_schema=False))


def create_data_lake(state: State) -> FastAPI:
    """Make the application; `state` holds what the catalogue opens when it starts."""
    application = service_application(_MANIFEST, error_document=data_lake_error_document)
    application.state = state
    # Other sites' pages are answered by the catalogue's application around this one.
    application.user_middleware.clear()
    application.add_middleware(MethodsMiddleware, application=application)
    application.include_router(routes.router)
    application.include_router(order_routes.router)
    application.include_router(download_routes.router)
    return application
