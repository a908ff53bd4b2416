"""What the platform holds, as its services read it: the catalogue's documents, and the cubes that they name.

A service asks the catalogue by its public API, as any client would, and opens the cube of an item in the
object store. Both are kept for a while, so that a tile or a cut costs neither a search nor an opening.

Whoever asks sees what the catalogue shows them and gets the cubes that it lets them have: what everybody may
know is asked and kept once for all, anything else with the asker's own token and for them alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, NamedTuple, Self
from urllib.parse import quote

import httpx
import orjson
from fastapi import Depends, FastAPI, Request
from zarr.abc.store import Store
from zarr.storage import ObjectStore

from geoscope.access import ANNOUNCED_AS, Policy, Principal, refusal
from geoscope.cube_items import Document, cube_address, cube_asset, is_cube, is_growing
from geoscope.cubes.cache import FieldCache
from geoscope.cubes.cube import Cube
from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError, TooLargeError, UnavailableError
from geoscope.keeping import Kept
from geoscope.objects import PUBLIC_BUCKETS, Place, icechunk_storage, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings, current_settings
from geoscope.user_keys import Readers

S3_IDENTITY = "data-apis"

# A right that has ended, or a policy that was changed, counts after this time at the latest.
DOCUMENT_LIFETIME_S = 15.0
MOST_DOCUMENTS = 2000
MOST_CUBES = 64
MOST_ITEMS = 200
FIELD_CACHE_BYTES = 128 * 1024**2
CATALOGUE_TIMEOUT_S = 10.0


class CubeState(NamedTuple):
    """A cube as it is at one time.

    Attributes
    ----------
    place : Place
        Where it lies.
    grows : bool
        Whether it is a growing cube.
    updated : str
        When its item was changed last: a cube that is written anew, or grows, is opened anew then.
    version : str or None
        One of its versions; None for the newest.
    """

    place: Place
    grows: bool
    updated: str
    version: str | None = None


class Holdings:
    """The collections, items and cubes of the platform, to be entered with `async with`.

    Parameters
    ----------
    settings : Settings
        Says where the catalogue and the object store listen.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._catalogue = httpx.AsyncClient(
            base_url=f"{settings.internal.data_apis_url}/stac", timeout=CATALOGUE_TIMEOUT_S, trust_env=False
        )
        self._documents: Kept[Document] = Kept(MOST_DOCUMENTS, DOCUMENT_LIFETIME_S)
        self._stores: Kept[Store] = Kept(MOST_CUBES)
        self._cubes: Kept[Cube] = Kept(MOST_CUBES)
        self._fields = FieldCache(FIELD_CACHE_BYTES)
        self.readers = Readers()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._catalogue.aclose()

    def seen_by(self, principal: Principal | None = None, authorization: str | None = None) -> "SeenHoldings":
        """Return the holdings as somebody sees them, or a stranger.

        Parameters
        ----------
        principal : Principal or None
            Who asks.
        authorization : str or None
            The header that says so.
        """
        return SeenHoldings(self, principal, authorization)

    def keeps(self, path: str, principal: Principal) -> bool:
        """Tell whether a document is kept for somebody by themselves."""
        return (path, principal) in self._documents

    async def document(
        self, path: str, principal: Principal | None = None, authorization: str | None = None
    ) -> Document:
        """Return what the catalogue answers somebody at a path below `/stac`."""
        return await self._documents.get((path, principal), lambda: self._ask_catalogue(path, authorization))

    async def are_strangers_let_in(self, path: str) -> bool:
        """Tell whether a document about access lets everybody in; it may be hidden from strangers."""
        try:
            return bool((await self.document(path))["granted"])
        except NotFoundError:
            return False

    async def cube(self, state: CubeState) -> Cube:
        """Open a cube; whether the asker may have it was found out before."""
        return await self._cubes.get(state, lambda: self._open(state))

    async def store(self, state: CubeState) -> Store:
        """Open the Zarr store of a cube; whether the asker may have it was found out before."""
        return await self._stores.get(state, lambda: asyncio.to_thread(self._open_store, state))

    async def _open(self, state: CubeState) -> Cube:
        try:
            return await Cube.open(await self.store(state), self._fields)
        except (GeoscopeError, asyncio.CancelledError):
            raise
        except Exception as error:  # (obstore and zarr share no class of errors)
            raise UnavailableError(f"The cube {state.place.address} cannot be read now: {error}") from error

    def _open_store(self, state: CubeState) -> Store:
        if not state.grows:
            return self._store(state.place)
        from geoscope.cubes.growing.history import open_version  # noqa: PLC0415 (loads Icechunk)

        keys = read_s3_keys(self.settings, S3_IDENTITY)
        return open_version(icechunk_storage(self.settings, state.place, keys), state.version)

    def _store(self, place: Place) -> Store:
        keys = read_s3_keys(self.settings, S3_IDENTITY)
        return ObjectStore(open_bucket(self.settings, place.bucket, keys, prefix=place.key), read_only=True)

    async def _ask_catalogue(self, path: str, authorization: str | None) -> Document:
        headers = {"Authorization": authorization} if authorization else {}
        try:
            answer = await self._catalogue.get(path, headers=headers)
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


class SeenHoldings:
    """The holdings as somebody sees them, for one request.

    `is_for_everybody` tells, once the request was answered, whether a stranger would have got the same.
    """

    def __init__(self, holdings: Holdings, principal: Principal | None, authorization: str | None) -> None:
        self._holdings, self._principal, self._authorization = holdings, principal, authorization
        self.is_for_everybody = True

    async def collections(self) -> list[Document]:
        """Return every collection that holds cubes, as STAC documents in order of id."""
        self.is_for_everybody = self._principal is None
        found = await self._pages("/collections", "collections", self._own_document)
        return sorted((one for one in found if "cube:variables" in one), key=lambda one: str(one["id"]))

    async def collection(self, collection: str) -> Document:
        """Return one collection as a STAC document.

        Raises
        ------
        NotFoundError
            If there is none of this id, or not for the asker.
        UnavailableError
            If the catalogue does not answer.
        """
        return await self._document(_path(collection))

    async def items(self, collection: str, most: int = MOST_ITEMS) -> list[Document]:
        """Return the items of a collection that are cubes, as STAC documents in order of id.

        Parameters
        ----------
        collection : str
            Id of the collection.
        most : int
            As many can be looked at together.

        Raises
        ------
        TooLargeError
            If there are more than can be looked at together.
        """
        await self.collection(collection)
        found = await self._pages(f"{_path(collection)}/items", "features", self._document, most)
        return sorted((one for one in found if is_cube(one)), key=lambda one: str(one["id"]))

    async def item(self, collection: str, item: str) -> Document:
        """Return one item as a STAC document."""
        return await self._document(f"{_path(collection)}/items/{quote(item, safe='')}")

    async def cube(self, collection: str, item: str) -> Cube:
        """Open the cube of an item.

        Raises
        ------
        NotFoundError
            If there is no such item, or it is no cube that can be read here.
        NotSignedInError, NotAllowedError
            If its data is not for the asker; saying for whom, and where to ask.
        """
        return await self._holdings.cube(await self._state(collection, item))

    async def store(self, collection: str, item: str, version: str | None = None) -> tuple[Store, CubeState]:
        """Open the Zarr store of an item's cube.

        Parameters
        ----------
        collection, item : str
            Their ids.
        version : str, optional
            Id of a version of a cube that grows; the newest by default.

        Raises
        ------
        NotFoundError, NotSignedInError, NotAllowedError
            As `cube` does.
        GoneError
            If there is no such version, or no longer.
        """
        state = await self._state(collection, item)
        if version is not None and not state.grows:
            raise NotFoundError(f"The cube {item!r} has no versions.")
        state = state._replace(version=version)
        return await self._holdings.store(state), state

    async def _state(self, collection: str, item: str) -> CubeState:
        """Find the cube of an item, if the asker may have it."""
        document = await self.item(collection, item)
        asset = cube_asset(document)
        address = cube_address(document)
        try:
            place = Place.parse(address)
        except InvalidInputError as error:
            raise _no_such_place(address) from error
        if ANNOUNCED_AS in document["properties"] or place.bucket not in PUBLIC_BUCKETS or not place.key:
            await self._require_data(collection, place)
        return CubeState(place, is_growing(asset), str(document["properties"].get("updated")))

    async def _require_data(self, collection: str, place: Place) -> None:
        """Ask the catalogue whether the asker may have a collection's data, and whether this is its own.

        The service's identity reads every bucket: an item that names somebody else's cube must not open it.
        """
        path = f"{_path(collection)}/access"
        access = await self._own_document(path)
        if not access["granted"]:
            policy = Policy.parse(access["policy"])
            raise refusal(self._holdings.settings.public_url, policy, self._principal)
        if not place.key or not any(Place.parse(each).holds(place) for each in access["places"]):
            raise _no_such_place(place.address)
        if self._principal is not None:
            self.is_for_everybody = self.is_for_everybody and await self._holdings.are_strangers_let_in(path)

    async def _pages(
        self, path: str, member: str, ask: Callable[[str], Awaitable[Document]], most: int = MOST_ITEMS
    ) -> list[Document]:
        found: list[Document] = []
        address: str | None = f"{path}?limit={MOST_ITEMS}"
        while address is not None:
            page = await ask(address)
            found += page[member]
            address = _next_page(path, page)
            if address and len(found) >= most:
                raise TooLargeError(f"{path} holds more than {most} entries.", "Name the one that you want.")
        return found

    async def _document(self, path: str) -> Document:
        """Return what everybody may know; what is hidden from strangers is asked in the asker's own name."""
        if self._principal is None or not self._holdings.keeps(path, self._principal):
            try:
                return await self._holdings.document(path)
            except NotFoundError:
                if self._principal is None:
                    raise
        self.is_for_everybody = False
        return await self._own_document(path)

    async def _own_document(self, path: str) -> Document:
        return await self._holdings.document(path, self._principal, self._authorization)


def cache_headers(holdings: SeenHoldings, for_everybody: str) -> dict[str, str]:
    """Return headers for an answer: what was given to somebody is kept in no shared cache, and asked anew.

    Parameters
    ----------
    holdings : SeenHoldings
        What the answer was made of.
    for_everybody : str
        `Cache-Control` of what a stranger gets, too.
    """
    if holdings.is_for_everybody:
        return {"Cache-Control": for_everybody} if for_everybody else {}
    return {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


def _path(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}"


def _no_such_place(address: str) -> NotFoundError:
    return NotFoundError(f"The cube {address[:200]} lies where it cannot be opened from.")


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


async def shared_holdings(request: Request) -> Holdings:
    """Return the holdings of the application that answers."""
    holdings: Holdings = request.app.state.holdings
    return holdings


async def holdings_of_request(
    request: Request, holdings: Annotated[Holdings, Depends(shared_holdings)]
) -> SeenHoldings:
    """Return the holdings as the sender of a request sees them, by an access token or a key that reads.

    Raises
    ------
    NotSignedInError
        If there is one and it is not valid.
    """
    header = request.headers.get("authorization")
    return holdings.seen_by(*await holdings.readers.of_header(current_settings(), header))


OpenHoldings = Annotated[SeenHoldings, Depends(holdings_of_request)]
