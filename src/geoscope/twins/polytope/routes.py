"""The Polytope API 1 at `/polytope/api/v1`, as polytope-client, earthkit-data and eodag speak it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import StreamingResponse

from geoscope.access import Principal
from geoscope.errors import GeoscopeError, GoneError, InvalidInputError, NotFoundError, TooLargeError
from geoscope.http_methods import is_head
from geoscope.settings import current_settings
from geoscope.twins.polytope.credentials import principal_of
from geoscope.twins.polytope.desk import Desk, describe, require
from geoscope.twins.polytope.kept_request import KeptRequest, Status
from geoscope.web import base_url

ROOT = "/polytope/api/v1"
COLLECTIONS = ("destination-earth",)

MOST_BODY_BYTES = 2 * 1024**2
RETRY_AFTER_S = "5"
# What is answered within this time needs no second question.
MOMENT_S = 1.0
CHUNK_BYTES = 1024**2


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


OpenDesk = Annotated[Desk, Depends(_desk)]


async def _asker(request: Request, desk: OpenDesk) -> Principal:
    return await principal_of(current_settings(), desk.readers, request.headers.get("authorization"))


Asker = Annotated[Principal, Depends(_asker)]

router = APIRouter(prefix=ROOT, tags=["Polytope"])


@router.get("/test", summary="Is it there?")
async def test() -> Response:
    """Answer, to whoever asks."""
    return _message("Polytope server is alive")


@router.get("/collections", summary="Collections")
async def collections() -> Response:
    """List the collections that can be asked."""
    return _message(list(COLLECTIONS))


@router.get("/user", summary="Who asks")
async def user(asker: Asker, desk: OpenDesk) -> Response:
    """Tell how many of the asker's requests are not answered yet."""
    live = await asyncio.to_thread(desk.requests.live_of, asker.subject)
    return _json({"live requests": str(live)})


@router.get("/requests", summary="Own requests")
async def own_requests(asker: Asker, desk: OpenDesk) -> Response:
    """List the asker's requests."""
    found = await asyncio.to_thread(desk.requests.of_owner, asker.subject)
    return _message([describe(kept) for kept in found])


@router.post("/requests/{collection}", summary="Ask for data")
async def submit(request: Request, asker: Asker, desk: OpenDesk, collection: str) -> Response:
    """Put a request into the queue; what is wrong with it is said at once."""
    _check_collection(collection)
    kept = await desk.submit(asker, await _asked(request))
    return _waiting(request, kept, "Request queued")


@router.get("/requests/{name}", summary="How far a request is")
async def request_state(request: Request, asker: Asker, desk: OpenDesk, name: str) -> Response:
    """Tell how far a request is, and in the end where its result is; of a collection, list requests."""
    if name in COLLECTIONS:
        return await own_requests(asker, desk)
    await desk.wait(name, MOMENT_S)
    kept = require(await asyncio.to_thread(desk.requests.find, name, asker.subject), name)
    if kept.status is Status.FAILED:
        # Not 500: clients would ask again for twenty minutes.
        raise InvalidInputError(kept.message)
    if kept.status is Status.EXPIRED:
        raise GoneError("The result was removed.", "Ask again.")
    if kept.status is Status.PROCESSED:
        return _result(request, kept)
    message = "Request queued" if kept.status is Status.QUEUED else "Request is being processed"
    return _waiting(request, kept, message)


@router.delete("/requests/{name}", summary="Revoke a request")
async def revoke(asker: Asker, desk: OpenDesk, name: str) -> Response:
    """Forget a request and its result; with `all`, every one that is still in the queue."""
    if name == "all":
        return _message(f"{await desk.revoke_waiting(asker.subject)} requests revoked")
    kept = require(await asyncio.to_thread(desk.requests.find, name, asker.subject), name)
    await desk.revoke(kept)
    return _message("Request revoked")


@router.get("/downloads/{secret}", summary="A result")
async def download(request: Request, desk: OpenDesk, secret: str) -> Response:
    """Send a result to whoever knows its address, until it expires.

    A range is answered with 200, as clients want it: polytope-client, who sends its credentials, adds what
    comes to what it has and gets the rest; anybody else gets all.
    """
    kept = await asyncio.to_thread(desk.requests.of_download, secret)
    path = desk.path_of(kept.id) if kept else None
    if kept is None or path is None or not path.exists():
        raise GoneError("This result is not there, or not any more.", "Ask again.")
    resumed = request.headers.get("range", "") if "authorization" in request.headers else ""
    match = re.fullmatch(r"bytes=(\d{1,18})-", resumed)
    start = min(int(match[1]), kept.size) if match else 0
    headers = {
        "Content-Length": str(kept.size - start),
        # Clients count the bytes that they have unpacked: nobody on the way may compress them.
        "Cache-Control": "private, no-store, no-transform",
        "Content-Disposition": f'attachment; filename="{kept.id}.{_suffix(kept.media_type)}"',
        "Accept-Ranges": "none",
        "X-Content-Type-Options": "nosniff",
    }
    body = _sent(path, start) if not is_head(request) else None
    if body is None:
        return Response(headers=headers, media_type=kept.media_type)
    return StreamingResponse(body, headers=headers, media_type=kept.media_type)


async def _sent(path: Path, start: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield piece


async def _asked(request: Request) -> object:
    """Return the request out of a body: `{"verb": "retrieve", "request": ...}`.

    Raises
    ------
    InvalidInputError
        If it is not that.
    TooLargeError
        If it is too long.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise TooLargeError("The request is too long.", f"At most {MOST_BODY_BYTES} bytes are read.")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is no valid JSON: {error}.") from error
    if not isinstance(told, dict) or "request" not in told:
        raise InvalidInputError(
            "The body has no request.", 'Expected {"verb": "retrieve", "request": {...}}.'
        )
    if told.get("verb", "retrieve") != "retrieve":
        raise InvalidInputError(f"verb: {str(told['verb'])[:50]!r} is not offered.", "Expected retrieve.")
    return told["request"]


def _check_collection(collection: str) -> None:
    if collection not in COLLECTIONS:
        raise NotFoundError(f"There is no collection {collection[:60]!r}.", f"There is {COLLECTIONS[0]}.")


def _waiting(request: Request, kept: KeptRequest, message: str) -> Response:
    headers = {"Location": f"{base_url(request)}{ROOT}/requests/{kept.id}", "Retry-After": RETRY_AFTER_S}
    return _json({"message": message, "status": kept.status}, 202, headers)


def _result(request: Request, kept: KeptRequest) -> Response:
    location = f"{base_url(request)}{ROOT}/downloads/{kept.download}"
    told = {"location": location, "contentLength": kept.size, "contentType": kept.media_type}
    return _json(told, 303, {"Location": location})


def _suffix(media_type: str) -> str:
    return "grib" if media_type.endswith("grib") else "covjson"


def _message(message: object) -> Response:
    return _json({"message": message})


def _json(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    own = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(document), status, own, "application/json")


def error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error as Polytope does: one sentence."""
    return {"message": str(error)}, "application/json"
