"""What the routes share: the store, bodies of limited size, and answers with addresses filled in."""

from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Header, Request, Response

from geoscope.catalogue.documents import (
    BASE,
    GEOJSON,
    JSON,
    ROOT,
    Addresses,
    Link,
    addresses,
    fill_in,
    link,
    take_out,
)
from geoscope.catalogue.models import Position, encode_token
from geoscope.catalogue.revisions import entity_tag, is_known
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import TooLargeError
from geoscope.settings import current_settings
from geoscope.web import base_url


async def _store(request: Request) -> CatalogueStore:
    store: CatalogueStore = request.app.state.store
    return store


Store = Annotated[CatalogueStore, Depends(_store)]
IfMatch = Annotated[str | None, Header(description="Entity tags of the revisions that may be changed.")]
IfNoneMatch = Annotated[str | None, Header(description="Entity tags of the revisions that the client holds.")]


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request.

    Raises
    ------
    TooLargeError
        As soon as it is known to be larger than `max_bytes`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError(f"The body has more than {max_bytes} bytes.", "Send less at once.")
    return bytes(body)


async def read_document(request: Request, max_bytes: int) -> bytes:
    """Return a body that is to be stored: placeholders stand in it for the platform's addresses."""
    return take_out(await read_body(request, max_bytes), _addresses(request))


def respond(
    request: Request, document: bytes | dict[str, Any], media_type: str = JSON, status: int = 200
) -> Response:
    """Answer with a document, written or not yet, in which placeholders stand for addresses."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Response(fill_in(body, _addresses(request)), status, media_type=media_type)


def respond_revision(
    request: Request,
    stored: bytes,
    document: bytes,
    media_type: str,
    *,
    status: int = 200,
    if_none_match: str | None = None,
) -> Response:
    """Answer with a stored document and its entity tag, or with 304 to a client that holds this revision."""
    if is_known(stored, if_none_match):
        answer = Response(status_code=304)
    else:
        answer = respond(request, document, media_type, status)
    answer.headers["ETag"] = entity_tag(stored)
    return answer


def page_links(request: Request, end: Position | str | None) -> list[Link]:
    """Return the links of a page that was asked for by GET; `end` is None on the last page."""
    media_type = JSON if request.url.path.endswith("/collections") else GEOJSON
    asked = request.query_params.multi_items()
    links = [link("self", _href(request, asked), media_type), link("root", ROOT)]
    if end is not None:
        rest = [(name, value) for name, value in asked if name != "token"]
        links.append(
            link("next", _href(request, [*rest, ("token", encode_token(end))]), media_type, method="GET")
        )
    return links


def _addresses(request: Request) -> Addresses:
    return addresses(current_settings(), base_url(request))


def _href(request: Request, parameters: list[tuple[str, str]]) -> str:
    return f"{BASE}{request.url.path}" + (f"?{urlencode(parameters)}" if parameters else "")
