"""Keeps the collections of other catalogues in the store, as the portfolio or their backend tells of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson

from geoscope.access import Policy
from geoscope.catalogue.federation.collections import Document, collection_document
from geoscope.catalogue.federation.portfolio import Portfolio, PortfolioCollection
from geoscope.catalogue.models import CollectionRecord, ItemSearch, Reader
from geoscope.catalogue.records import collection_record
from geoscope.catalogue.store import CatalogueStore, Transaction

# Under this name, and those of backends behind it, the store keeps what was written from where.
CHECKPOINT = "federation"


async def synchronise(
    store: CatalogueStore,
    origin: str,
    collections: Mapping[str, PortfolioCollection],
    portfolio: Portfolio,
) -> int:
    """Write collections that are new or have changed, and remove those that are gone.

    Nothing is written when nothing has changed. A collection that somebody else has put there stays as it is,
    and one that holds items here is never removed. Several processes may do this at once.

    Parameters
    ----------
    store : CatalogueStore
        Where to.
    origin : str
        Where the collections come from: `portfolio`, or the name of a backend. Others' are left alone.
    collections : mapping
        All that there are now, by id.
    portfolio : Portfolio
        Describes their backends.

    Returns
    -------
    count : int
        How many collections were written or removed.
    """
    documents = {id_: collection_document(entry, portfolio) for id_, entry in collections.items()}
    shared = {id_: (entry.readers, entry.policy) for id_, entry in collections.items()}
    described = orjson.dumps([documents, shared], option=orjson.OPT_SORT_KEYS)
    work = _Work(
        name=f"{CHECKPOINT}:{origin}",
        digest=hashlib.sha256(described).hexdigest(),
        documents=documents,
        collections=collections,
    )
    written = await store.change(work.written)
    if written is not None and written.digest == work.digest:
        return 0
    gone = sorted(set(written.ids if written else ()) - set(documents))
    held = {id_ for id_ in gone if await _holds_items(store, id_)}
    return await store.change(partial(work.write, gone=set(gone) - held))


@dataclass(frozen=True)
class _Written:
    """What was written before: which collections, and a digest of how they were described."""

    digest: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class _Work:
    """One synchronisation; its methods run inside of transactions."""

    name: str
    digest: str
    documents: Mapping[str, Document]
    collections: Mapping[str, PortfolioCollection]

    def written(self, transaction: Transaction) -> _Written | None:
        """Return what was written before."""
        state = transaction.checkpoint(self.name)
        if state is None:
            return None
        kept = orjson.loads(state)
        return _Written(kept["digest"], tuple(kept["ids"]))

    def write(self, transaction: Transaction, gone: set[str]) -> int:
        """Write and remove collections, and return how many."""
        before = self.written(transaction)
        own = set(before.ids) if before else set()
        count, kept = 0, []
        for id_, document in self.documents.items():
            previous = transaction.collection(id_)
            if previous is not None and id_ not in own:
                continue
            kept.append(id_)
            record = self._record(id_, document, previous)
            if record.document != previous or record.readers is not None or record.policy is not None:
                transaction.put_collection(record)
                count += 1
        for id_ in gone & own:
            transaction.delete_collection(id_)
            count += 1
        state = {
            "digest": self.digest,
            "ids": kept + sorted(own - set(self.documents) - gone),
            "names": {id_: entry.backends[0].collection for id_, entry in self.collections.items()},
        }
        transaction.put_checkpoint(self.name, orjson.dumps(state))
        return count

    def _record(self, id_: str, document: Document, previous: bytes | None) -> CollectionRecord:
        entry = self.collections[id_]
        record = collection_record(document, previous)
        return replace(
            record,
            readers=None if entry.readers is None else frozenset(entry.readers),
            policy=None if entry.policy is None else Policy.parse(entry.policy),
        )


async def known_collections(store: CatalogueStore, origin: str) -> dict[str, str]:
    """Return the collections that were written from an origin, by id, with what their backend calls them."""
    state = await store.change(lambda transaction: transaction.checkpoint(f"{CHECKPOINT}:{origin}"))
    names: dict[str, str] = {} if state is None else orjson.loads(state)["names"]
    return names


async def _holds_items(store: CatalogueStore, collection: str) -> bool:
    search = ItemSearch(1, collections=(collection,), reader=Reader(sees_all=True))
    return bool((await store.find_items(search)).items)
