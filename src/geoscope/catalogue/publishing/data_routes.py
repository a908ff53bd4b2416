"""The files of collections, for those who find the collection and may have its data, and for nobody else."""

from pathlib import PurePosixPath
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from geoscope.access import Principal
from geoscope.catalogue.models import Sharing
from geoscope.catalogue.publishing.places import THUMBNAILS, USER, is_served, uploads_of
from geoscope.catalogue.readers import reader_of, require_data_of
from geoscope.catalogue.stac_api.exchange import Store
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.object_responses import object_response
from geoscope.objects import Place, open_bucket, s3_address
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from geoscope.web import AskingPrincipal

IDENTITY = "data-apis"
ZARR = "application/vnd.zarr"

router = APIRouter(prefix="/stac/data", default_response_class=Response, responses=REFUSALS)

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The range of it that was asked for."},
    304: {"description": "The client holds it."},
    401: {"description": "The data is for people who have signed in, or for some of them."},
    403: {"description": "The data is for others; the answer says for whom, and where to ask."},
    404: {"description": "There is no such file, or not for this asker."},
    416: {"description": "The range begins after its end."},
}


@router.get("/{collection}/{item}/{asset}", responses=_ANSWERS)
async def asset_file(
    request: Request, store: Store, principal: AskingPrincipal, collection: str, item: str, asset: str
) -> Response:
    """Return the file of an asset, or a range of it."""
    about, place = await _asset(store, principal, collection, item, asset)
    media_type = str(about.get("type") or "application/octet-stream")
    return await _answer(request, place, media_type, inline="thumbnail" in (about.get("roles") or []))


@router.get("/{collection}/{item}/{asset}/{path:path}", responses=_ANSWERS)
async def asset_part(
    request: Request,
    store: Store,
    principal: AskingPrincipal,
    collection: str,
    item: str,
    asset: str,
    path: str,
) -> Response:
    """Return an object of an asset that is a Zarr group."""
    about, place = await _asset(store, principal, collection, item, asset)
    is_inside = all(part not in ("", ".", "..") for part in path.split("/"))
    if not str(about.get("type", "")).startswith(ZARR) or not is_inside:
        raise NotFoundError(f"The asset {asset!r} of the item {item!r} has no file {path[:200]!r}.")
    return await _answer(request, place.below(path), "application/octet-stream")


async def _asset(
    store: Store, principal: Principal | None, collection: str, item: str, asset: str
) -> tuple[dict[str, Any], Place]:
    """Return an asset and where its file is, for those who may have it.

    Thumbnails that publishing has drawn are no data: they show what there is, as descriptions do.
    """
    document = await store.item(collection, item, reader_of(principal))
    sharing = await store.sharing(collection)
    about = orjson.loads(document)["assets"].get(asset) if document is not None else None
    place = None if about is None or sharing is None else _place(about, collection, sharing)
    if about is None or place is None:
        raise NotFoundError(f"There is no file {asset!r} of an item {item!r} in {collection!r}.")
    if not _is_thumbnail(place, collection, sharing):
        await require_data_of(store, principal, collection)
    return about, place


def _place(asset: dict[str, Any], collection: str, sharing: Sharing) -> Place | None:
    """Return where the file is, if it lies where the collection's files may."""
    try:
        place = Place.parse(s3_address(asset) or "")
    except InvalidInputError:
        return None
    return place if is_served(place, sharing.owner, collection) else None


def _is_thumbnail(place: Place, collection: str, sharing: Sharing | None) -> bool:
    if sharing is None or sharing.owner is None:
        return False
    uploads = uploads_of(sharing.owner.removeprefix(USER), collection)
    return uploads.below(THUMBNAILS).holds(place)


async def _answer(request: Request, place: Place, media_type: str, *, inline: bool = False) -> Response:
    settings = current_settings()
    bucket = open_bucket(settings, place.bucket, read_s3_keys(settings, IDENTITY))
    name = PurePosixPath(place.key).name
    return await object_response(
        request, bucket, place.key, media_type=media_type, file_name=name, inline=inline
    )
