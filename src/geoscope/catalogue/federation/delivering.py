"""Ordering and fetching products through eodag: what `delivery.open_delivery` gives."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from anyio.from_thread import BlockingPortal, start_blocking_portal

from geoscope.catalogue.federation.backends import BackendError
from geoscope.catalogue.federation.collections import remote_name
from geoscope.catalogue.federation.delivery import Delivery, DeliveryError, DownloadProgress, Shipment
from geoscope.catalogue.federation.eodag_backend import eodag_request
from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.portfolio import read_portfolio
from geoscope.catalogue.federation.sheets import Counter
from geoscope.catalogue.models import Reader
from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError
from geoscope.settings import Settings

# By which a request may name the backend that is to deliver.
BACKENDS = "federation:backends"

type Json = dict[str, Any]


@contextmanager
def opened(settings: Settings) -> Iterator[Delivery]:
    """Open a `Delivery`; its work runs in a thread with an event loop of its own."""
    with start_blocking_portal() as portal:
        federation = portal.call(_open, settings)
        try:
            yield EodagDelivery(federation, portal)
        finally:
            portal.call(federation.close)


async def _open(settings: Settings) -> Federation:
    return Federation(settings, read_portfolio(settings))


class EodagDelivery:
    """A `Delivery` from the providers that eodag knows."""

    def __init__(self, federation: Federation, portal: BlockingPortal) -> None:
        self._federation = federation
        self._portal = portal

    def order(self, collection: str, request: Mapping[str, Any], owner: str) -> Shipment:
        """Order a product."""
        counter = self._counter(collection, owner, request.get(BACKENDS))
        asked = {name: value for name, value in request.items() if name != BACKENDS}
        if isinstance(asked.get("id"), str):
            asked = {"id": remote_name(asked["id"])}
        answer = self._ask("order", counter, {"collection": counter.remote_collection, "request": asked})
        return _shipment(counter, answer)

    def poll(self, shipment: Shipment, owner: str) -> Shipment:
        """Ask how an order stands."""
        kept = _kept(shipment)
        counter = self._counter(kept["collection"], owner, [shipment.backend])
        return _shipment(counter, self._ask("poll", counter, {"product": kept["product"]}))

    def download(
        self, shipment: Shipment, owner: str, folder: Path, progress: DownloadProgress
    ) -> list[Path]:
        """Fetch what was delivered into an empty folder, and return its files."""
        kept = _kept(shipment)
        counter = self._counter(kept["collection"], owner, [shipment.backend])
        asked = {"product": kept["product"], "folder": str(folder)}
        answer = self._ask("download", counter, asked, progress)
        files = [Path(path).resolve() for path in answer["files"]]
        if any(not path.is_relative_to(folder.resolve()) for path in files):
            raise DeliveryError(f"The backend {shipment.backend} delivers files outside of the folder.")
        return files

    def _counter(self, collection: str, owner: str, named: object) -> Counter:
        """Return where to order: at the first backend that delivers, or the one that is named."""
        if collection not in self._federation.collections:
            raise NotFoundError(f"No backend serves the collection {collection!r}.")
        counters, problems = self._federation.counters(collection, Reader(frozenset({f"user:{owner}"})))
        names = [named] if isinstance(named, str) else named if isinstance(named, list) else None
        for counter in counters:
            is_named = names is None or counter.member.name in names
            if is_named and counter.member.settings.kind == "eodag":
                return counter
        if problems:
            reasons = "; ".join(f"{problem.backend}: {problem.message}" for problem in problems)
            raise UnavailableError(f"No backend delivers {collection!r} now ({reasons}).")
        raise NotFoundError(f"Nothing of {collection!r} can be ordered through this platform.")

    def _ask(
        self, work: str, counter: Counter, asked: Json, progress: DownloadProgress | None = None
    ) -> Json:
        request = eodag_request(counter.member.settings, asked, counter.credentials)
        try:
            answer: Json = self._portal.call(self._federation.eodag.ask, work, request, progress)
        except BackendError as error:
            raise DeliveryError(f"The backend {counter.member.name} failed: {error.problem}") from error
        return answer


def _shipment(counter: Counter, answer: Json) -> Shipment:
    reference = orjson.dumps({"collection": counter.collection, "product": answer["product"]})
    return Shipment(answer["state"], answer["message"], counter.member.name, reference.decode())


def _kept(shipment: Shipment) -> Json:
    try:
        kept = orjson.loads(shipment.reference)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("The shipment's reference was not made here.") from error
    if not isinstance(kept, dict) or not {"collection", "product"} <= kept.keys():
        raise InvalidInputError("The shipment's reference was not made here.")
    return kept
