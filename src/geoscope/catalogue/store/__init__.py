"""What the catalogue asks of a store, which keeps documents as bytes and finds them, and never reads them."""

from collections.abc import Callable
from typing import Protocol

from geoscope.catalogue.models import (
    CollectionPage,
    CollectionRecord,
    CollectionSearch,
    ItemPage,
    ItemRecord,
    ItemSearch,
)


class Transaction(Protocol):
    """Changes that are made all together or not at all, by nobody else at the same time."""

    def collection(self, id_: str) -> bytes | None:
        """Return a collection's document."""
        ...

    def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document."""
        ...

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay."""
        ...

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        ...

    def delete_collection(self, id_: str) -> None:
        """Remove a collection and all its items."""
        ...

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item."""
        ...


class CatalogueStore(Protocol):
    """Collections and items, found by what their records say.

    Items come newest start first, then by collection, then by id; collections come by id. A page that begins
    after a position is right whatever was added or removed meanwhile.
    """

    async def collection(self, id_: str) -> bytes | None:
        """Return a collection's document, or None if there is no such collection."""
        ...

    async def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document, or None if there is no such item."""
        ...

    async def collection_titles(self) -> list[tuple[str, str]]:
        """Return id and title of every collection, in order of id."""
        ...

    async def find_collections(self, search: CollectionSearch) -> CollectionPage:
        """Return the page of collections that a search asks for."""
        ...

    async def find_items(self, search: ItemSearch) -> ItemPage:
        """Return the page of items that a search asks for.

        Raises
        ------
        UnavailableError
            If the search takes too long.
        """
        ...

    async def change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that is kept when it returns and undone when it raises.

        Raises
        ------
        UnavailableError
            If others write for so long that the change cannot begin.
        """
        ...

    def close(self) -> None:
        """Give back files and connections."""
        ...
