"""What every data service's web application shares: health, CORS, HEAD, errors in the standard's own form."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from geoscope.access import Principal, principal_of_header
from geoscope.error_documents import ErrorDocument, problem_document
from geoscope.errors import GeoscopeError, InvalidInputError, NotSignedInError
from geoscope.http_methods import MethodsMiddleware
from geoscope.service import Manifest
from geoscope.settings import current_settings

# The media type that STAC API and OGC APIs name for their service description.
OPENAPI_MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.1"


def service_application(
    manifest: Manifest,
    *,
    error_document: ErrorDocument = problem_document,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Make the FastAPI application of a service: the same shape for each of them.

    It answers the manifest's health path and OpenAPI path, HEAD wherever there is GET, allows other sites'
    pages to read, and turns every error into the document of the standard that the service speaks.
    """
    application = FastAPI(
        title=manifest.title,
        summary=manifest.summary,
        version=manifest.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    application.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["ETag", "Link", "Location"],
    )
    application.add_middleware(MethodsMiddleware, application=application)

    @application.get(manifest.health, include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    if manifest.openapi:

        @application.get(manifest.openapi, include_in_schema=False)
        async def openapi() -> Response:
            return Response(orjson.dumps(application.openapi()), media_type=OPENAPI_MEDIA_TYPE)

    @application.exception_handler(GeoscopeError)
    async def geoscope_error(_request: Request, error: GeoscopeError) -> Response:
        return _error_response(error, error_document)

    @application.exception_handler(Exception)
    async def unforeseen_error(_request: Request, _error: Exception) -> Response:
        # The web framework raises it again afterwards, so that the log has it whole.
        return _error_response(
            GeoscopeError("Something went wrong inside the service.", "Its log says what."), error_document
        )

    @application.exception_handler(RequestValidationError)
    async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
        problems = "; ".join(
            f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in error.errors()
        )
        return _error_response(InvalidInputError(f"The request is not valid: {problems}."), error_document)

    @application.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        return _error_response(_RoutingError(error), error_document, error.headers)

    return application


class _RoutingError(GeoscopeError):
    """What the web framework itself refuses: an unknown path, a wrong method."""

    def __init__(self, error: HTTPException) -> None:
        super().__init__(f"{error.detail}.")
        self.status = error.status_code
        self.code = HTTPStatus(error.status_code).phrase.replace(" ", "")


def _error_response(
    error: GeoscopeError, error_document: ErrorDocument, headers: Mapping[str, str] | None = None
) -> Response:
    document, media_type = error_document(error)
    own = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Bearer"} if error.status == 401 else {})
    return Response(orjson.dumps(document), error.status, own | dict(headers or {}), media_type)


async def asking_principal(request: Request) -> Principal | None:
    """Return who sends a request, or None for a stranger without a token.

    Raises
    ------
    NotSignedInError
        If there is a token and it is not valid: a bad token is never taken for none.
    """
    return principal_of_header(current_settings(), request.headers.get("authorization"))


async def signed_in_principal(request: Request) -> Principal:
    """Return who sends a request; a stranger is refused.

    Raises
    ------
    NotSignedInError
        If there is no token, or a wrong one.
    """
    principal = await asking_principal(request)
    if principal is None:
        raise NotSignedInError(
            "This needs an access token.", "Send 'Authorization: Bearer TOKEN' (RFC 6750)."
        )
    return principal


AskingPrincipal = Annotated[Principal | None, Depends(asking_principal)]
SignedInPrincipal = Annotated[Principal, Depends(signed_in_principal)]


def base_url(request: Request) -> str:
    """Return the platform's address as this client wrote it, without a slash at the end.

    The edge passes on the scheme and the host name, and answers only to names that the settings allow.
    """
    return str(request.base_url).rstrip("/")
