"""Routes that change the catalogue, for catalogue editors."""

from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response

from geoscope.catalogue import transactions
from geoscope.catalogue.documents import GEOJSON, JSON, collection_document, item_document
from geoscope.catalogue.exchange import IfMatch, Store, read_document, respond_revision
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.catalogue.models import FoundCollection, FoundItem
from geoscope.catalogue.records import MAX_DOCUMENT_BYTES, collection_record, item_record, parse_document
from geoscope.web import SignedInPrincipal, base_url

MAX_FEATURES_BYTES = 32 * 1024**2


def require_editor(principal: SignedInPrincipal) -> None:
    """Refuse whoever is not a catalogue editor."""
    principal.require_role(EDITOR_ROLE)


def _json_body(description: str) -> dict[str, Any]:
    schema = {"type": "object", "description": description}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_COLLECTION = _json_body("A STAC collection.")
_ITEM = _json_body("A STAC item.")
_ITEMS = _json_body("A STAC item, or a FeatureCollection of them.")
_PATCH = _json_body("The members to change; null removes one (RFC 7396).")

router = APIRouter(prefix="/stac", dependencies=[Depends(require_editor)], default_response_class=Response)


@router.post("/collections", status_code=201, openapi_extra=_COLLECTION)
async def add_collection(request: Request, store: Store) -> Response:
    """Add a collection."""
    record = collection_record(parse_document(await read_document(request, MAX_DOCUMENT_BYTES)))
    await store.change(partial(transactions.add_collection, record=record))
    answer = _collection(request, record.id, record.document, 201)
    answer.headers["Location"] = f"{base_url(request)}/stac/collections/{record.id}"
    return answer


@router.put("/collections/{collection}", openapi_extra=_COLLECTION)
async def replace_collection(
    request: Request, store: Store, collection: str, if_match: IfMatch = None
) -> Response:
    """Replace a collection; its items stay."""
    sent = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.replace_collection, id_=collection, sent=sent, if_match=if_match)
    )
    return _collection(request, collection, stored)


@router.patch("/collections/{collection}", openapi_extra=_PATCH)
async def change_collection(
    request: Request, store: Store, collection: str, if_match: IfMatch = None
) -> Response:
    """Change parts of a collection."""
    patch = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.change_collection, id_=collection, patch=patch, if_match=if_match)
    )
    return _collection(request, collection, stored)


@router.delete("/collections/{collection}", status_code=204)
async def delete_collection(store: Store, collection: str, if_match: IfMatch = None) -> Response:
    """Remove a collection and all its items."""
    await store.change(partial(transactions.delete_collection, id_=collection, if_match=if_match))
    return Response(status_code=204)


@router.post("/collections/{collection}/items", status_code=201, openapi_extra=_ITEMS)
async def add_items(request: Request, store: Store, collection: str) -> Response:
    """Add an item, or the items of a FeatureCollection, all or none."""
    document = parse_document(await read_document(request, MAX_FEATURES_BYTES))
    if document.get("type") == "FeatureCollection":
        records = await anyio.to_thread.run_sync(transactions.feature_records, document, collection)
        await store.change(partial(transactions.add_items, collection=collection, records=records))
        return Response(status_code=201)
    record = item_record(document, collection)
    await store.change(partial(transactions.add_items, collection=collection, records=[record]))
    answer = _item(request, collection, record.id, record.document, 201)
    answer.headers["Location"] = f"{base_url(request)}/stac/collections/{collection}/items/{record.id}"
    return answer


@router.put("/collections/{collection}/items/{item}", openapi_extra=_ITEM)
async def replace_item(
    request: Request, store: Store, collection: str, item: str, if_match: IfMatch = None
) -> Response:
    """Replace an item."""
    sent = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.replace_item, collection=collection, id_=item, sent=sent, if_match=if_match)
    )
    return _item(request, collection, item, stored)


@router.patch("/collections/{collection}/items/{item}", openapi_extra=_PATCH)
async def change_item(
    request: Request, store: Store, collection: str, item: str, if_match: IfMatch = None
) -> Response:
    """Change parts of an item."""
    patch = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.change_item, collection=collection, id_=item, patch=patch, if_match=if_match)
    )
    return _item(request, collection, item, stored)


@router.delete("/collections/{collection}/items/{item}", status_code=204)
async def delete_item(store: Store, collection: str, item: str, if_match: IfMatch = None) -> Response:
    """Remove an item."""
    await store.change(partial(transactions.delete_item, collection=collection, id_=item, if_match=if_match))
    return Response(status_code=204)


def _collection(request: Request, id_: str, stored: bytes, status: int = 200) -> Response:
    document = collection_document(FoundCollection(id_, stored))
    return respond_revision(request, stored, document, JSON, status=status)


def _item(request: Request, collection: str, id_: str, stored: bytes, status: int = 200) -> Response:
    document = item_document(FoundItem(collection, id_, stored))
    return respond_revision(request, stored, document, GEOJSON, status=status)
