"""Downloads: products of one's own orders and public assets, whole or in ranges, with a file name."""

from functools import partial

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from geoscope.catalogue.data_lake.routes import Searcher
from geoscope.catalogue.finding import Finder
from geoscope.catalogue.models import Reader, Sharing
from geoscope.catalogue.orders.delivery import BUCKET
from geoscope.catalogue.orders.documents import PRODUCT
from geoscope.catalogue.orders.models import Order, OrderState, Product
from geoscope.catalogue.orders.order_routes import Orders
from geoscope.catalogue.orders.ordering import is_orderable
from geoscope.catalogue.orders.product_files import data_assets, object_address
from geoscope.catalogue.orders.sources import SOURCE_BUCKETS, safe_name
from geoscope.catalogue.publishing.places import is_served
from geoscope.catalogue.readers import reader_of, require_data_of
from geoscope.catalogue.stac_api.exchange import Items, store_for
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.object_responses import object_response
from geoscope.objects import PUBLIC_BUCKETS, Place, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from geoscope.web import base_url

router = APIRouter(prefix="/stac/v2", default_response_class=Response, tags=["Data Lake"], responses=REFUSALS)


@router.get("/data/{backend}/{collection}/{item}/{asset}", summary="Download")
async def download(
    request: Request,
    finder: Items,
    orders: Orders,
    principal: Searcher,
    backend: str,
    collection: str,
    item: str,
    asset: str,
) -> Response:
    """Return a product that was ordered, or an asset of an item; ranges are answered."""
    if principal is not None:
        order = await anyio.to_thread.run_sync(partial(orders.order, item, principal.subject))
        if order is not None and (order.collection, order.backend) == (collection, backend):
            product = _product(order, asset)
            # The right may have ended since it was ordered.
            await require_data_of(store_for(request), principal, collection)
            return await _object(request, BUCKET, product.key, product.name, product.media_type)
    href, media_type = await _asset(finder, reader_of(principal), collection, item, asset)
    sharing = await require_data_of(store_for(request), principal, collection)
    if not href.startswith("s3://"):
        return RedirectResponse(href, 302)
    place = _place(href, collection, sharing)
    if place.bucket in PUBLIC_BUCKETS:
        return RedirectResponse(f"{base_url(request)}/data/{place.bucket}/{place.key}", 302)
    return await _object(request, place.bucket, place.key, safe_name(place.key, "product"), media_type)


def _place(address: str, collection: str, sharing: Sharing) -> Place:
    """Return where a file is, if it lies where the collection's files may."""
    try:
        place = Place.parse(address)
    except InvalidInputError as error:
        raise NotFoundError(f"The file {address!r} is not there.") from error
    if place.bucket in SOURCE_BUCKETS and is_served(place, sharing.owner, collection):
        return place
    raise NotFoundError(f"The file {place.key!r} lies where it cannot be downloaded from.")


async def _object(request: Request, bucket: str, key: str, name: str, media_type: str) -> Response:
    settings = current_settings()
    store = open_bucket(settings, bucket, read_s3_keys(settings, "data-apis"))
    return await object_response(request, store, key, media_type=media_type, file_name=name)


def _product(order: Order, asset: str) -> Product:
    if asset != PRODUCT or order.state is not OrderState.SUCCEEDED or order.product is None:
        raise NotFoundError(
            f"The order {order.id} has no {asset!r} to be downloaded: it is {order.state}.",
            f"Its item has the asset {PRODUCT!r} when it has succeeded.",
        )
    return order.product


async def _asset(finder: Finder, reader: Reader, collection: str, item: str, asset: str) -> tuple[str, str]:
    """Return address and media type of an asset of an item that is online and that the reader finds."""
    found = await finder.item(collection, item, reader)
    document = None if found is None else orjson.loads(found.document)
    if document is None or is_orderable(document["properties"]):
        raise NotFoundError(f"There is no asset {asset!r} of {item!r} in {collection!r} to be downloaded.")
    assets, data = document["assets"], data_assets(document)
    chosen = assets.get(asset)
    if chosen is None and asset == PRODUCT and len(data) == 1:
        [chosen] = data.values()
    if chosen is None:
        raise NotFoundError(f"The item {item!r} in {collection!r} has no asset {asset!r}.")
    href = object_address(str(chosen["href"]))
    if not href.startswith(("https://", "http://", "s3://")):
        raise NotFoundError(f"The asset {asset!r} of {item!r} lies where it cannot be downloaded from.")
    return href, str(chosen.get("type") or "application/octet-stream")
