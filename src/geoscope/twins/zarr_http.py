"""Zarr over HTTP: the cubes of the platform as any Zarr client reads a folder, bytes as they are stored.

An address is `/twins/zarr/COLLECTION/ITEM`; with `ITEM@VERSION` it is a state of a growing cube, which never
changes.
"""

import hashlib
import re
from typing import Annotated

import zarr.api.asynchronous
from fastapi import APIRouter, Header, Request, Response
from zarr.abc.store import ByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.group import AsyncGroup, ConsolidatedMetadata, GroupMetadata

from geoscope.cubes.growing.names import FIELDS
from geoscope.errors import NotFoundError, UnavailableError
from geoscope.holdings import CubeState, OpenHoldings, cache_headers
from geoscope.http_methods import is_head
from geoscope.keeping import Kept

router = APIRouter(prefix="/twins/zarr", tags=["Zarr over HTTP"])

METADATA = "zarr.json"
NEWEST = "public, max-age=15"
UNCHANGING = "public, max-age=31536000, immutable"

# Names of arrays and groups may be any that a Zarr of somebody has, but none that leads elsewhere: to refuse
# the chunks of one would be to say that it holds nothing.
_NAME = r"(?!\.)[^/\\%\x00-\x1f\x7f]{1,250}"
_KEY = re.compile(rf"({_NAME}/){{0,6}}({re.escape(METADATA)}|c(/\d{{1,9}}){{0,9}})")
_VERSIONED = re.compile(r"(?P<item>.+)@(?P<version>[0-9A-HJKMNP-TV-Z]{20})")
_RANGE = re.compile(r"bytes=(?P<first>\d{0,12})-(?P<last>\d{0,12})")

# Documents are made of a cube's metadata once.
_documents: Kept[bytes] = Kept(200)


@router.get("/{collection}/{item}/{key:path}", summary="A key of a cube")
async def read_key(
    request: Request,
    holdings: OpenHoldings,
    collection: str,
    item: str,
    key: str,
    byte_range: Annotated[str | None, Header(alias="Range")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """Return metadata (`zarr.json`, consolidated) or a chunk; 404 for a chunk that holds nothing.

    All of a version that has expired is 410. `Range` and `HEAD` are answered as HTTP has them. A client that
    knows the address needs no listing.
    """
    if not _KEY.fullmatch(key):
        raise NotFoundError(f"There is no key {key[:200]!r}.", "Keys are those of Zarr v3.")
    match = _VERSIONED.fullmatch(item)
    name, version = (match["item"], match["version"]) if match else (item, None)
    store, state = await holdings.store(collection, name, version)
    headers = {"Accept-Ranges": "bytes", "ETag": _tag(store, state, key)}
    headers |= cache_headers(holdings, UNCHANGING if version else NEWEST)
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    if key.endswith(METADATA):
        content = await _documents.get((state, key), lambda: _metadata(store, key))
        return Response(content, headers=headers, media_type="application/json")
    if if_range not in (None, headers["ETag"]):
        byte_range = None  # RFC 9110, 13.1.5: a part of what is no longer there helps nobody
    return await _chunk(store, key, headers, byte_range, head_only=is_head(request))


async def _metadata(store: Store, key: str) -> bytes:
    """Return the metadata of a group with those of all below it, or of an array as they are."""
    path = key.removesuffix(METADATA).rstrip("/")
    try:
        node = await zarr.api.asynchronous.open(store=store, path=path, mode="r", zarr_format=3)
    except (FileNotFoundError, ValueError) as error:
        raise NotFoundError(f"There is no key {key!r}.") from error
    if not isinstance(node, AsyncGroup):
        return await _bytes(store, key, None)
    # The checksums are for who writes, and can be read by their own keys.
    below = {
        name: member.metadata
        async for name, member in node.members(max_depth=None)
        if name.partition("/")[0] != FIELDS
    }
    whole = GroupMetadata(node.attrs, 3, consolidated_metadata=ConsolidatedMetadata(metadata=below))
    return bytes(whole.to_buffer_dict(default_buffer_prototype())[METADATA].to_bytes())


async def _chunk(
    store: Store, key: str, headers: dict[str, str], asked: str | None, *, head_only: bool
) -> Response:
    media_type = "application/octet-stream"
    part = _byte_request(asked)
    if head_only or part is not None:
        size = await _size(store, key)
        if head_only:
            return Response(headers=headers | {"Content-Length": str(size)}, media_type=media_type)
        first, end = _bounds(part, size)
        if first >= end:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        content = await _bytes(store, key, RangeByteRequest(first, end))
        headers |= {"Content-Range": f"bytes {first}-{end - 1}/{size}"}
        return Response(content, 206, headers, media_type)
    return Response(await _bytes(store, key, None), headers=headers, media_type=media_type)


async def _bytes(store: Store, key: str, part: ByteRequest | None) -> bytes:
    try:
        buffer = await store.get(key, default_buffer_prototype(), part)
    except Exception as error:  # (stores share no class of errors)
        raise _unavailable(key, error) from error
    if buffer is None:
        raise _nothing_there(key)
    return bytes(buffer.to_bytes())


async def _size(store: Store, key: str) -> int:
    try:
        size = await store.getsize(key)
    except (FileNotFoundError, KeyError) as error:
        raise _nothing_there(key) from error
    except Exception as error:  # (stores share no class of errors)
        raise _unavailable(key, error) from error
    if not size:  # what Icechunk says of a chunk that it has not
        raise _nothing_there(key)
    return size


def _byte_request(asked: str | None) -> ByteRequest | None:
    """Read a `Range` of one part; anything else is answered whole, as RFC 9110 (14.2) allows."""
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        return SuffixByteRequest(int(match["last"]))
    return RangeByteRequest(int(match["first"]), int(match["last"] or 10**13) + 1)


def _bounds(part: ByteRequest | None, size: int) -> tuple[int, int]:
    if isinstance(part, SuffixByteRequest):
        return max(0, size - part.suffix), size
    if isinstance(part, RangeByteRequest):
        return part.start, min(part.end, size)
    return 0, size


def _tag(store: Store, state: CubeState, key: str) -> str:
    """Return the tag of a key: that of the state of the cube which is read."""
    session = getattr(store, "session", None)
    snapshot = session.snapshot_id if session is not None else state.updated
    return f'"{hashlib.sha256(f"{state.place.address} {snapshot} {key}".encode()).hexdigest()[:32]}"'


def _nothing_there(key: str) -> NotFoundError:
    return NotFoundError(f"There is no key {key!r}.", "A chunk without a value is not stored.")


def _unavailable(key: str, error: Exception) -> UnavailableError:
    return UnavailableError(f"The key {key!r} cannot be read now: {error}", "Try again in a moment.")
