"""What the platform holds, as its services read it: the catalogue's documents, and the cubes that they name.

A service asks the catalogue by its public API, as any client would, and opens the cube of an item in the
object store. Both are kept for a while, so that a tile or a cut costs neither a search nor an opening.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Annotated, Any, Self
from urllib.parse import quote

import httpx
import orjson
from fastapi import Depends, FastAPI, Request
from zarr.abc.store import Store
from zarr.storage import ObjectStore

from geoscope.cubes.cache import FieldCache
from geoscope.cubes.cube import Cube
from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError, TooLargeError, UnavailableError
from geoscope.objects import PUBLIC_BUCKETS, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings, current_settings

S3_IDENTITY = "data-apis"
CUBE_MEDIA_TYPE = "application/vnd.zarr"

DOCUMENT_LIFETIME_S = 15.0
MOST_DOCUMENTS = 2000
MOST_CUBES = 64
MOST_ITEMS = 200
FIELD_CACHE_BYTES = 128 * 1024**2
CATALOGUE_TIMEOUT_S = 10.0

_S3_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\s?#]+?)/?")

type Document = dict[str, Any]


class Holdings:
    """The collections, items and cubes of the platform, to be entered with `async with`.

    Parameters
    ----------
    settings : Settings
        Says where the catalogue and the object store listen.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalogue = httpx.AsyncClient(
            base_url=f"{settings.internal.data_apis_url}/stac", timeout=CATALOGUE_TIMEOUT_S, trust_env=False
        )
        self._documents: _Kept[Document] = _Kept(MOST_DOCUMENTS, DOCUMENT_LIFETIME_S)
        self._cubes: _Kept[Cube] = _Kept(MOST_CUBES)
        self._fields = FieldCache(FIELD_CACHE_BYTES)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._catalogue.aclose()

    async def collections(self) -> list[Document]:
        """Return every collection that holds cubes, as STAC documents in order of id."""
        found = await self._pages("/collections", "collections")
        return sorted((one for one in found if "cube:variables" in one), key=lambda one: str(one["id"]))

    async def collection(self, collection: str) -> Document:
        """Return one collection as a STAC document.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        UnavailableError
            If the catalogue does not answer.
        """
        return await self._document(f"/collections/{quote(collection, safe='')}")

    async def items(self, collection: str) -> list[Document]:
        """Return the items of a collection that are cubes, as STAC documents in order of id.

        Raises
        ------
        TooLargeError
            If there are more than can be looked at together.
        """
        await self.collection(collection)
        found = await self._pages(f"/collections/{quote(collection, safe='')}/items", "features")
        return sorted((one for one in found if is_cube(one)), key=lambda one: str(one["id"]))

    async def item(self, collection: str, item: str) -> Document:
        """Return one item as a STAC document."""
        return await self._document(f"/collections/{quote(collection, safe='')}/items/{quote(item, safe='')}")

    async def cube(self, collection: str, item: str) -> Cube:
        """Open the cube of an item.

        Raises
        ------
        NotFoundError
            If there is no such item, or it is no cube that can be read here.
        """
        document = await self.item(collection, item)
        address = cube_address(document)
        # A cube that is written anew gets a new `updated` in the catalogue: then it is opened anew.
        version = document["properties"].get("updated")
        return await self._cubes.get((address, version), lambda: self._open(address))

    async def _open(self, address: str) -> Cube:
        try:
            return await Cube.open(self._store(address), self._fields)
        except (GeoscopeError, asyncio.CancelledError):
            raise
        except Exception as error:  # (obstore and zarr share no class of errors)
            raise UnavailableError(f"The cube {address} cannot be read now: {error}") from error

    def _store(self, address: str) -> Store:
        match = _S3_ADDRESS.fullmatch(address)
        # The identity reads every bucket; a catalogue entry must not make a private one public.
        if match is None or match["bucket"] not in PUBLIC_BUCKETS:
            raise NotFoundError(f"The cube {address} is not in a public bucket of this platform.")
        keys = read_s3_keys(self._settings, S3_IDENTITY)
        return ObjectStore(
            open_bucket(self._settings, match["bucket"], keys, prefix=match["key"]), read_only=True
        )

    async def _pages(self, path: str, member: str) -> list[Document]:
        found: list[Document] = []
        address: str | None = f"{path}?limit={MOST_ITEMS}"
        while address is not None:
            page = await self._document(address)
            found += page[member]
            address = _next_page(path, page)
            if address and len(found) >= MOST_ITEMS:
                raise TooLargeError(
                    f"{path} holds more than {MOST_ITEMS} entries.", "Name the one that you want."
                )
        return found

    async def _document(self, path: str) -> Document:
        return await self._documents.get(path, lambda: self._ask_catalogue(path))

    async def _ask_catalogue(self, path: str) -> Document:
        try:
            answer = await self._catalogue.get(path)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The catalogue does not answer: {error!r}.", "Try again in a moment."
            ) from error
        if answer.is_success:
            document: Document = orjson.loads(answer.content)
            return document
        said = _description(answer)
        if answer.status_code == 404:
            raise NotFoundError(said)
        if answer.status_code == 400:
            raise InvalidInputError(said)
        raise UnavailableError(
            f"The catalogue answers {answer.status_code}: {said}", "Try again in a moment."
        )


class _Kept[Value]:
    """Results by key, for a time or until newer ones need their place; who ask at once share one asking."""

    def __init__(self, most: int, lifetime_s: float = float("inf")) -> None:
        self._most = most
        self._lifetime_s = lifetime_s
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[Value]]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Value]]) -> Value:
        expiry, asking = self._kept.get(key, (0.0, None))
        failed = (
            asking is not None and asking.done() and (asking.cancelled() or asking.exception() is not None)
        )
        if asking is None or failed or monotonic() >= expiry:
            asking = asyncio.ensure_future(_call(ask))
            self._kept[key] = monotonic() + self._lifetime_s, asking
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        # One who goes away must not end the asking for the others.
        return await asyncio.shield(asking)


async def _call[Value](ask: Callable[[], Awaitable[Value]]) -> Value:
    return await ask()


def is_cube(item: Document) -> bool:
    """Tell whether an item has a cube among its assets."""
    return any(
        str(asset.get("type", "")).startswith(CUBE_MEDIA_TYPE) for asset in item.get("assets", {}).values()
    )


def cube_address(item: Document) -> str:
    """Return where the cube of an item is: its `s3://` address.

    Raises
    ------
    NotFoundError
        If no asset is a Zarr group in an object store.
    """
    for asset in item.get("assets", {}).values():
        if str(asset.get("type", "")).startswith(CUBE_MEDIA_TYPE):
            alternates = (alternate.get("href", "") for alternate in asset.get("alternate", {}).values())
            for address in (asset.get("href", ""), *alternates):
                if str(address).startswith("s3://"):
                    return str(address)
    raise NotFoundError(f"The item {item.get('id')!r} has no cube.", "Only Zarr groups can be cut and drawn.")


def _next_page(path: str, page: Document) -> str | None:
    """Return the path of the next page, below the catalogue's own address."""
    for link in page.get("links", []):
        if link.get("rel") == "next" and "?" in link["href"]:
            return f"{path}?{link['href'].partition('?')[2]}"
    return None


def _description(answer: httpx.Response) -> str:
    try:
        said = orjson.loads(answer.content)["description"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = answer.reason_phrase
    return str(said)


@asynccontextmanager
async def holdings_lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Open the holdings for the life of a service's application."""
    async with Holdings(current_settings()) as holdings:
        application.state.holdings = holdings
        yield


def holdings_of_request(request: Request) -> Holdings:
    """Return the holdings of the application that answers."""
    holdings: Holdings = request.app.state.holdings
    return holdings


OpenHoldings = Annotated[Holdings, Depends(holdings_of_request)]
