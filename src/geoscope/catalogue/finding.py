"""Finding items: in the store, and at the other backends of the federation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from geoscope.catalogue.models import ANYBODY, FoundItem, ItemSearch, Reader
from geoscope.catalogue.stac_api.paging import encode_token, item_position
from geoscope.catalogue.store import CatalogueStore


@dataclass(frozen=True)
class BackendReport:
    """What became of the question to one backend, for the answer to say; no secret stands in the message."""

    backend: str
    state: Literal["answered", "late", "failed"]
    message: str = ""


@dataclass(frozen=True)
class ItemAnswer:
    """A page of items, wherever they come from; `token` leads to the next page and is None on the last.

    `matched` is None where nobody can tell. `reports` name the backends that were asked besides the store.
    """

    items: list[FoundItem]
    matched: int | None
    token: str | None
    reports: tuple[BackendReport, ...] = ()


class Finder(Protocol):
    """Answers searches for items."""

    async def find_items(self, search: ItemSearch, token: str | None = None) -> ItemAnswer:
        """Return the page of items that a search asks for; `token` says where it begins.

        Raises
        ------
        InvalidInputError
            If the token was not made for this search.
        UnavailableError
            If the search takes too long.
        """
        ...

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> FoundItem | None:
        """Return an item, or None if there is no such item.

        Raises
        ------
        UnavailableError
            If nobody can tell now.
        """
        ...

    async def queryables(self, collection: str, reader: Reader = ANYBODY) -> Mapping[str, Any]:
        """Return JSON Schemas of what backends say that a search in a collection can name."""
        ...


class StoreFinder:
    """A `Finder` that knows the store alone."""

    def __init__(self, store: CatalogueStore) -> None:
        self._store = store

    async def find_items(self, search: ItemSearch, token: str | None = None) -> ItemAnswer:
        """Return the page of items that a search asks for."""
        if token:
            search = replace(search, after=item_position(token, len(search.order)))
        page = await self._store.find_items(search)
        return ItemAnswer(page.items, page.matched, None if page.end is None else encode_token(page.end))

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> FoundItem | None:
        """Return an item, or None if there is no such item."""
        document = await self._store.item(collection, id_, reader)
        return None if document is None else FoundItem(collection, id_, document)

    async def queryables(self, collection: str, reader: Reader = ANYBODY) -> Mapping[str, Any]:
        """Return nothing: no other backend is asked."""
        del collection, reader
        return {}
