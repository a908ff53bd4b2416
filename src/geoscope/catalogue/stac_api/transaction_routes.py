"""Routes that change the catalogue, for catalogue editors and for the owners of collections."""

from dataclasses import replace
from functools import partial
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Request, Response

from geoscope.catalogue import transactions
from geoscope.catalogue.documents import GEOJSON, JSON, collection_document, item_document
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.catalogue.models import FoundCollection, FoundItem
from geoscope.catalogue.readers import require_changeable, sharing_of_new
from geoscope.catalogue.records import MAX_DOCUMENT_BYTES, collection_record, item_record, parse_document
from geoscope.catalogue.stac_api.exchange import IfMatch, Store, read_document, respond_revision, store_for
from geoscope.catalogue.stac_api.openapi import (
    BEARER,
    REFUSALS,
    Collection,
    GeoJsonResponse,
    Item,
    JsonResponse,
    answer,
    document_body,
)
from geoscope.errors import InvalidInputError
from geoscope.web import SignedInPrincipal, base_url

MAX_FEATURES_BYTES = 32 * 1024**2


async def _require_changeable(principal: SignedInPrincipal, store: Store, collection: str) -> None:
    await require_changeable(store, principal, collection)


async def _require_new_or_changeable(
    principal: SignedInPrincipal, store: Store, collection: str, if_none_match: "OnlyNew" = None
) -> None:
    if _is_only_new(if_none_match) and await store.sharing(collection) is None:
        principal.require_role(EDITOR_ROLE)
    else:
        await require_changeable(store, principal, collection)


OnlyNew = Annotated[
    str | None, Header(alias="If-None-Match", description="`*`: only if there is none of this id yet.")
]

_COLLECTION = document_body("A STAC collection.", "id", "description", "license", "extent")
_ITEM = document_body("A STAC item.", "id", "geometry", "properties")
_ITEMS = document_body("A STAC item, or a FeatureCollection of them.")
_PATCH = document_body("The members to change; null removes one (RFC 7396).")
_BULK = document_body('`{"items": {ID: item}, "method": "insert" | "upsert"}`.', "items")

_CHANGED_COLLECTION = answer(Collection, "The collection as it is now.")
_CHANGED_ITEM = answer(Item, "The item as it is now.")
_OWN = Depends(_require_changeable)

router = APIRouter(
    prefix="/stac",
    dependencies=[Depends(BEARER)],
    default_response_class=JsonResponse,
    responses=REFUSALS,
    tags=["Transactions"],
)


@router.post(
    "/collections",
    status_code=201,
    responses=answer(Collection, "The new collection.", 201),
    openapi_extra=_COLLECTION,
)
async def add_collection(request: Request, store: Store, principal: SignedInPrincipal) -> Response:
    """Add a collection: an editor's is for everybody, a publisher's is their own and private at first."""
    sharing = sharing_of_new(principal)
    sent = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    record = replace(collection_record(sent), owner=sharing.owner, readers=sharing.readers)
    stored = await store.change(partial(transactions.add_collection, record=record))
    answer = await _collection(request, record.id, stored, 201)
    answer.headers["Location"] = f"{base_url(request)}/stac/collections/{record.id}"
    return answer


@router.put(
    "/collections/{collection}",
    dependencies=[Depends(_require_new_or_changeable)],
    responses=_CHANGED_COLLECTION | {201: {"model": Collection, "description": "The new collection."}},
    openapi_extra=_COLLECTION,
)
async def replace_collection(
    request: Request, store: Store, collection: str, if_match: IfMatch = None, if_none_match: OnlyNew = None
) -> Response:
    """Replace a collection; its items stay."""
    sent = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    only_new = _is_only_new(if_none_match)
    stored = await store.change(
        partial(
            transactions.replace_collection, id_=collection, sent=sent, if_match=if_match, only_new=only_new
        )
    )
    return await _collection(request, collection, stored, 201 if only_new else 200)


@router.patch(
    "/collections/{collection}",
    dependencies=[_OWN],
    responses=_CHANGED_COLLECTION,
    openapi_extra=_PATCH,
)
async def change_collection(
    request: Request, store: Store, collection: str, if_match: IfMatch = None
) -> Response:
    """Change parts of a collection."""
    patch = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.change_collection, id_=collection, patch=patch, if_match=if_match)
    )
    return await _collection(request, collection, stored)


@router.delete("/collections/{collection}", status_code=204, dependencies=[_OWN])
async def delete_collection(store: Store, collection: str, if_match: IfMatch = None) -> Response:
    """Remove a collection and all its items."""
    await store.change(partial(transactions.delete_collection, id_=collection, if_match=if_match))
    return Response(status_code=204)


@router.post(
    "/collections/{collection}/items",
    status_code=201,
    dependencies=[_OWN],
    response_class=GeoJsonResponse,
    responses={201: {"description": "The new item; nothing in answer to a FeatureCollection."}},
    openapi_extra=_ITEMS,
)
async def add_items(request: Request, store: Store, collection: str) -> Response:
    """Add an item, or the items of a FeatureCollection, all or none."""
    document = parse_document(await read_document(request, MAX_FEATURES_BYTES))
    if document.get("type") == "FeatureCollection":
        records = await anyio.to_thread.run_sync(transactions.feature_records, document, collection)
        await store.change(partial(transactions.add_items, collection=collection, records=records))
        return Response(status_code=201)
    record = item_record(document, collection)
    stored = await store.change(partial(transactions.add_item, collection=collection, record=record))
    answer = await _item(request, collection, record.id, stored, 201)
    answer.headers["Location"] = f"{base_url(request)}/stac/collections/{collection}/items/{record.id}"
    return answer


@router.post(
    "/collections/{collection}/bulk_items",
    dependencies=[_OWN],
    responses={
        200: {
            "description": "What was done, in words.",
            "content": {JSON: {"schema": {"type": "string"}}},
        }
    },
    openapi_extra=_BULK,
)
async def add_bulk_items(request: Request, store: Store, collection: str) -> Response:
    """Add many items, or replace those of the same ids too, all or none."""
    document = parse_document(await read_document(request, MAX_FEATURES_BYTES))
    method = document.get("method", "insert")
    if method not in ("insert", "upsert"):
        raise InvalidInputError(f"method: {str(method)[:80]!r} is not known.", "Expected insert or upsert.")
    sent = await anyio.to_thread.run_sync(transactions.bulk_records, document, collection)
    if method == "insert":
        records = [record for _, record in sent]
        await store.change(partial(transactions.add_items, collection=collection, records=records))
        return JsonResponse(f'"Successfully added {len(records)} items."')
    changed = await store.change(partial(transactions.put_items, collection=collection, sent=sent))
    return JsonResponse(f'"Successfully upserted {len(sent)} items, of which {changed} were new or changed."')


@router.put(
    "/collections/{collection}/items/{item}",
    dependencies=[_OWN],
    response_class=GeoJsonResponse,
    responses=_CHANGED_ITEM | {201: {"model": Item, "description": "The new item."}},
    openapi_extra=_ITEM,
)
async def replace_item(
    request: Request,
    store: Store,
    collection: str,
    item: str,
    if_match: IfMatch = None,
    if_none_match: OnlyNew = None,
) -> Response:
    """Replace an item."""
    sent = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    only_new = _is_only_new(if_none_match)
    stored = await store.change(
        partial(
            transactions.replace_item,
            collection=collection,
            id_=item,
            sent=sent,
            if_match=if_match,
            only_new=only_new,
        )
    )
    return await _item(request, collection, item, stored, 201 if only_new else 200)


@router.patch(
    "/collections/{collection}/items/{item}",
    dependencies=[_OWN],
    response_class=GeoJsonResponse,
    responses=_CHANGED_ITEM,
    openapi_extra=_PATCH,
)
async def change_item(
    request: Request, store: Store, collection: str, item: str, if_match: IfMatch = None
) -> Response:
    """Change parts of an item."""
    patch = parse_document(await read_document(request, MAX_DOCUMENT_BYTES))
    stored = await store.change(
        partial(transactions.change_item, collection=collection, id_=item, patch=patch, if_match=if_match)
    )
    return await _item(request, collection, item, stored)


@router.delete("/collections/{collection}/items/{item}", status_code=204, dependencies=[_OWN])
async def delete_item(store: Store, collection: str, item: str, if_match: IfMatch = None) -> Response:
    """Remove an item."""
    await store.change(partial(transactions.delete_item, collection=collection, id_=item, if_match=if_match))
    return Response(status_code=204)


def _is_only_new(if_none_match: str | None) -> bool:
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    raise InvalidInputError("If-None-Match: cannot be used here.", "Expected '*'.")


async def _collection(request: Request, id_: str, stored: bytes, status: int = 200) -> Response:
    policy = (await store_for(request).policies()).get(id_)
    document = collection_document(FoundCollection(id_, stored), policy)
    return respond_revision(request, stored, document, JSON, status, policy=policy)


async def _item(request: Request, collection: str, id_: str, stored: bytes, status: int = 200) -> Response:
    policy = (await store_for(request).policies()).get(collection)
    document = item_document(FoundItem(collection, id_, stored), policy)
    return respond_revision(request, stored, document, GEOJSON, status, policy=policy)
