"""Getting a product out of a backend of the federation: what an order asks for, as three steps.

For the job that delivers an order. Each step may be repeated: `Shipment.reference` is all that has to be kept
between them, and it survives a restart of every process. No credentials stand in it.

    with open_delivery(settings) as delivery:
        shipment = delivery.order(collection, request, owner)
        while shipment.state == "shipping":
            ...wait...
            shipment = delivery.poll(shipment, owner)
        files = delivery.download(shipment, owner, folder, progress)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from geoscope.errors import GeoscopeError
from geoscope.settings import Settings

# Bytes that have come, and in all if the provider tells; answers whether to go on.
type DownloadProgress = Callable[[int, int | None], bool]


class DeliveryError(GeoscopeError):
    """A backend does not give what was ordered; the message holds no secret."""

    status = 502
    code = "DeliveryFailed"


class Shipment(NamedTuple):
    """How an order at a backend stands.

    Parameters
    ----------
    state : str
        `shipping` while the backend makes it ready, `succeeded` when it can be downloaded, or `failed`.
    message : str
        What the backend says of it, for people.
    backend : str
        Name of the backend that delivers.
    reference : str
        Leads to the order at the backend; opaque text of at most 64 kB.
    """

    state: Literal["shipping", "succeeded", "failed"]
    message: str
    backend: str
    reference: str


class Delivery(Protocol):
    """Orders products at backends, for persons whose own credentials are used where they brought some."""

    def order(self, collection: str, request: Mapping[str, Any], owner: str) -> Shipment:
        """Order a product.

        Parameters
        ----------
        collection : str
            Id in this catalogue of a collection that a backend serves.
        request : mapping
            The body of the item's link `retrieve`; or `{"id": ITEM}` of an item of the backend.
        owner : str
            Subject of who orders.

        Raises
        ------
        NotFoundError
            If no backend serves the collection, or it has no such item.
        InvalidInputError
            If the backend refuses the request.
        DeliveryError
            If the backend fails.
        UnavailableError
            If it cannot be asked now; the step can be repeated.
        """
        ...

    def poll(self, shipment: Shipment, owner: str) -> Shipment:
        """Ask how an order stands; errors as of `order`."""
        ...

    def download(
        self, shipment: Shipment, owner: str, folder: Path, progress: DownloadProgress
    ) -> list[Path]:
        """Fetch what was delivered into an empty folder, and return its files.

        It ends with `DeliveryError` when `progress` says not to go on; other errors as of `order`.
        """
        ...


@contextmanager
def open_delivery(settings: Settings) -> Iterator[Delivery]:
    """Open a `Delivery` with a process of eodag's own, which starts when it is first needed.

    Parameters
    ----------
    settings : Settings
        Name the portfolios and backends.
    """
    from geoscope.catalogue.federation.delivering import opened  # noqa: PLC0415 (only a delivery needs it)

    with opened(settings) as delivery:
        yield delivery
