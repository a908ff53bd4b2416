"""Watching a delivery: how far it is, if it is still wanted, and if there is room and time for it."""

from datetime import datetime, timedelta

from geoscope.catalogue.orders.models import Order, utc_now
from geoscope.catalogue.orders.store import OrderStore
from geoscope.errors import GeoscopeError, TooLargeError
from geoscope.settings import OrderSettings


class NoLongerWantedError(GeoscopeError):
    """The order was canceled while it was being delivered."""


class TooSlowError(GeoscopeError):
    """The delivery took longer than it may."""

    status = 504
    code = "DeliveryTooSlow"


class Watch:
    """What may end a delivery before its time."""

    def __init__(self, limits: OrderSettings, orders: OrderStore, order: Order) -> None:
        self._orders, self._order = orders, order
        self._room = min(limits.max_product_bytes, limits.max_bytes_per_user - orders.bytes_of(order.owner))
        self._hours = limits.max_hours

    def tell(self, done: int, total: int | None, message: str) -> None:
        """Note how far it is.

        Parameters
        ----------
        done, total : int
            In bytes; the total is None where nobody knows it.
        message : str
            What is being done, for the person who waits.

        Raises
        ------
        NoLongerWantedError
            If the order was canceled.
        TooLargeError
            If there is no room for the product.
        TooSlowError
            If it takes too long.
        """
        self.require_room(max(done, total or 0))
        if utc_now() - self._order.created > timedelta(hours=self._hours):
            raise TooSlowError(f"It was not delivered within {self._hours:g} hours.", "Order it again.")
        if not self._orders.report(self._order.id, done, total, message):
            raise NoLongerWantedError("The order was canceled.")

    def pass_on(self, reference: str, look_again: datetime, message: str) -> None:
        """Note where the order stands at its backend; errors as of `tell`."""
        self.tell(0, None, message)
        self._orders.pass_on(self._order.id, reference, look_again, message)

    def require_room(self, size: int) -> None:
        """Refuse a product of this size if it is larger than what is left for its owner.

        Raises
        ------
        TooLargeError
            Saying how much is left.
        """
        if size > self._room:
            raise TooLargeError(
                f"The product is larger than the {max(0, self._room)} bytes that are left for you.",
                "Wait until older products expire, or ask for less.",
            )
