"""Looking through a catalogue: how many items each collection has, and whether each document is whole."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

from geoscope.catalogue.models import Aggregation, CollectionSearch, ItemSearch, Measure, Reader
from geoscope.catalogue.records import collection_record, item_record, parse_document
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import GeoscopeError

PAGE_SIZE = 1000

_EVERYTHING = Reader(sees_all=True)
_COUNT = Aggregation("count", Measure.COUNT)


class CollectionFacts(NamedTuple):
    """What there is to tell of a collection; `is_private`: not everybody finds it."""

    id: str
    title: str
    items: int
    is_private: bool


class StoredDocument(NamedTuple):
    """A document as it is stored; a collection's own belongs to none."""

    collection: str | None
    id: str
    document: bytes


async def collection_facts(store: CatalogueStore) -> list[CollectionFacts]:
    """Count the items of each collection."""
    facts = []
    for id_, title in await store.collection_titles(_EVERYTHING):
        search = ItemSearch(limit=1, collections=(id_,), reader=_EVERYTHING)
        [count] = await store.aggregate(search, [_COUNT])
        sharing = await store.sharing(id_)
        is_private = sharing is not None and sharing.readers is not None
        facts.append(CollectionFacts(id_, title, int(count.value or 0), is_private))
    return facts


async def stored_documents(store: CatalogueStore) -> AsyncIterator[StoredDocument]:
    """Yield the document of every collection and every item."""
    collections = CollectionSearch(limit=PAGE_SIZE, reader=_EVERYTHING)
    while True:
        found = await store.find_collections(collections)
        for id_, document in found.collections:
            yield StoredDocument(None, id_, document)
        if found.end is None:
            break
        collections = replace(collections, after=found.end)
    items = ItemSearch(limit=PAGE_SIZE, reader=_EVERYTHING)
    while True:
        page = await store.find_items(items)
        for item in page.items:
            yield StoredDocument(*item)
        if page.end is None:
            return
        items = replace(items, after=page.end)


def problem_of(stored: StoredDocument) -> str | None:
    """Tell what is wrong with a stored document, by the rules for one that is sent in."""
    collection, id_, document = stored
    try:
        sent = parse_document(document)
        record = collection_record(sent) if collection is None else item_record(sent, collection)
    except GeoscopeError as error:
        return str(error)
    return None if record.id == id_ else f"It is kept under another id than its own, {record.id!r}."
