"""Copying a whole catalogue from one store to another, of whichever kinds, and comparing the two.

Documents are copied as they are. A copy that was stopped goes on where it was: how far it has come is kept in
the target, together with what it has copied.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched
from typing import NamedTuple

import orjson

from geoscope.catalogue.models import (
    CollectionRecord,
    CollectionSearch,
    FoundItem,
    ItemRecord,
    ItemSearch,
    Reader,
    Sharing,
)
from geoscope.catalogue.records import stored_collection_record, stored_item_record
from geoscope.catalogue.stac_api.paging import encode_token, item_position
from geoscope.catalogue.store import CatalogueStore, Transaction
from geoscope.errors import GeoscopeError, InvalidInputError

ITEMS_AT_ONCE = 1000

# As many differences are told one by one.
MAX_TOLD = 100

_EVERYBODY = Reader(sees_all=True)
_ALL = CollectionSearch(limit=1000, reader=_EVERYBODY)


@dataclass
class CopyProgress:
    """How far a copy has come."""

    phase: str
    collection: str
    items: int = 0
    total: int | None = None


class Difference(NamedTuple):
    """What is not the same in both stores."""

    place: str
    problem: str


type Report = Callable[[CopyProgress], None]


async def copy_catalogue(
    source: CatalogueStore, target: CatalogueStore, name: str, report: Report
) -> list[Difference]:
    """Copy every collection and item, and compare.

    What the target holds besides stays; a collection or an item of the same id is replaced.

    Parameters
    ----------
    source, target : CatalogueStore
        From which, and to which.
    name : str
        Of this copy: one that was stopped goes on under the same name.
    report : callable
        Is told how far it is, after each batch.

    Returns
    -------
    list of Difference
        What could not be copied, and what is not the same afterwards; at most `MAX_TOLD`.
    """
    differences: list[Difference] = []
    async for collection, document in _collections(source):
        differences += await _copy_collection(source, target, collection, document, name, report)
    async for collection, document in _collections(source):
        differences += await _compare_collection(source, target, collection, document, report)
        if len(differences) >= MAX_TOLD:
            break
    if not differences:
        await target.change(lambda transaction: transaction.put_checkpoint(name, None))
    return list(dict.fromkeys(differences))[:MAX_TOLD]


async def _collections(store: CatalogueStore) -> AsyncIterator[tuple[str, bytes]]:
    search = _ALL
    while True:
        page = await store.find_collections(search)
        for found in page.collections:
            yield found.id, found.document
        if page.end is None:
            return
        search = replace(search, after=page.end)


async def _pages(
    store: CatalogueStore, collection: str, after: str | None = None
) -> AsyncIterator[tuple[list[FoundItem], str | None, int | None]]:
    """Yield the items of a collection in pages, each with the token of its end and the count of all."""
    search = ItemSearch(ITEMS_AT_ONCE, collections=(collection,), reader=_EVERYBODY)
    while True:
        position = None if after is None else item_position(after, len(search.order))
        page = await store.find_items(replace(search, after=position))
        after = None if page.end is None else encode_token(page.end)
        yield page.items, after, page.matched
        if after is None:
            return


async def _items(store: CatalogueStore, search: ItemSearch) -> AsyncIterator[FoundItem]:
    """Yield what a search finds, over all its pages: those of large documents end early."""
    page = await store.find_items(search)
    while True:
        for item in page.items:
            yield item
        if page.end is None:
            return
        page = await store.find_items(replace(search, after=page.end))


async def _copy_collection(
    source: CatalogueStore,
    target: CatalogueStore,
    collection: str,
    document: bytes,
    name: str,
    report: Report,
) -> list[Difference]:
    kept = await target.change(lambda transaction: transaction.checkpoint(name))
    done: dict[str, str | None] = {} if kept is None else orjson.loads(kept)
    if collection in done and done[collection] is None:
        return []
    progress = CopyProgress("copying", collection)
    try:
        record = stored_collection_record(document)
    except InvalidInputError as error:
        return [Difference(collection, str(error))]
    sharing = await source.sharing(collection) or Sharing()
    await target.change(partial(_put_collection, record=record, sharing=sharing))
    differences = []
    async for items, token, progress.total in _pages(source, collection, done.get(collection)):
        records, unreadable = _records(items)
        done[collection] = token
        refused = await _put_items(target, records, name, orjson.dumps(done))
        differences += unreadable + refused
        progress.items += len(items)
        report(progress)
    return differences


def _records(items: list[FoundItem]) -> tuple[list[ItemRecord], list[Difference]]:
    records, refused = [], []
    for item in items:
        try:
            records.append(stored_item_record(item.document))
        except GeoscopeError as error:
            refused.append(Difference(f"{item.collection}/{item.id}", str(error)))
    return records, refused


def _put_collection(transaction: Transaction, record: CollectionRecord, sharing: Sharing) -> None:
    transaction.put_collection(record)
    transaction.put_sharing(record.id, sharing)


async def _put_items(
    target: CatalogueStore, records: list[ItemRecord], name: str, state: bytes
) -> list[Difference]:
    """Store items, and how far the copy has come; return what the target cannot keep."""

    def put_all(transaction: Transaction) -> None:
        transaction.put_items(records)
        transaction.put_checkpoint(name, state)

    refused: list[Difference] = []
    try:
        await target.change(put_all)
    except InvalidInputError:
        # Which of them cannot be kept is found by storing each by itself.
        waiting = records
    else:
        waiting = []
    for record in waiting:
        try:
            await target.change(partial(_put_item, record=record))
        except InvalidInputError as error:
            refused.append(Difference(f"{record.collection}/{record.id}", str(error)))
    if waiting:
        await target.change(lambda transaction: transaction.put_checkpoint(name, state))
    return refused


def _put_item(transaction: Transaction, record: ItemRecord) -> None:
    transaction.put_item(record)


async def _compare_collection(
    source: CatalogueStore, target: CatalogueStore, collection: str, document: bytes, report: Report
) -> list[Difference]:
    copied = await target.collection(collection, _EVERYBODY)
    if copied is None or orjson.loads(copied) != orjson.loads(document):
        return [Difference(collection, "is missing" if copied is None else "is another document")]
    differences = []
    if await target.sharing(collection) != await source.sharing(collection):
        differences.append(Difference(collection, "has another owner, other readers or another policy"))
    progress = CopyProgress("comparing", collection)
    async for items, _, progress.total in _pages(source, collection):
        differences += await _compare_items(target, collection, items)
        progress.items += len(items)
        report(progress)
        if len(differences) >= MAX_TOLD:
            break
    return differences


async def _compare_items(target: CatalogueStore, collection: str, items: list[FoundItem]) -> list[Difference]:
    """Look every item up by its id: the target may hold others between them."""
    differences = []
    for some in batched(items, 100):
        search = ItemSearch(
            len(some), ids=tuple(item.id for item in some), collections=(collection,), reader=_EVERYBODY
        )
        copied = {item.id: item.document async for item in _items(target, search)}
        for item in some:
            place = f"{collection}/{item.id}"
            if item.id not in copied:
                differences.append(Difference(place, "is missing"))
            elif orjson.loads(copied[item.id]) != orjson.loads(item.document):
                differences.append(Difference(place, "is another document"))
    return differences
