"""Adding, changing and removing collections and items (STAC API transaction extensions)."""

from collections.abc import Mapping, Sequence
from typing import Any

from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.records import Document, collection_record, item_record, parse_document
from geoscope.catalogue.stac_api.revisions import require_absence, require_match
from geoscope.catalogue.store import Transaction
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError

MAX_FEATURES = 10_000
MAX_PATCH_DEPTH = 100


def no_collection(id_: str) -> NotFoundError:
    """Return the error for a collection that is not there, or not for this reader."""
    return NotFoundError(f"There is no collection {id_!r}.")


def no_item(collection: str, id_: str) -> NotFoundError:
    """Return the error for an item that is not there."""
    return NotFoundError(f"There is no item {id_!r} in the collection {collection!r}.")


def feature_records(document: Document, collection: str) -> list[ItemRecord]:
    """Read the new items of a FeatureCollection.

    Raises
    ------
    InvalidInputError
        Naming the member, and of which item, that is wrong.
    TooLargeError
        If there are more than `MAX_FEATURES`.
    """
    features = document.get("features")
    if not isinstance(features, list):
        raise InvalidInputError("features: expected a list of items.")
    named = {f"features.{number}": feature for number, feature in enumerate(features)}
    return [record for _, record in _records(named, collection, "features")]


def bulk_records(document: Document, collection: str) -> list[tuple[Document, ItemRecord]]:
    """Read `items` of a bulk transaction: an item for each id; errors as of `feature_records`."""
    items = document.get("items")
    if not isinstance(items, dict):
        raise InvalidInputError("items: expected an object with an item for each id.")
    for id_, item in items.items():
        if isinstance(item, dict) and item.setdefault("id", id_) != id_:
            raise InvalidInputError(
                f"items.{id_[:80]}.id: {item['id']!r} is not the name that it stands under."
            )
    return _records({f"items.{id_[:80]}": item for id_, item in items.items()}, collection, "items")


def _records(
    documents: Mapping[str, object], collection: str, member: str
) -> list[tuple[Document, ItemRecord]]:
    if len(documents) > MAX_FEATURES:
        raise TooLargeError(f"{member}: {len(documents)} items.", f"Send at most {MAX_FEATURES} at once.")
    records = []
    for place, document in documents.items():
        if not isinstance(document, dict):
            raise InvalidInputError(f"{place}: not an item.")
        try:
            records.append((document, item_record(document, collection)))
        except InvalidInputError as error:
            raise InvalidInputError(f"{place}: {error.problem}", error.remedy) from error
    return records


def add_collection(transaction: Transaction, record: CollectionRecord) -> bytes:
    """Add a collection that is not there yet and return it as it is stored now."""
    if transaction.collection(record.id) is not None:
        raise ConflictError(f"There is a collection {record.id!r} already.", "Replace it with PUT.")
    transaction.put_collection(record)
    return _stored(transaction.collection(record.id))


def add_item(transaction: Transaction, collection: str, record: ItemRecord) -> bytes:
    """Add an item that is not there yet and return it as it is stored now."""
    add_items(transaction, collection, [record])
    return _stored(transaction.item(collection, record.id))


def add_items(transaction: Transaction, collection: str, records: Sequence[ItemRecord]) -> None:
    """Add items that are not there yet, all or none."""
    if transaction.collection(collection) is None:
        raise no_collection(collection)
    added: set[str] = set()
    for record in records:
        if record.id in added or transaction.item(collection, record.id) is not None:
            raise ConflictError(
                f"There is an item {record.id!r} in {collection!r} already.", "Replace it with PUT."
            )
        added.add(record.id)
    transaction.put_items(records)


def put_items(transaction: Transaction, collection: str, sent: Sequence[tuple[Document, ItemRecord]]) -> int:
    """Add items or replace those of the same ids, all or none, and return how many changed.

    Parameters
    ----------
    transaction : Transaction
        In which that is done.
    collection : str
        The collection that they belong to.
    sent : sequence of (document, record)
        Each item as it was sent, and as it is stored where there is none of this id yet.
    """
    if transaction.collection(collection) is None:
        raise no_collection(collection)
    changed = []
    for document, record in sent:
        previous = transaction.item(collection, record.id)
        new = record if previous is None else item_record(document, collection, previous)
        if new.document != previous:
            changed.append(new)
    transaction.put_items(changed)
    return len(changed)


def replace_collection(
    transaction: Transaction, id_: str, sent: Document, if_match: str | None, *, only_new: bool = False
) -> bytes:
    """Replace a collection, or add one that must not be there yet, and return it as it is stored now."""
    if only_new:
        require_absence(transaction.collection(id_))
        record = collection_record(_with_id(sent, id_))
        transaction.put_collection(record)
        return _stored(transaction.collection(id_))
    previous = _seen_collection(transaction, id_, if_match)
    return _put_collection(transaction, id_, sent, previous)


def change_collection(transaction: Transaction, id_: str, patch: Document, if_match: str | None) -> bytes:
    """Change parts of a collection (RFC 7396) and return it as it is stored now."""
    previous = _seen_collection(transaction, id_, if_match)
    return _put_collection(transaction, id_, merge_patch(parse_document(previous), patch), previous)


def delete_collection(transaction: Transaction, id_: str, if_match: str | None) -> None:
    """Remove a collection and all its items."""
    _seen_collection(transaction, id_, if_match)
    transaction.delete_collection(id_)


def replace_item(
    transaction: Transaction,
    collection: str,
    id_: str,
    sent: Document,
    if_match: str | None,
    *,
    only_new: bool = False,
) -> bytes:
    """Replace an item, or add one that must not be there yet, and return it as it is stored now."""
    if only_new:
        require_absence(transaction.item(collection, id_))
        record = item_record(_with_id(sent, id_), collection)
        return add_item(transaction, collection, record)
    previous = _seen_item(transaction, collection, id_, if_match)
    return _put_item(transaction, collection, id_, sent, previous)


def change_item(
    transaction: Transaction, collection: str, id_: str, patch: Document, if_match: str | None
) -> bytes:
    """Change parts of an item (RFC 7396) and return it as it is stored now."""
    previous = _seen_item(transaction, collection, id_, if_match)
    return _put_item(transaction, collection, id_, merge_patch(parse_document(previous), patch), previous)


def delete_item(transaction: Transaction, collection: str, id_: str, if_match: str | None) -> None:
    """Remove an item."""
    _seen_item(transaction, collection, id_, if_match)
    transaction.delete_item(collection, id_)


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any], depth: int = 0) -> Document:
    """Apply a JSON Merge Patch (RFC 7396): null removes a member, objects are merged, all else is replaced.

    Raises
    ------
    InvalidInputError
        If the patch is nested deeper than any STAC document.
    """
    if depth > MAX_PATCH_DEPTH:
        raise InvalidInputError(f"The patch is nested deeper than {MAX_PATCH_DEPTH} objects.")
    merged = {name: value for name, value in document.items() if name not in patch}
    for name, value in patch.items():
        if isinstance(value, Mapping):
            before = document.get(name)
            merged[name] = merge_patch(before if isinstance(before, Mapping) else {}, value, depth + 1)
        elif value is not None:
            merged[name] = value
    return merged


def _seen_collection(transaction: Transaction, id_: str, if_match: str | None) -> bytes:
    document = transaction.collection(id_)
    if document is None:
        raise no_collection(id_)
    require_match(document, if_match)
    return document


def _seen_item(transaction: Transaction, collection: str, id_: str, if_match: str | None) -> bytes:
    document = transaction.item(collection, id_)
    if document is None:
        raise no_item(collection, id_)
    require_match(document, if_match)
    return document


def _put_collection(transaction: Transaction, id_: str, document: Document, previous: bytes) -> bytes:
    record = collection_record(_with_id(document, id_), previous)
    if record.document != previous:
        transaction.put_collection(record)
    return _stored(transaction.collection(id_))


def _put_item(
    transaction: Transaction, collection: str, id_: str, document: Document, previous: bytes
) -> bytes:
    record = item_record(_with_id(document, id_), collection, previous)
    if record.document != previous:
        transaction.put_item(record)
    return _stored(transaction.item(collection, id_))


def _stored(document: bytes | None) -> bytes:
    """Return a document that was just put, in the store's own bytes: its entity tag is made of them."""
    if document is None:
        raise LookupError("what was put is not there")
    return document


def _with_id(document: Document, id_: str) -> Document:
    if document.setdefault("id", id_) != id_:
        raise InvalidInputError(f"id: {document['id']!r} is not {id_!r} of the path.")
    return document
