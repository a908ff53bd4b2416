"""Another STAC API: its collections, several at once, each page by page; or the pages of one search."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import anyio

from geoscope.catalogue.loading.addresses import link_address, links_of, with_whole_addresses
from geoscope.catalogue.loading.chunks import Chunk, Give, Objects, Position
from geoscope.catalogue.loading.fetching import Answer, Fetcher, Request, shown
from geoscope.catalogue.loading.threads import unwrapped_errors
from geoscope.errors import InvalidInputError

COLLECTIONS_AT_ONCE = 4
PAGE_ITEMS = 250

type Document = Mapping[str, Any]


class ApiSource:
    """A STAC API, by the address of its landing page.

    Parameters
    ----------
    address : str
        The landing page.
    fetcher : Fetcher
        Asks the server.
    collections : frozenset of str
        The collections that are read; empty: all.
    """

    revision = ""

    def __init__(self, address: str, fetcher: Fetcher, collections: frozenset[str] = frozenset()) -> None:
        self.name = address
        self._fetcher = fetcher
        self._wanted = collections

    async def read(self, after: Position | None, give: Give) -> None:
        """Give collections and their items after a position."""
        collections = [found async for found in self._collections()]
        state = _State(len(collections), after, give)
        limiter = anyio.CapacityLimiter(COLLECTIONS_AT_ONCE)

        async def read(address: str, collection: Document) -> None:
            async with limiter:
                await self._read_collection(address, collection, state)

        with unwrapped_errors():
            async with anyio.create_task_group() as tasks:
                for address, collection in collections:
                    if collection["id"] not in state.done:
                        tasks.start_soon(read, address, collection)

    async def _collections(self) -> AsyncIterator[tuple[str, Document]]:
        """Yield the address and the document of each collection that is wanted."""
        landing = await self._fetcher.get(self.name)
        address = link_address(landing.document(), "data", landing.url)
        if address is None:
            raise InvalidInputError(f"{shown(self.name)} has no link `data` to its collections.")
        missing = set(self._wanted)
        async for answer, _ in pages(self._fetcher, Request(address)):
            for collection in _members(answer, "collections"):
                id_ = collection.get("id")
                if isinstance(id_, str) and (not self._wanted or id_ in self._wanted):
                    missing.discard(id_)
                    own = f"{address.rstrip('/')}/{quote(id_)}"
                    yield link_address(collection, "self", answer.url) or own, collection
        if missing:
            raise InvalidInputError(f"{shown(self.name)} has no collection {min(missing)!r}.")

    async def _read_collection(self, address: str, collection: Document, state: "_State") -> None:
        id_ = collection["id"]
        request = state.next_page(id_)
        if request is None:
            items = link_address(collection, "items", address) or f"{address}/items"
            request = Request(_with_page_size(items))
            itself = Objects((shown(address),), (with_whole_addresses(collection, address),))
            await state.give(id_, itself, request)
        async for answer, following in pages(self._fetcher, request):
            await state.give(id_, _items(answer), following)


class ItemPagesSource:
    """Pages of items that link to each other, such as those of a search; `address` is that of the first."""

    revision = ""

    def __init__(self, address: str, fetcher: Fetcher) -> None:
        self.name = address
        self._fetcher = fetcher

    async def read(self, after: Position | None, give: Give) -> None:
        """Give the items of the pages after a position."""
        first = Request(**after["next"]) if after else Request(self.name)
        async for answer, following in pages(self._fetcher, first):
            # Behind the last page stands that page again: reading it twice does no harm.
            end = {"next": asdict(following or Request(answer.url))}
            await give(Chunk(_items(answer), end))


async def pages(fetcher: Fetcher, first: Request) -> AsyncIterator[tuple[Answer, Request | None]]:
    """Yield pages and how to ask for the one after each.

    Raises
    ------
    InvalidInputError
        If a page names itself as the next.
    """
    request: Request | None = first
    while request is not None:
        answer = await fetcher.ask(request)
        following = _next_page(answer, request)
        if following == request:
            raise InvalidInputError(f"{shown(request.url)} names itself as its next page.")
        yield answer, following
        request = following


class _State:
    """Where each collection goes on; chunks are given in the order in which this changes."""

    def __init__(self, total: int, after: Position | None, give: Give) -> None:
        self.done: list[str] = list(after["done"]) if after else []
        self._next: dict[str, dict[str, Any]] = dict(after["next"]) if after else {}
        self._total = total
        self._give = give
        self._giving = anyio.Lock()

    def next_page(self, collection: str) -> Request | None:
        """Return where a collection that was begun goes on."""
        kept = self._next.get(collection)
        return Request(**kept) if kept else None

    async def give(self, collection: str, documents: Objects, following: Request | None) -> None:
        """Give documents of a collection, which goes on at `following` or is done."""
        async with self._giving:
            if following is None:
                self.done.append(collection)
                self._next.pop(collection, None)
            else:
                self._next[collection] = asdict(following)
            end = {"done": list(self.done), "next": dict(self._next)}
            await self._give(Chunk(documents, end, len(self.done) / self._total))


def _items(page: Answer) -> Objects:
    found = [
        with_whole_addresses(item, link_address(item, "self", page.url) or page.url)
        for item in _members(page, "features")
    ]
    places = tuple(f"{shown(page.url)} feature {number}" for number in range(1, len(found) + 1))
    return Objects(places, tuple(found))


def _members(page: Answer, name: str) -> list[Document]:
    members = page.document().get(name)
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise InvalidInputError(f"{shown(page.url)} holds no list of `{name}`.")
    return members


def _next_page(page: Answer, request: Request) -> Request | None:
    """Read the link to the next page (STAC API 1.0, Item Search, Pagination)."""
    for link in links_of(page.document(), "next"):
        body = link.get("body")
        if body is not None and link.get("merge") is True:
            body = {**(request.body or {}), **body}
        return Request(urljoin(page.url, link["href"]), str(link.get("method", "GET")).upper(), body)
    return None


def _with_page_size(url: str) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=urlencode({"limit": PAGE_ITEMS, **query})))
