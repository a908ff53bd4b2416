"""All data services in one process: each an ASGI application of its own, chosen by its routes.

At scale each service runs in a process of its own with the same paths; this file is all that differs.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from geoscope.error_documents import problem_document
from geoscope.errors import NotFoundError
from geoscope.manifests import core_manifests
from geoscope.service import Manifest, is_below


def create_application() -> ASGIApp:
    """Return the application of the data process, for `uvicorn --factory`."""
    return SideBySide([manifest for manifest in core_manifests() if manifest.app])


class SideBySide:
    """Several applications behind one door: the path's first part says whose request it is.

    Parameters
    ----------
    manifests : list of Manifest
        Services that name an application. Paths reach them unchanged.
    """

    def __init__(self, manifests: list[Manifest]) -> None:
        self._applications = [_load(manifest) for manifest in manifests]
        routed = zip(manifests, self._applications, strict=True)
        self._routes = [(route, application) for manifest, application in routed for route in manifest.routes]
        self._lifespan = Starlette(lifespan=self._start_all)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application whose route it is."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        for route, application in self._routes:
            if is_below(scope["path"], route):
                await application(scope, receive, send)
                return
        document, media_type = problem_document(NotFoundError(f"No service has the path {scope['path']}."))
        await Response(orjson.dumps(document), 404, media_type=media_type)(scope, receive, send)

    @asynccontextmanager
    async def _start_all(self, _lifespan: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for application in self._applications:
                await stack.enter_async_context(application.router.lifespan_context(application))
            yield


def _load(manifest: Manifest) -> Starlette:
    module, _, factory = (manifest.app or "").partition(":")
    application: Starlette = getattr(import_module(module), factory)()
    return application
