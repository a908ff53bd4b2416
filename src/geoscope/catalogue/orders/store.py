"""What is asked of the place that keeps orders. Every method waits for the disk: call it from a thread."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from geoscope.catalogue.orders.models import Order, OrderPage, OrderState, Product


class OrderStore(Protocol):
    """Orders, kept so that neither a crash nor two askers at once can lose or double one."""

    def place(self, order: Order, most_waiting: int) -> Order:
        """Keep a new order, unless a live one of the same owner has the same request: then return that.

        Raises
        ------
        TooManyError
            If the owner has `most_waiting` orders that are not delivered yet.
        """
        ...

    def same_as(self, order: Order) -> Order | None:
        """Return the live order of the same owner with the same request, if there is one."""
        ...

    def order(self, id_: str, owner: str | None = None) -> Order | None:
        """Return an order, or None if there is none or it is not this owner's."""
        ...

    def orders(
        self, owner: str, limit: int, after: str | None = None, states: Sequence[OrderState] = ()
    ) -> OrderPage:
        """Return a page of an owner's orders, newest first; `after` is the end of the page before."""
        ...

    def waiting(self, limit: int) -> list[Order]:
        """Return orders that are not delivered yet, those first that were looked at longest ago."""
        ...

    def assign(self, id_: str, job: str, *, is_retry: bool = False) -> None:
        """Note the job that works on an order; a retry counts as an attempt that failed."""
        ...

    def pass_on(self, id_: str, reference: str, look_again: datetime, message: str) -> bool:
        """Note where the order stands at its backend; False if it is not waited for any more."""
        ...

    def begin(self, id_: str) -> Order | None:
        """Note that an order is shipping, from its first byte; None if it is not waiting any more."""
        ...

    def report(self, id_: str, done: int, total: int | None, message: str) -> bool:
        """Note how far an order is; False if it is not waited for any more."""
        ...

    def succeed(self, id_: str, product: Product, expires: datetime) -> bool:
        """Note what was delivered; False if the order was not waited for any more."""
        ...

    def fail(self, id_: str, message: str) -> bool:
        """Note why an order cannot be delivered; False if it was not waited for any more."""
        ...

    def cancel(self, id_: str) -> bool:
        """Note that an order, or what it delivered, is not wanted any more; False if it has ended."""
        ...

    def expire(self, now: datetime) -> int:
        """Mark the delivered orders whose time is over, and return how many there were."""
        ...

    def live(self, ids: Sequence[str]) -> set[str]:
        """Return those of some ids whose products are, or may soon be, needed."""
        ...

    def bytes_of(self, owner: str) -> int:
        """Return the size of all products that are kept for an owner."""
        ...
