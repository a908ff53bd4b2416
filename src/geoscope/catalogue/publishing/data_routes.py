"""The files of published collections, for those who find the collection, and for nobody else."""

from pathlib import PurePosixPath
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from geoscope.catalogue.models import Sharing
from geoscope.catalogue.publishing.places import Place, own_places
from geoscope.catalogue.publishing.sharing import USER
from geoscope.catalogue.stac_api.exchange import Asker, Store
from geoscope.catalogue.stac_api.object_responses import object_response
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings

IDENTITY = "data-apis"
ZARR = "application/vnd.zarr"

router = APIRouter(prefix="/stac/data", default_response_class=Response, responses=REFUSALS)

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The range of it that was asked for."},
    304: {"description": "The client holds it."},
    404: {"description": "There is no such file, or not for this asker."},
    416: {"description": "The range begins after its end."},
}


@router.get("/{collection}/{item}/{asset}", responses=_ANSWERS)
async def asset_file(
    request: Request, store: Store, reader: Asker, collection: str, item: str, asset: str
) -> Response:
    """Return the file of an asset, or a range of it."""
    about, place = await _asset(store, reader, collection, item, asset)
    media_type = str(about.get("type") or "application/octet-stream")
    return await _answer(request, place, media_type, inline="thumbnail" in (about.get("roles") or []))


@router.get("/{collection}/{item}/{asset}/{path:path}", responses=_ANSWERS)
async def asset_part(
    request: Request, store: Store, reader: Asker, collection: str, item: str, asset: str, path: str
) -> Response:
    """Return an object of an asset that is a Zarr group."""
    about, place = await _asset(store, reader, collection, item, asset)
    is_inside = all(part not in ("", ".", "..") for part in path.split("/"))
    if not str(about.get("type", "")).startswith(ZARR) or not is_inside:
        raise NotFoundError(f"The asset {asset!r} of the item {item!r} has no file {path[:200]!r}.")
    return await _answer(request, place.below(path), "application/octet-stream")


async def _asset(
    store: Store, reader: Asker, collection: str, item: str, asset: str
) -> tuple[dict[str, Any], Place]:
    """Return an asset and where its file is."""
    document = await store.item(collection, item, reader)
    sharing = await store.sharing(collection)
    about = orjson.loads(document)["assets"].get(asset) if document is not None else None
    place = None if about is None or sharing is None else _place(about, collection, sharing)
    if about is None or place is None:
        raise NotFoundError(f"There is no file {asset!r} of an item {item!r} in {collection!r}.")
    return about, place


def _place(asset: dict[str, Any], collection: str, sharing: Sharing) -> Place | None:
    """Return where the file is, if its collection's owner may read there.

    The service itself may read every bucket: an item that names somebody else's file must not open it.
    """
    address = asset.get("alternate", {}).get("s3", {}).get("href", "")
    if sharing.owner is None or not sharing.owner.startswith(USER):
        return None
    try:
        place = Place.parse(str(address))
    except InvalidInputError:
        return None
    own = own_places(sharing.owner.removeprefix(USER), collection)
    return place if any(each.holds(place) for each in own) else None


async def _answer(request: Request, place: Place, media_type: str, *, inline: bool = False) -> Response:
    settings = current_settings()
    bucket = open_bucket(settings, place.bucket, read_s3_keys(settings, IDENTITY))
    name = PurePosixPath(place.key).name
    return await object_response(
        request, bucket, place.key, media_type=media_type, file_name=name, inline=inline
    )
