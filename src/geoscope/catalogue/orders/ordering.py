"""Ordering: what a request asks for, and from whom."""

import re
import uuid
from typing import Any

import orjson

from geoscope.catalogue.finding import Finder
from geoscope.catalogue.models import Reader, Sharing
from geoscope.catalogue.orders.models import Json, Order, SourceFile, utc_now
from geoscope.catalogue.orders.origins import OriginRefusedError
from geoscope.catalogue.orders.product_files import product_files
from geoscope.catalogue.publishing.places import is_served
from geoscope.catalogue.store import CatalogueStore
from geoscope.catalogue.transactions import no_collection, no_item
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.mars.datasets import TWINS_BACKEND
from geoscope.objects import Place
from geoscope.settings import OrderSettings

BACKENDS = "federation:backends"
LOCAL = "geoscope"

# What is known of a product that does not exist yet, other than from its request.
WHOLE_EARTH: Json = {
    "type": "Polygon",
    "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
}

# A day, or days, as ECMWF's requests say them.
_DAYS = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:/to/(\d{4})-?(\d\d)-?(\d\d))?", re.ASCII)


class OrderDesk:
    """Makes orders out of requests.

    Parameters
    ----------
    store, finder
        Where collections and items are found.
    settings : OrderSettings
        Where products may be fetched from.
    """

    def __init__(self, store: CatalogueStore, finder: Finder, settings: OrderSettings) -> None:
        self._store, self._finder, self._settings = store, finder, settings

    async def new_order(self, collection: str, request: Json, subject: str, reader: Reader) -> Order:
        """Return what a request orders; it is not kept yet.

        Parameters
        ----------
        collection : str
            Id of the collection.
        request : mapping
            The body of an item's link `retrieve`: `{"id": ITEM}`, or a request in the provider's own words;
            both may name the backend (`federation:backends`).
        subject : str
            Who orders.
        reader : Reader
            What they may find.

        Raises
        ------
        NotFoundError
            If there is no such collection or item, or it cannot be ordered.
        InvalidInputError, OriginRefusedError
            If the request or the item cannot be used.
        """
        document = await self._store.collection(collection, reader)
        if document is None:
            raise no_collection(collection)
        item_id = request.get("id")
        if isinstance(item_id, str) and request.keys() <= {"id", BACKENDS}:
            backend, item, sources = await self._item(collection, item_id, reader)
        else:
            backend = _backend(collection, orjson.loads(document), request)
            item, sources = _requested_item(collection, request), ()
        now = utc_now()
        return Order(
            id=str(uuid.uuid4()),
            owner=subject,
            collection=collection,
            backend=backend,
            request=request,
            item=item,
            sources=sources,
            created=now,
            updated=now,
        )

    async def _item(
        self, collection: str, id_: str, reader: Reader
    ) -> tuple[str, dict[str, Any], tuple[SourceFile, ...]]:
        found = await self._finder.item(collection, id_, reader)
        if found is None:
            raise no_item(collection, id_)
        item = orjson.loads(found.document)
        if not is_orderable(item["properties"]):
            raise NotFoundError(
                f"The item {id_!r} cannot be ordered: it is online.", "Its assets say where its data is."
            )
        backend = (item["properties"].get(BACKENDS) or [LOCAL])[0]
        kept = {name: item.get(name) for name in ("geometry", "bbox", "properties", "stac_extensions")}
        if backend != LOCAL:
            return backend, kept, ()
        sharing = await self._store.sharing(collection) or Sharing()
        files = product_files(item, self._settings)
        for file in files:
            _require_served(file.href, sharing.owner, collection)
        return backend, kept, files


def _require_served(href: str, owner: str | None, collection: str) -> None:
    """Refuse to fetch from this platform what is not the collection's to give out."""
    if href.startswith("s3://") and not is_served(Place.parse(href), owner, collection):
        raise OriginRefusedError(
            f"The file {href} does not belong to the collection {collection!r}.",
            "Its owner may offer files of their own.",
        )


def is_orderable(properties: Json) -> bool:
    """Tell whether an item with these properties is not online, and can be ordered."""
    return properties.get("storage:tier") == "offline" or properties.get("order:status") == "orderable"


def is_twin_collection(document: Json) -> bool:
    """Tell whether a collection holds twin data of this platform, whose fields can be ordered."""
    return TWINS_BACKEND in document.get("summaries", {}).get(BACKENDS, ())


def parse_request(body: bytes) -> dict[str, Any]:
    """Read the body of an order.

    Raises
    ------
    InvalidInputError
        If it is not a JSON object that asks for something.
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not JSON: {error}.") from error
    if not isinstance(request, dict) or not request:
        raise InvalidInputError(
            "The body is no order.", "Send the body of the item's link 'retrieve', a JSON object."
        )
    backends = request.get(BACKENDS, [LOCAL])
    if not (isinstance(backends, list) and len(backends) == 1 and isinstance(backends[0], str)):
        raise InvalidInputError(f"{BACKENDS}: expected a list of one name.")
    return request


def _backend(collection: str, document: Json, request: Json) -> str:
    known = [name for name in document.get("summaries", {}).get(BACKENDS, ()) if name != LOCAL]
    wanted = request.get(BACKENDS, known[:1])
    if wanted and wanted[0] in known:
        backend: str = wanted[0]
        return backend
    raise NotFoundError(
        f"Nothing of {collection!r} can be ordered by such a request.",
        "Send the body of an item's link 'retrieve'."
        + (f" Its backends: {', '.join(known)}." if known else ""),
    )


def _requested_item(collection: str, request: Json) -> dict[str, Any]:
    """Return the item that a request in a provider's own words will become: its time is what is known."""
    properties: dict[str, Any] = {"datetime": None, "title": collection, BACKENDS: request.get(BACKENDS)}
    days = _DAYS.fullmatch(str(request.get("date", "")))
    if days:
        year, month, day, *last = days.groups()
        end = "-".join(last) if last[0] else f"{year}-{month}-{day}"
        properties |= {
            "start_datetime": f"{year}-{month}-{day}T00:00:00Z",
            "end_datetime": f"{end}T23:59:59Z",
        }
    else:
        properties["datetime"] = utc_now().isoformat().replace("+00:00", "Z")
    return {
        "geometry": WHOLE_EARTH,
        "bbox": [-180, -90, 180, 90],
        "properties": {name: value for name, value in properties.items() if name == "datetime" or value},
    }
