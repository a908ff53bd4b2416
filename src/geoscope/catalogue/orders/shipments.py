"""Orders that a backend of the federation delivers: passed on, asked after, and fetched when ready."""

import mimetypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from geoscope.catalogue.federation.delivery import Delivery, DeliveryError, Shipment, open_delivery
from geoscope.catalogue.orders.models import Order, SourceFile, utc_now
from geoscope.catalogue.orders.product_stream import File
from geoscope.catalogue.orders.sources import FileSource
from geoscope.catalogue.orders.twin_orders import TwinDelivery
from geoscope.catalogue.orders.watch import Watch
from geoscope.errors import GeoscopeError
from geoscope.mars.datasets import TWINS_BACKEND
from geoscope.settings import Settings

# A job waits this long for a backend; after that it makes way for others and is asked for again.
PATIENCE_S = 15.0
POLL_S = 2.0
SHORTEST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)

_MEDIA_TYPES = {
    ".grib": "application/x-grib",
    ".grib2": "application/x-grib2",
    ".grb": "application/x-grib",
    ".nc": "application/x-netcdf",
}


class NotReadyYetError(GeoscopeError):
    """The backend is still at work; the order says when it is asked again."""


def fetch_shipment(settings: Settings, order: Order, watch: Watch, folder: Path) -> list[File]:
    """Return the files that a backend delivers, fetched into a folder.

    Raises
    ------
    NotReadyYetError
        If the backend needs longer than a job should wait.
    DeliveryError
        If it does not deliver.
    """
    with _delivery(settings, order) as delivery:
        shipment = _ready_shipment(delivery, order, watch)
        files = _download(delivery, shipment, order, watch, folder)
    if not files:
        raise DeliveryError(f"The backend {order.backend} delivered nothing.")
    return [_file(order, folder, path, is_single=len(files) == 1) for path in files]


@contextmanager
def _delivery(settings: Settings, order: Order) -> Iterator[Delivery]:
    if order.backend == TWINS_BACKEND:
        yield TwinDelivery(settings)
        return
    with open_delivery(settings) as delivery:
        yield delivery


def _ready_shipment(delivery: Delivery, order: Order, watch: Watch) -> Shipment:
    if order.reference is None:
        shipment = delivery.order(order.collection, order.request, order.owner)
    else:
        shipment = delivery.poll(Shipment(*orjson.loads(order.reference)), order.owner)
    deadline = time.monotonic() + PATIENCE_S
    while shipment.state == "shipping":
        watch.pass_on(orjson.dumps(list(shipment)).decode(), _next_look(order), shipment.message)
        if time.monotonic() > deadline:
            raise NotReadyYetError(shipment.message)
        time.sleep(POLL_S)
        shipment = delivery.poll(shipment, order.owner)
    if shipment.state == "failed":
        raise DeliveryError(f"The backend {order.backend} could not deliver: {shipment.message}")
    return shipment


def _next_look(order: Order) -> datetime:
    """Ask the more seldom the longer it takes already: a tenth of that."""
    now = utc_now()
    return now + min(max((now - order.created) / 10, SHORTEST_PAUSE), LONGEST_PAUSE)


def _download(delivery: Delivery, shipment: Shipment, order: Order, watch: Watch, folder: Path) -> list[Path]:
    ended: list[GeoscopeError] = []

    def go_on(done: int, total: int | None) -> bool:
        try:
            watch.tell(done, total, f"Fetching from {order.backend}")
        except GeoscopeError as error:
            ended.append(error)
        return not ended

    try:
        return delivery.download(shipment, order.owner, folder, go_on)
    except DeliveryError:
        if ended:
            raise ended[0] from None
        raise


def _file(order: Order, folder: Path, path: Path, *, is_single: bool) -> File:
    name = f"{order.id}{path.suffix}" if is_single else path.relative_to(folder).as_posix()
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    media_type = _MEDIA_TYPES.get(path.suffix.lower(), guessed)
    return File(SourceFile(str(path), name, media_type), FileSource(path))
