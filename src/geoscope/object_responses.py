"""Answering with an object of the object store: whole or a range of it (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import quote

from fastapi import Request, Response
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import S3Store
from starlette.responses import StreamingResponse

from geoscope.errors import GeoscopeError, NotFoundError, UnavailableError
from geoscope.http_methods import is_head

# Fetched one after the other: no request to the store lasts as long as a slow client's download.
CHUNK_BYTES = 4 * 1024**2

_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


class RangeNotSatisfiableError(GeoscopeError):
    """The range that was asked for begins after the end of the object."""

    status = 416
    code = "RangeNotSatisfiable"


class Span(NamedTuple):
    """A part of an object in bytes, `end` not included."""

    start: int
    end: int


async def object_response(
    request: Request, store: S3Store, key: str, *, media_type: str, file_name: str, inline: bool = False
) -> Response:
    """Answer with an object: 200, 206 for a single range, 304 to a client that holds it.

    Parameters
    ----------
    request : Request
        Its headers say which part, and which revision the client holds.
    store, key : S3Store, str
        Where the object is; whether the client may read it was checked before.
    media_type : str
        What it is.
    file_name : str
        What the client shall call it.
    inline : bool
        Whether a browser may show it, as a picture; else it is a download.

    Raises
    ------
    NotFoundError
        If it is not there.
    RangeNotSatisfiableError
        If the range begins after its end.
    UnavailableError
        If the object store does not answer.
    """
    try:
        about = await store.head_async(key)
    except FileNotFoundError as error:
        raise NotFoundError(f"The file {file_name!r} is not there any more.") from error
    except ObjectStoreError as error:
        raise UnavailableError("The object store does not answer now.", "Try again in a moment.") from error
    size, tag = about["size"], about["e_tag"] or ""
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        # It shares the pages' origin: the sandbox keeps a stored page from acting as ours.
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": content_disposition(file_name, inline=inline),
        "ETag": tag,
        "Last-Modified": format_datetime(about["last_modified"], usegmt=True),
        "Vary": "Authorization, Cookie",
        "X-Content-Type-Options": "nosniff",
    }
    if tag and _names(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    whole = Span(0, size)
    span = _span(request, whole, tag, headers["Last-Modified"])
    headers["Content-Length"] = str(span.end - span.start)
    if span is not whole:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    status = 200 if span is whole else 206
    if is_head(request):
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_chunks(store, key, span, tag), status, headers, media_type)


def content_disposition(file_name: str, *, inline: bool = False) -> str:
    """Return the header that names a download, its name in quotes and, if need be, in UTF-8 (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ ()+,=@~-]", "_", file_name) or "file"
    kind = "inline" if inline else "attachment"
    extended = "" if plain == file_name else f"; filename*=UTF-8''{quote(file_name, safe='')}"
    return f'{kind}; filename="{plain}"{extended}'


def _span(request: Request, whole: Span, tag: str, modified: str) -> Span:
    """Return the range that is asked for; `whole` itself if none is, or one that is not understood."""
    asked = request.headers.get("range", "")
    condition = request.headers.get("if-range")
    match = _RANGE.fullmatch(asked.replace(" ", ""))
    if match is None or match.groups() == ("", "") or (condition and condition not in (tag, modified)):
        return whole
    first, last = match["first"], match["last"]
    if not first:
        span = Span(max(whole.end - int(last), 0), whole.end)
    else:
        span = Span(int(first), min(int(last) + 1, whole.end) if last else whole.end)
        if last and int(last) < int(first):
            return whole
    if span.start >= span.end:
        raise RangeNotSatisfiableError(f"The range {asked!r} begins after the end, at {whole.end} bytes.")
    return span


async def _chunks(store: S3Store, key: str, span: Span, tag: str) -> AsyncIterator[bytes]:
    """Yield the bytes, all of one revision: of an object that is replaced meanwhile the answer breaks off."""
    for start in range(span.start, span.end, CHUNK_BYTES):
        end = min(start + CHUNK_BYTES, span.end)
        found = await store.get_async(key, options={"range": (start, end), "if_match": tag or None})
        yield bytes(await found.bytes_async())


def _names(header: str | None, tag: str) -> bool:
    if header is None:
        return False
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header.split(","))
