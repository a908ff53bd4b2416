"""Orders as their owner sees them: as an entry of the list of orders, and as the item that is ordered."""

from datetime import datetime
from typing import Any

from geoscope.catalogue.documents import GEOJSON, JSON, Link, link
from geoscope.catalogue.orders.models import Order, OrderState
from geoscope.catalogue.orders.ordering import BACKENDS, LOCAL, WHOLE_EARTH
from geoscope.catalogue.placeholders import BASE

ROOT = f"{BASE}/stac/v2"
PRODUCT = "downloadLink"

_EXTENSIONS = (
    "https://stac-extensions.github.io/order/v1.1.0/schema.json",
    "https://stac-extensions.github.io/storage/v1.0.0/schema.json",
    "https://stac-extensions.github.io/timestamps/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)


def order_document(order: Order) -> dict[str, Any]:
    """Return an order as the list of orders shows it."""
    document: dict[str, Any] = {
        "id": order.id,
        "collection": order.collection,
        BACKENDS: [order.backend],
        "status": order.state,
        "message": order.message or _MESSAGES[order.state],
        "request": order.request,
        "progress": {"percent": order.percent, "bytes": order.bytes_done, "bytesTotal": order.bytes_total},
        "created": time_text(order.created),
        "updated": time_text(order.updated),
        "started": time_text(order.started),
        "finished": time_text(order.finished),
        "expires": time_text(order.expires),
        "links": order_links(order),
    }
    if order.state is OrderState.SUCCEEDED and order.product is not None:
        document["product"] = _product_asset(order)
    return document


def ordered_item(order: Order) -> dict[str, Any]:
    """Return the item that is ordered, under the id of the order."""
    is_there = order.state is OrderState.SUCCEEDED and order.product is not None
    properties = order.item["properties"] | {
        "order:status": order.state,
        "order:id": order.id,
        "order:date": time_text(order.created),
        "storage:tier": "online" if is_there else "offline",
        BACKENDS: [order.backend],
        "created": time_text(order.created),
        "updated": time_text(order.updated),
        "published": time_text(order.finished or order.created),
    }
    properties.setdefault("title", order.id)
    if order.message:
        properties["order:message"] = order.message
    if order.expires is not None:
        properties |= {"expires": time_text(order.expires), "order:expiration_date": time_text(order.expires)}
    collection = f"{ROOT}/collections/{order.collection}"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": sorted({*_EXTENSIONS, *(order.item.get("stac_extensions") or ())}),
        "id": order.id,
        "collection": order.collection,
        "geometry": order.item.get("geometry") or WHOLE_EARTH,
        "bbox": order.item.get("bbox") or [-180, -90, 180, 90],
        "properties": properties,
        "links": [
            link("self", f"{collection}/items/{order.id}", GEOJSON, title=order.id),
            link("collection", collection, JSON, title=order.collection),
            link("parent", collection, JSON, title=order.collection),
            link("root", ROOT, JSON, title="Catalogue"),
            link("monitor", f"{ROOT}/orders/{order.id}", JSON, title="The order and its progress"),
        ],
        "assets": {PRODUCT: _product_asset(order)} if is_there else {},
    }


def order_links(order: Order) -> list[Link]:
    """Return an order's own address and that of its item."""
    item = f"{ROOT}/collections/{order.collection}/items/{order.id}"
    return [
        link("self", f"{ROOT}/orders/{order.id}", JSON, title="The order"),
        link("item", item, GEOJSON, title="The ordered item"),
        link("root", ROOT, JSON, title="Catalogue"),
    ]


def download_address(backend: str, collection: str, item: str, asset: str) -> str:
    """Return where an asset is downloaded."""
    return f"{ROOT}/data/{backend}/{collection}/{item}/{asset}"


def time_text(moment: datetime | None) -> str | None:
    """Write a time in UTC as STAC does."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_MESSAGES = {
    OrderState.ORDERED: "Waiting for its turn.",
    OrderState.SHIPPING: "On its way.",
    OrderState.SUCCEEDED: "Ready to be downloaded.",
    OrderState.FAILED: "It could not be delivered.",
    OrderState.CANCELED: "Canceled.",
    OrderState.EXPIRED: "It was removed when its time was over; order it again.",
}


def _product_asset(order: Order) -> dict[str, Any]:
    product = order.product
    if product is None:
        raise ValueError(f"The order {order.id} has no product yet.")
    return {
        "href": download_address(order.backend or LOCAL, order.collection, order.id, PRODUCT),
        "title": product.name,
        "type": product.media_type,
        "roles": ["data"],
        "file:size": product.size,
        "file:checksum": f"1220{product.sha256}",
    }
