"""From an item of a catalogue to its data: `geoscope.open(item)` is a lazy dataset, wherever one sits."""

import importlib.util
import os
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import quote

import httpx
import xarray as xr
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import HTTPStore, S3Store
from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore, WrapperStore

from geoscope.credentials import access_token, find_sign_in
from geoscope.cube_items import MEDIA_TYPE, is_growing
from geoscope.errors import (
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
)
from geoscope.objects import PUBLIC_BUCKETS, REGION, Place, s3_address

TIMEOUT_S = 30.0
# A token is asked for anew after this time; it is good for a minute more at least.
TOKEN_KEPT_S = 30.0

type Way = Literal["s3", "http"]
type Document = Mapping[str, Any]


class SaysItsDocument(Protocol):
    """An item of pystac, without pystac."""

    def to_dict(self) -> dict[str, Any]:
        """Return the document."""


def open_item(
    item: str | Document | SaysItsDocument,
    *,
    group: str | None = None,
    version: str | None = None,
    way: Way | None = None,
) -> xr.Dataset:
    """Open the cube of a catalogue's item by the nearest and quickest way.

    That is S3 where the bucket is public, or keys are in the environment (`AWS_ACCESS_KEY_ID`), and what it
    takes is installed; else Zarr over HTTP, with the sign-in that `geoscope login` has kept, if there is one.

    Parameters
    ----------
    item : pystac.Item, mapping or str
        An item, its document, or its address.
    group : str, optional
        Of a cube that grows: `series` (quick at a place over time), or `levels/N` (coarser HEALPix). By
        default its maps, which are all of it.
    version : str, optional
        A state of a cube that grows, which does not change; the newest by default.
    way : {"s3", "http"}, optional
        Take this way and no other.

    Returns
    -------
    xarray.Dataset
        Nothing but coordinates is loaded; the variables are dask arrays if dask is installed.

    Raises
    ------
    InvalidInputError
        If it is no item, or an item without a cube.
    NotFoundError
        If there is no such item for you, or its cube has no such group or version.
    NotSignedInError, NotAllowedError
        If its data is for others.
    UnavailableError
        If no way leads to it.
    """
    document = _document_of(item)
    asset = _cube_of(document)
    grows = is_growing(asset)
    if version is not None and not grows:
        raise InvalidInputError("Only cubes that grow have versions.")
    if way != "http" and (place := _reachable_place(document, asset, grows=grows)) is not None:
        try:
            return _opened(_s3_store(document, place, version, grows=grows), group)
        except Exception:  # (the other way may lead there; stores share no class of errors)
            if way == "s3":
                raise
    if way == "s3":
        raise UnavailableError("The item's cube cannot be reached through S3 from here.")
    return _opened(_http_store(document, item if isinstance(item, str) else "", version), group)


def _document_of(item: str | Document | SaysItsDocument) -> Document:
    if isinstance(item, str):
        return _fetched(item)
    document = item if isinstance(item, Mapping) else item.to_dict()
    if document.get("type") != "Feature" or "assets" not in document:
        raise InvalidInputError("This is no STAC item.")
    return document


def _fetched(address: str) -> Document:
    try:
        answer = httpx.get(address, headers=_headers(_platform_of(address)), timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise UnavailableError(f"{address} does not answer: {error}") from error
    if not answer.is_success:
        raise NotFoundError(f"{address} answers {answer.status_code}.", "Sign in: `geoscope login`.")
    try:
        document: Document = answer.json()
    except ValueError as error:
        raise InvalidInputError(f"{address} is no STAC item.") from error
    return _document_of(document)


def _cube_of(document: Document) -> Document:
    for asset in document["assets"].values():
        if str(asset.get("type", "")).startswith(MEDIA_TYPE):
            cube: Document = asset
            return cube
    raise InvalidInputError(f"The item {document.get('id')!r} has no cube.")


def _platform_of(address: str) -> str:
    """Return the address of the platform that an item is a page of."""
    return address.partition("/stac/")[0]


def _headers(platform: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(platform)}"} if find_sign_in(platform) else {}


# --- S3 ---


def _reachable_place(document: Document, asset: Document, *, grows: bool) -> Place | None:
    """Return where a cube lies in the object store, if that can be read from here."""
    address = s3_address(asset)
    if address is None or not _endpoint(document):
        return None
    place = Place.parse(address)
    is_allowed = place.bucket in PUBLIC_BUCKETS or "AWS_ACCESS_KEY_ID" in os.environ
    is_installed = not grows or importlib.util.find_spec("icechunk") is not None
    return place if is_allowed and is_installed else None


def _endpoint(document: Document) -> str:
    schemes = document.get("properties", {}).get("storage:schemes", {})
    return str(schemes.get("s3", {}).get("platform", ""))


def _s3_store(document: Document, place: Place, version: str | None, *, grows: bool) -> Store:
    endpoint = _endpoint(document)
    anonymous = "AWS_ACCESS_KEY_ID" not in os.environ
    if grows:
        import icechunk  # noqa: PLC0415 (optional for who reads over HTTP)

        from geoscope.cubes.growing.history import open_version  # noqa: PLC0415 (needs Icechunk)

        storage = icechunk.s3_storage(
            bucket=place.bucket,
            prefix=place.key,
            endpoint_url=endpoint,
            region=REGION,
            allow_http=endpoint.startswith("http://"),
            force_path_style=True,
            anonymous=anonymous,
            from_env=not anonymous,
        )
        return open_version(storage, version)
    bucket = S3Store(
        place.bucket,
        prefix=place.key,
        endpoint=endpoint,
        region=REGION,
        skip_signature=anonymous,
        virtual_hosted_style_request=False,
        client_options={"allow_http": endpoint.startswith("http://")},
    )
    return ObjectStore(bucket, read_only=True)


# --- HTTP ---


def _http_store(document: Document, address: str, version: str | None) -> Store:
    links = (link["href"] for link in document.get("links", []) if link.get("rel") == "self")
    own = next(links, address)
    platform = _platform_of(own)
    if not platform.startswith(("http://", "https://")) or platform == own:
        raise InvalidInputError("The item does not say its own address.", "Give the address of the item.")
    name = quote(str(document["id"]), safe="") + (f"@{quote(version, safe='')}" if version else "")
    root = f"{platform}/twins/zarr/{quote(str(document['collection']), safe='')}/{name}"
    return SignedInStore(platform, root)


class SignedInStore(WrapperStore[ObjectStore[HTTPStore]]):
    """A Zarr hierarchy over HTTP, read with the sign-in at its platform for as long as that lasts."""

    def __init__(self, platform: str, root: str) -> None:
        self._platform, self._root = platform, root
        super().__init__(self._connected())

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a key; the token is renewed when it has to be."""
        if time.monotonic() > self._renewed_s + TOKEN_KEPT_S:
            self._store = self._connected()
        return await self._store.get(key, prototype, byte_range)

    def _connected(self) -> ObjectStore[HTTPStore]:
        options: Any = {"allow_http": True, "default_headers": _headers(self._platform)}
        self._renewed_s = time.monotonic()
        return ObjectStore(HTTPStore.from_url(self._root, client_options=options), read_only=True)


def _opened(store: Store, group: str | None) -> xr.Dataset:
    chunks: dict[str, int] | None = {} if importlib.util.find_spec("dask") else None
    try:
        dataset: xr.Dataset = xr.open_zarr(
            store,
            group=group,
            consolidated=store.supports_consolidated_metadata,
            zarr_format=3,
            chunks=chunks,
        )
    except (FileNotFoundError, KeyError) as error:
        raise _not_there(group) from error
    except UnauthenticatedError as error:
        raise NotSignedInError("The data is not for everybody.", "Sign in: `geoscope login`.") from error
    except PermissionDeniedError as error:
        raise NotAllowedError("The data is not for you.") from error
    except GenericError as error:
        # All that obstore tells of another status is text.
        if "410 Gone" in str(error):
            raise _not_there(group) from error
        raise UnavailableError("The data cannot be read now.", "Try again in a moment.") from error
    return dataset


def _not_there(group: str | None) -> NotFoundError:
    return NotFoundError(
        f"There is no group {group!r} of this cube." if group else "There is no such cube, or version of it."
    )
