"""What the catalogue asks of a store, which keeps documents as bytes and finds them, and never reads them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from geoscope.access import Policy
from geoscope.catalogue.models import (
    ANYBODY,
    Aggregation,
    AggregationAnswer,
    CollectionPage,
    CollectionRecord,
    CollectionSearch,
    ItemPage,
    ItemRecord,
    ItemSearch,
    Reader,
    Sharing,
    ValueSummaries,
)
from geoscope.errors import SetupError
from geoscope.settings import Settings


class PackedItem(NamedTuple):
    """An item as a store keeps it: what its packer has made of a record, for that store alone."""

    collection: str
    id: str
    content: Any


type SentItem = ItemRecord | PackedItem


class Packer(Protocol):
    """Packs items for one store; it can be pickled, so that processes beside the one that writes do it."""

    def pack(self, record: ItemRecord) -> SentItem:
        """Return an item packed, or as it is where that would gain nothing."""
        ...


class Transaction(Protocol):
    """Changes that are made all together or not at all, by nobody else at the same time."""

    def collection(self, id_: str) -> bytes | None:
        """Return a collection's document."""
        ...

    def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document."""
        ...

    def sharing(self, collection: str) -> Sharing | None:
        """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
        ...

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay.

        Who owns it, finds it and has its data stay too where the record does not say (None): what is closed
        never opens by a change of the document. `put_sharing` changes that.
        """
        ...

    def put_sharing(self, collection: str, sharing: Sharing) -> None:
        """Say who owns, finds and has the data of a collection that exists; its document stays as it is."""
        ...

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        ...

    def put_items(self, items: Sequence[SentItem]) -> None:
        """Add or replace many items of collections that exist; far quicker than one by one."""
        ...

    def delete_collection(self, id_: str) -> None:
        """Remove a collection and all its items."""
        ...

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item."""
        ...

    def checkpoint(self, name: str) -> bytes | None:
        """Return how far some long work has come, as `put_checkpoint` has kept it."""
        ...

    def put_checkpoint(self, name: str, state: bytes | None) -> None:
        """Keep how far some long work has come, together with what it changed; None forgets it."""
        ...


class CatalogueStore(Protocol):
    """Collections and items, found by what their records say.

    A page that begins after a position is right whatever was added or removed meanwhile. What is hidden from
    a reader is not there for them.
    """

    async def collection(self, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return a collection's document, or None if there is no such collection."""
        ...

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> bytes | None:
        """Return an item's document, or None if there is no such item."""
        ...

    async def sharing(self, collection: str) -> Sharing | None:
        """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
        ...

    async def policies(self) -> Mapping[str, Policy]:
        """Return the policies of all collections whose data is not for everybody, by id.

        For answers to announce them: they may be some seconds old. Who decides asks `sharing`.
        """
        ...

    async def collection_titles(self, reader: Reader = ANYBODY) -> list[tuple[str, str]]:
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

    async def aggregate(
        self, search: ItemSearch, aggregations: Sequence[Aggregation]
    ) -> list[AggregationAnswer]:
        """Answer questions about all items that a search finds; its limit, order and page do not count.

        Raises
        ------
        UnavailableError
            If it takes too long.
        """
        ...

    async def values(self, search: ItemSearch) -> ValueSummaries:
        """Tell which values the indexed properties have among the items that a search finds."""
        ...

    async def change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that is kept when it returns and undone when it raises.

        Raises
        ------
        UnavailableError
            If others write for so long that the change cannot begin.
        """
        ...

    async def packer(self, collections: Iterable[str]) -> Packer | None:
        """Return what packs items of some collections for the store as it is now.

        None: nothing is gained. What was packed is stored rightly whatever has changed since, only slower.
        """
        ...

    def bulk_load(self) -> AbstractAsyncContextManager[None]:
        """Be told that very many items are put in: how they are found may be worked out at the end."""
        ...

    def close(self) -> None:
        """Give back files and connections."""
        ...


def open_store(settings: Settings) -> CatalogueStore:
    """Open the store that the settings name: PostgreSQL with pgstac, or else a file in the data folder.

    Raises
    ------
    SetupError
        If it cannot be opened.
    """
    url = settings.catalogue.database_url
    location = str(settings.data_dir) if url is None else url.get_secret_value()
    return open_store_at(location, settings.catalogue.indexed_properties)


def open_store_at(location: str, indexed_properties: Sequence[str] | None = None) -> CatalogueStore:
    """Open the store at a place.

    Parameters
    ----------
    location : str
        Address of a database (`postgresql://...`), a data folder, or the SQLite file itself.
    indexed_properties : sequence of str, optional
        Properties to be indexed, besides those that collections ask for; by default those of the settings'
        default.

    Raises
    ------
    SetupError
        If it cannot be opened.
    """
    # Only the chosen store is loaded.
    if location.startswith(("postgresql://", "postgres://")):
        try:
            from geoscope.catalogue.store.pgstac import PgstacStore  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SetupError(
                "A catalogue in PostgreSQL needs the package psycopg.",
                "Install it with `pip install 'geoscope[postgresql]'`.",
            ) from error
        return PgstacStore(location)
    from geoscope.catalogue.store.sqlite import SqliteStore  # noqa: PLC0415

    path = Path(location).expanduser()
    file = path if path.suffix == ".sqlite" else path / "catalogue" / "catalogue.sqlite"
    return SqliteStore(file, indexed_properties)
