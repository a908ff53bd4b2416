"""The catalogue as a web application: a STAC API at `/stac`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from geoscope.catalogue import access_routes
from geoscope.catalogue.data_lake.application import add_data_lake
from geoscope.catalogue.federation import routes as federation_routes
from geoscope.catalogue.federation.running import open_federation
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.orders.keeper import keep_orders
from geoscope.catalogue.orders.kept_orders import open_orders
from geoscope.catalogue.publishing import data_routes
from geoscope.catalogue.publishing import routes as publishing_routes
from geoscope.catalogue.stac_api import reading_routes, search_routes, summary_routes, transaction_routes
from geoscope.catalogue.store import open_store
from geoscope.error_documents import stac_error_document
from geoscope.settings import current_settings
from geoscope.web import service_application


def create_application() -> FastAPI:
    """Make the web application; it opens its store when it starts."""
    application = service_application(MANIFEST, error_document=stac_error_document, lifespan=_open_store)
    # The routes that are asked most stand first, as they are tried in this order.
    application.include_router(search_routes.router)
    application.include_router(reading_routes.router)
    application.include_router(summary_routes.router)
    application.include_router(transaction_routes.router)
    application.include_router(access_routes.router)
    application.include_router(publishing_routes.router)
    application.include_router(data_routes.router)
    application.include_router(federation_routes.router)
    add_data_lake(application)
    return application


@asynccontextmanager
async def _open_store(application: FastAPI) -> AsyncIterator[None]:
    store = open_store(current_settings())
    application.state.store = store
    application.state.orders = orders = open_orders(current_settings())
    try:
        async with (
            keep_orders(current_settings(), orders) as application.state.order_keeper,
            open_federation(current_settings(), store) as (federation, finder),
        ):
            application.state.federation, application.state.finder = federation, finder
            yield
    finally:
        store.close()
