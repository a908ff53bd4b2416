"""The catalogue as a web application: a STAC API at `/stac`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from geoscope.catalogue import reading_routes, transaction_routes
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.error_documents import stac_error_document
from geoscope.settings import current_settings
from geoscope.web import service_application


def create_application() -> FastAPI:
    """Make the web application; it opens its store when it starts."""
    application = service_application(MANIFEST, error_document=stac_error_document, lifespan=_open_store)
    application.include_router(reading_routes.router)
    application.include_router(transaction_routes.router)
    return application


@asynccontextmanager
async def _open_store(application: FastAPI) -> AsyncIterator[None]:
    store = SqliteStore(current_settings().data_dir / "catalogue" / "catalogue.sqlite")
    application.state.store = store
    try:
        yield
    finally:
        store.close()
