"""Where the orders of this installation are kept."""

from geoscope.catalogue.orders.sqlite_orders import SqliteOrders
from geoscope.catalogue.orders.store import OrderStore
from geoscope.settings import Settings


def open_orders(settings: Settings) -> OrderStore:
    """Open the orders, and make their file if it is not there.

    Raises
    ------
    SetupError
        If it cannot be opened.
    """
    return SqliteOrders(settings.data_dir / "catalogue" / "orders.sqlite")
