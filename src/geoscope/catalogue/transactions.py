"""Adding, changing and removing collections and items (STAC API transaction extensions)."""

from collections.abc import Mapping
from typing import Any

from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.records import Document, collection_record, item_record, parse_document
from geoscope.catalogue.revisions import require_match
from geoscope.catalogue.store import Transaction
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError

MAX_FEATURES = 10_000
MAX_PATCH_DEPTH = 100


def no_collection(id_: str) -> NotFoundError:
    """Return the error for a collection that is not there."""
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
    """
    features = document.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise InvalidInputError("features: expected a list of items.")
    if len(features) > MAX_FEATURES:
        raise TooLargeError(f"features: {len(features)} items.", f"Send at most {MAX_FEATURES} at once.")
    records = []
    for number, feature in enumerate(features):
        try:
            records.append(item_record(feature, collection))
        except InvalidInputError as error:
            raise InvalidInputError(f"features.{number}: {error.problem}", error.remedy) from error
    return records


def add_collection(transaction: Transaction, record: CollectionRecord) -> None:
    """Add a collection that is not there yet."""
    if transaction.collection(record.id) is not None:
        raise ConflictError(f"There is a collection {record.id!r} already.", "Replace it with PUT.")
    transaction.put_collection(record)


def add_items(transaction: Transaction, collection: str, records: list[ItemRecord]) -> None:
    """Add items that are not there yet, all or none."""
    if transaction.collection(collection) is None:
        raise no_collection(collection)
    for record in records:
        if transaction.item(collection, record.id) is not None:
            raise ConflictError(
                f"There is an item {record.id!r} in {collection!r} already.", "Replace it with PUT."
            )
        transaction.put_item(record)


def replace_collection(transaction: Transaction, id_: str, sent: Document, if_match: str | None) -> bytes:
    """Replace a collection and return it as it is stored now."""
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
    transaction: Transaction, collection: str, id_: str, sent: Document, if_match: str | None
) -> bytes:
    """Replace an item and return it as it is stored now."""
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
    return record.document


def _put_item(
    transaction: Transaction, collection: str, id_: str, document: Document, previous: bytes
) -> bytes:
    record = item_record(_with_id(document, id_), collection, previous)
    if record.document != previous:
        transaction.put_item(record)
    return record.document


def _with_id(document: Document, id_: str) -> Document:
    if document.setdefault("id", id_) != id_:
        raise InvalidInputError(f"id: {document['id']!r} is not {id_!r} of the path.")
    return document
