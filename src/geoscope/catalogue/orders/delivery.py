"""Delivering an order: its files flow from where they lie into the bucket `products`, in one stream.

The product appears in the object store whole or not at all, and the order says `succeeded` only after that.
A delivery that was interrupted starts anew: it writes the same key.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from obstore import open_writer
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import S3Store

from geoscope.catalogue.orders.kept_orders import open_orders
from geoscope.catalogue.orders.models import Order, Product, utc_now
from geoscope.catalogue.orders.product_stream import File, Meter, checked, expected_size, zipped
from geoscope.catalogue.orders.shipments import NotReadyYetError, fetch_shipment
from geoscope.catalogue.orders.sources import SourceChangedError, open_source
from geoscope.catalogue.orders.store import OrderStore
from geoscope.catalogue.orders.watch import NoLongerWantedError, Watch
from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.objects import open_bucket
from geoscope.processes import Job
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

BUCKET = "products"
PREFIX = "orders/"

PART_BYTES = 8 * 1024**2
PARTS_AT_ONCE = 4
MAX_STARTS = 3

log = logging.getLogger(__name__)


def deliver_order(job: Job, settings: Settings, order_id: str) -> dict[str, Any]:
    """Deliver an order that is waited for; any other is left as it is.

    Returns
    -------
    dict
        `order` and, if it was delivered by this job, what the product is.

    Raises
    ------
    GeoscopeError
        If it cannot be delivered; the order then says why.
    """
    orders = open_orders(settings)
    try:
        product = job.step("Deliver the product", partial(_deliver, settings, orders, order_id))
    except GeoscopeError as error:
        orders.fail(order_id, str(error))
        raise
    return {"order": order_id, **product}


def _deliver(settings: Settings, orders: OrderStore, order_id: str) -> dict[str, Any]:
    order = orders.begin(order_id)
    if order is None:
        return {}
    bucket = open_bucket(settings, BUCKET, read_s3_keys(settings, "jobs"))
    watch = Watch(settings.catalogue.orders, orders, order)
    try:
        product = _fetch(settings, order, watch, bucket)
    except (NoLongerWantedError, NotReadyYetError):
        return {}
    expires = utc_now() + timedelta(days=settings.catalogue.orders.keep_days)
    if not orders.succeed(order.id, product, expires):
        bucket.delete(product.key)
        return {}
    return {"bytes": product.size, "sha256": product.sha256}


def _fetch(settings: Settings, order: Order, watch: Watch, bucket: S3Store) -> Product:
    """Bring the product of an order into the object store, and say what it is."""
    if not order.sources:
        with _empty_folder(settings, order) as folder:
            return _store(order, fetch_shipment(settings, order, watch, folder), watch, bucket)
    for start in range(1, MAX_STARTS + 1):
        try:
            files = [File(file, open_source(file.href, settings)) for file in order.sources]
            return _store(order, files, watch, bucket)
        except SourceChangedError as error:
            if start == MAX_STARTS:
                raise
            log.info("Order %s starts anew: %s", order.id, error)
    raise AssertionError("The last start returns or raises.")


@contextmanager
def _empty_folder(settings: Settings, order: Order) -> Iterator[Path]:
    """Make a folder for what a backend delivers: on the platform's disk, as products are large."""
    folder = deliveries_folder(settings) / order.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deliveries_folder(settings: Settings) -> Path:
    """Return where the products of backends lie until they are stored."""
    return settings.data_dir / "catalogue" / "deliveries"


def _store(order: Order, files: list[File], watch: Watch, bucket: S3Store) -> Product:
    if len(files) == 1:
        content, name, media_type = checked(files[0]), files[0].about.name, files[0].about.media_type
    else:
        content, name, media_type = zipped(files), f"{order.id}.zip", "application/zip"
    key = f"{PREFIX}{order.id}/{name}"
    meter = Meter(lambda done: watch.tell(done, expected_size(files), f"Storing {name}"))
    try:
        # An error inside of the block takes back what was uploaded.
        with open_writer(
            bucket,
            key,
            attributes={"Content-Type": media_type},
            buffer_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        ) as outlet:
            for chunk in meter.passed(content):
                outlet.write(chunk)
            watch.require_room(meter.size)
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error
    return Product(key, name, media_type, meter.size, meter.sha256)
