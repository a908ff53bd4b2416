"""What the routes share: the store, who asks, limited bodies, and answers with addresses filled in."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Header, Request, Response

from geoscope.access import Policy, principal_of_header
from geoscope.catalogue.documents import (
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
from geoscope.catalogue.finding import Finder
from geoscope.catalogue.models import Reader
from geoscope.catalogue.placeholders import BASE
from geoscope.catalogue.readers import reader_of
from geoscope.catalogue.stac_api.revisions import entity_tag, is_known
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import TooLargeError
from geoscope.settings import current_settings
from geoscope.web import base_url

_QUERY = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")

# What is found depends on who asks, and may have changed since: a cache must ask again.
_CACHING = {"Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}


async def _store(request: Request) -> CatalogueStore:
    return store_for(request)


def finder_for(request: Request) -> Finder:
    """Return what finds items."""
    finder: Finder = request.app.state.finder
    return finder


def store_for(request: Request) -> CatalogueStore:
    """Return the store."""
    store: CatalogueStore = request.app.state.store
    return store


def asker_of(request: Request) -> Reader:
    """Return for whom a request asks."""
    return reader_of(principal_of_header(current_settings(), request.headers.get("authorization")))


async def _finder(request: Request) -> Finder:
    return finder_for(request)


async def _reader(request: Request) -> Reader:
    return asker_of(request)


Store = Annotated[CatalogueStore, Depends(_store)]
Items = Annotated[Finder, Depends(_finder)]
Asker = Annotated[Reader, Depends(_reader)]
IfMatch = Annotated[str | None, Header(description="Entity tags of the revisions that may be changed.")]


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
    return take_out(await read_body(request, max_bytes), addresses_for(request))


def respond(
    request: Request,
    document: bytes | dict[str, Any],
    media_type: str = JSON,
    status: int = 200,
    *,
    links: Sequence[Link] = (),
    is_filled_in: bool = False,
) -> Response:
    """Answer with a document, written or not yet, in which placeholders stand for addresses.

    An answer to GET has an entity tag, and is 304 to a client that holds it. Of `links`, the document's own,
    that to the next page is sent as a header too (RFC 8288).
    """
    known = addresses_for(request)
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    if not is_filled_in:
        body = fill_in(body, known)
    headers = dict(_CACHING)
    for each in links:
        if each["rel"] == "next" and each.get("method") == "GET":
            href = fill_in(each["href"].encode(), known).decode()
            headers["Link"] = f'<{href}>; rel="next"; type="{each["type"]}"'
    if request.method == "GET" and status == 200:
        headers["ETag"] = entity_tag(body)
        if is_known(body, request.headers.get("if-none-match")):
            return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type)


def respond_revision(
    request: Request,
    stored: bytes,
    document: bytes,
    media_type: str,
    status: int = 200,
    *,
    policy: Policy | None = None,
) -> Response:
    """Answer with a stored document and its entity tag, or with 304 to a client that holds this revision.

    `policy` is that which the document announces.
    """
    headers = _CACHING | {"ETag": entity_tag(stored, policy)}
    if request.method == "GET" and is_known(stored, request.headers.get("if-none-match"), policy):
        return Response(status_code=304, headers=headers)
    return Response(fill_in(document, addresses_for(request)), status, headers, media_type)


def page_links(request: Request, next_token: str | None, media_type: str = GEOJSON) -> list[Link]:
    """Return the links of a page that was asked for by GET; `next_token` is None on the last."""
    query = _query_string(request)
    links = [link("self", _href(request, query), media_type), link("root", ROOT)]
    if next_token is not None:
        rest = [pair for pair in query.split("&") if pair and not pair.startswith("token=")]
        query = "&".join([*rest, urlencode([("token", next_token)])])
        links.append(link("next", _href(request, query), media_type, method="GET"))
    return links


def addresses_for(request: Request) -> Addresses:
    """Return the platform's addresses as this client sees them."""
    return addresses(current_settings(), base_url(request))


def _query_string(request: Request) -> str:
    """Return the query as the client has written it, if it may stand in a URL so (RFC 3986)."""
    sent: bytes = request.scope["query_string"]
    if _QUERY.fullmatch(sent):
        return sent.decode()
    return urlencode(request.query_params.multi_items())


def _href(request: Request, query: str) -> str:
    return f"{BASE}{request.url.path}" + (f"?{query}" if query else "")
