"""Ending all that still runs for a user, before their account goes."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest

from geoscope.errors import ConflictError, NotFoundError
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.orders.orders import cancel_order, list_orders


def end_running_work(request: HttpRequest) -> None:
    """Cancel the visitor's own orders and jobs that have not ended.

    Raises
    ------
    UnavailableError
        If the data services do not answer; what was cancelled before stays cancelled.
    """
    data = DataHalf(request, without_roles=True)
    token = ""
    while True:
        page = list_orders(data, token)
        for order in page.orders:
            if order.is_waiting:
                _unless_ended(partial(cancel_order, data, order.id))
        token = page.next_token
        if not token:
            break
    query = (("status", "accepted"), ("status", "running"), ("limit", "100"))
    for job in data.get("jobs", parameters=query)["jobs"]:
        _unless_ended(partial(data.send, "DELETE", "jobs", job["jobID"]))


def _unless_ended(cancel: Callable[[], object]) -> None:
    """Cancel something that may have ended in this moment."""
    try:
        cancel()
    except (ConflictError, NotFoundError):
        return
