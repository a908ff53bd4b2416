"""Removing the products that are not needed any more."""

import shutil

from obstore.exceptions import BaseError as ObjectStoreError

from geoscope.catalogue.orders.delivery import BUCKET, PREFIX, deliveries_folder
from geoscope.catalogue.orders.kept_orders import open_orders
from geoscope.catalogue.orders.models import utc_now
from geoscope.catalogue.orders.store import OrderStore
from geoscope.errors import UnavailableError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings


def remove_unneeded_products(settings: Settings) -> int:
    """Remove each delivered object whose order is not live, and return how many there were.

    That finds what has expired, and also what a canceled delivery may have left behind in a crash.
    """
    orders = open_orders(settings)
    orders.expire(utc_now())
    _remove_folders(settings, orders)
    removed = 0
    try:
        bucket = open_bucket(settings, BUCKET, read_s3_keys(settings, "jobs"))
        for page in bucket.list(PREFIX):
            order_of = {found["path"]: found["path"].removeprefix(PREFIX).partition("/")[0] for found in page}
            live = orders.live(list(order_of.values()))
            unneeded = [path for path, order in order_of.items() if order not in live]
            if unneeded:
                bucket.delete(unneeded)
            removed += len(unneeded)
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error
    return removed


def _remove_folders(settings: Settings, orders: OrderStore) -> None:
    """Remove what a delivery left on the disk when it was killed and its order then canceled."""
    folders = {folder.name: folder for folder in deliveries_folder(settings).glob("*")}
    for name in folders.keys() - orders.live(list(folders)):
        shutil.rmtree(folders[name], ignore_errors=True)
