"""Who finds a collection: from what its owner says to what the store keeps, and back."""

from dataclasses import replace
from typing import Any

import orjson

from geoscope.access import ADMINISTRATOR, Principal
from geoscope.catalogue.models import CollectionSearch, Sharing
from geoscope.catalogue.publishing.places import USER
from geoscope.catalogue.publishing.wish import Shared
from geoscope.catalogue.readers import finds, reader_of
from geoscope.catalogue.store import CatalogueStore, Transaction
from geoscope.catalogue.transactions import no_collection
from geoscope.errors import NotAllowedError

ENTITY = "entity:"
# Who serves what was published here, and how many collections are looked at at once.
LOCAL, PAGE_SIZE = "geoscope", 500


def require_owner(principal: Principal, collection: str, sharing: Sharing | None) -> Sharing:
    """Refuse whoever is neither the owner of a collection nor an administrator.

    Raises
    ------
    NotFoundError
        If there is no such collection, or it is hidden from them.
    NotAllowedError
        If it is somebody else's.
    """
    reader = reader_of(principal)
    if sharing is None or not finds(reader, sharing):
        raise no_collection(collection)
    if sharing.owner not in reader.names and ADMINISTRATOR not in principal.roles:
        raise NotAllowedError("Only the owner of a collection says who finds it.", "Ask its owner.")
    return sharing


def change_sharing(
    transaction: Transaction, collection: str, principal: Principal, wanted: Shared
) -> Sharing:
    """Let nobody, the members of an entity or everybody find a collection besides its owner."""
    before = require_owner(principal, collection, transaction.sharing(collection))
    owner = frozenset() if before.owner is None else frozenset({before.owner})
    readers = {
        "private": owner,
        "entity": owner | {f"{ENTITY}{wanted.entity}"},
        "public": None,
    }[wanted.visibility]
    after = before._replace(readers=readers)
    if after != before:
        transaction.put_sharing(collection, after)
    return after


def sharing_document(collection: str, sharing: Sharing) -> dict[str, Any]:
    """Return who finds a collection, as its owner says it."""
    entities = sorted(name.removeprefix(ENTITY) for name in sharing.readers or () if name.startswith(ENTITY))
    visibility = "public" if sharing.readers is None else "entity" if entities else "private"
    return {
        "collection": collection,
        "owner": sharing.owner.removeprefix(USER) if sharing.owner else None,
        "visibility": visibility,
        **({"entity": entities[0]} if entities else {}),
        "policy": str(sharing.policy),
    }


async def own_collections(store: CatalogueStore, principal: Principal) -> list[dict[str, Any]]:
    """Return the collections that somebody owns, in order of id: title, and who finds them."""
    search = CollectionSearch(PAGE_SIZE, backend=LOCAL, reader=reader_of(principal))
    owned: list[dict[str, Any]] = []
    while True:
        page = await store.find_collections(search)
        for found in page.collections:
            sharing = await store.sharing(found.id)
            if sharing is not None and sharing.owner == f"{USER}{principal.subject}":
                title = orjson.loads(found.document).get("title") or found.id
                owned.append(sharing_document(found.id, sharing) | {"title": title})
        if page.end is None:
            return owned
        search = replace(search, after=page.end)
