"""Routes of those who publish: sharing, uploads, and what is there to be published."""

from functools import partial
from typing import Annotated, Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from geoscope.access import Principal
from geoscope.catalogue.documents import addresses
from geoscope.catalogue.manifest import PUBLISHER_ROLE
from geoscope.catalogue.publishing.places import own_roots, uploads_of
from geoscope.catalogue.publishing.sharing import (
    change_sharing,
    own_collections,
    require_owner,
    sharing_document,
)
from geoscope.catalogue.publishing.uploads import (
    UploadRequest,
    list_folder,
    list_uploads,
    remove_upload,
    sign_uploads,
)
from geoscope.catalogue.publishing.wish import COLLECTION_ID, Shared
from geoscope.catalogue.readers import reader_of
from geoscope.catalogue.records import parse_document
from geoscope.catalogue.stac_api.exchange import Store, read_body, respond
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import ConflictError, NotAllowedError
from geoscope.inputs import parsed
from geoscope.objects import Place
from geoscope.settings import current_settings
from geoscope.web import SignedInPrincipal, base_url

MAX_BODY_BYTES = 4 * 1024**2

CollectionId = Annotated[str, Path(pattern=COLLECTION_ID)]

router = APIRouter(prefix="/stac", default_response_class=Response, responses=REFUSALS)


def _body_of(model: type[Shared] | type[UploadRequest]) -> dict[str, Any]:
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


@router.get("/collections/{collection}/sharing")
async def get_sharing(
    request: Request, store: Store, principal: SignedInPrincipal, collection: str
) -> Response:
    """Return who finds a collection; for its owner and administrators."""
    sharing = require_owner(principal, collection, await store.sharing(collection))
    return respond(request, sharing_document(collection, sharing))


@router.put("/collections/{collection}/sharing", openapi_extra=_body_of(Shared))
async def put_sharing(
    request: Request, store: Store, principal: SignedInPrincipal, collection: str
) -> Response:
    """Let nobody, the members of an entity or everybody find a collection and read its files."""
    wanted = parsed(Shared, parse_document(await read_body(request, MAX_BODY_BYTES)))
    change = partial(change_sharing, collection=collection, principal=principal, wanted=wanted)
    return respond(request, sharing_document(collection, await store.change(change)))


@router.get("/publishing/collections")
async def get_own_collections(request: Request, store: Store, principal: SignedInPrincipal) -> Response:
    """Return your own collections, and who finds each."""
    return respond(request, {"collections": await own_collections(store, principal)})


@router.get("/publishing/folders")
async def get_folder(
    request: Request,
    principal: SignedInPrincipal,
    address: Annotated[
        str | None, Query(description="s3://BUCKET/FOLDER; by default all that are yours.")
    ] = None,
) -> Response:
    """Return what is in a folder that the asker may publish from."""
    principal.require_role(PUBLISHER_ROLE)
    roots = own_roots(principal.subject)
    if address is None:
        folders = [{"name": each.address.removeprefix("s3://"), "address": each.address} for each in roots]
        return respond(request, {"address": None, "folders": folders, "files": [], "is_complete": True})
    place = Place.parse(address)
    if not any(root.holds(place) for root in roots):
        raise NotAllowedError(
            f"You may not look into {place.address}.",
            f"You may into {', '.join(each.address for each in roots)}.",
        )
    found = await anyio.to_thread.run_sync(list_folder, current_settings(), place)
    return respond(request, found)


@router.post("/publishing/uploads/{collection}", openapi_extra=_body_of(UploadRequest))
async def post_uploads(
    request: Request, store: Store, principal: SignedInPrincipal, collection: CollectionId
) -> Response:
    """Return an address to send each file to that is not there yet."""
    asked = parsed(UploadRequest, parse_document(await read_body(request, MAX_BODY_BYTES)))
    folder = await _own_folder(store, principal, collection)
    settings = current_settings()
    s3_url = orjson.loads(b'"' + addresses(settings, base_url(request)).s3 + b'"')
    work = partial(sign_uploads, settings, folder, s3_url, asked)
    return respond(request, await anyio.to_thread.run_sync(work))


@router.get("/publishing/uploads/{collection}")
async def get_uploads(
    request: Request, store: Store, principal: SignedInPrincipal, collection: CollectionId
) -> Response:
    """Return the files that were uploaded for a collection."""
    folder = await _own_folder(store, principal, collection)
    files = await anyio.to_thread.run_sync(list_uploads, current_settings(), folder)
    return respond(request, {"source": folder.address, "files": files})


@router.delete("/publishing/uploads/{collection}/{path:path}", status_code=204)
async def delete_upload(
    store: Store, principal: SignedInPrincipal, collection: CollectionId, path: str
) -> Response:
    """Remove a file that was uploaded for a collection."""
    folder = await _own_folder(store, principal, collection)
    await anyio.to_thread.run_sync(remove_upload, current_settings(), folder, path)
    return Response(status_code=204)


async def _own_folder(store: Store, principal: Principal, collection: str) -> Place:
    """Return where somebody's files of a collection go; its id must be free or that of their own."""
    principal.require_role(PUBLISHER_ROLE)
    sharing = await store.sharing(collection)
    if sharing is not None and sharing.owner not in reader_of(principal).names:
        raise ConflictError(f"The id {collection!r} belongs to another collection.", "Choose another id.")
    return uploads_of(principal.subject, collection)
