"""What somebody uses of a service now, asked of the service itself."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.translation import ngettext

from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.orders.orders import list_orders
from geoscope.portal.publishing.publications import list_own_collections

_MOST_JOBS = 100


def _catalogue(data: DataHalf) -> list[str]:
    own, orders = len(list_own_collections(data)), list_orders(data).total
    return [
        ngettext("%(count)d dataset of yours", "%(count)d datasets of yours", own) % {"count": own},
        ngettext("%(count)d order", "%(count)d orders", orders) % {"count": orders},
    ]


def _workflows(data: DataHalf) -> list[str]:
    wanted = (("status", "accepted"), ("status", "running"), ("limit", str(_MOST_JOBS)))
    jobs = len(data.get("jobs", parameters=wanted)["jobs"])
    return [ngettext("%(count)d job runs now", "%(count)d jobs run now", jobs) % {"count": jobs}]


USES: dict[str, Callable[[DataHalf], list[str]]] = {"catalogue": _catalogue, "workflows": _workflows}


def uses_of(request: HttpRequest, service: str) -> list[str]:
    """Return what the visitor uses of a service, in words; nothing where that is not known.

    Raises
    ------
    UnavailableError
        If the service does not answer.
    """
    ask = USES.get(service)
    return ask(DataHalf(request, without_roles=True)) if ask else []
