"""What the page asks of the catalogue's orders (`/stac/v2/orders`)."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from geoscope.portal.explorer.data_half import DataHalf, Json
from geoscope.portal.explorer.datasets import web_address

PAGE_SIZE = 20
WAITING = ("ordered", "shipping")
# Messages that say the status once more.
STATUS_WORDS = frozenset(
    {
        "Waiting for its turn",
        "On its way",
        "Ready to be downloaded",
        "It could not be delivered",
        "Canceled",
        "It was removed when its time was over; order it again",
    }
)


class Order:
    """An order as its owner sees it."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self.id: str = document["id"]
        self.collection_id: str = document["collection"]
        self.status: str = document["status"]
        self.message = str(document.get("message") or "")
        self.request: Json = document.get("request") or {}

    @property
    def remark(self) -> str:
        """What is said of it beyond its status."""
        return "" if self.message.rstrip(".") in STATUS_WORDS else self.message

    @property
    def is_waiting(self) -> bool:
        """Whether it is still worked on."""
        return self.status in WAITING

    @property
    def is_delivered(self) -> bool:
        """Whether it can be downloaded."""
        return self.status == "succeeded"

    @property
    def can_be_repeated(self) -> bool:
        """Whether it has ended without a product."""
        return not self.is_waiting and not self.is_delivered

    @property
    def backends(self) -> list[str]:
        """Who delivers it."""
        return list(self._document.get("federation:backends") or [])

    @property
    def percent(self) -> int | None:
        """How much has come, or None where nobody knows how much there is."""
        progress = self._document.get("progress") or {}
        return progress.get("percent") if progress.get("bytesTotal") else None

    @property
    def bytes_done(self) -> int:
        """How much has come, in bytes."""
        return (self._document.get("progress") or {}).get("bytes") or 0

    @property
    def title(self) -> str:
        """What was ordered, as far as the order tells."""
        return str(self.request.get("id") or self.collection_id)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The request's own words, without the names that stand elsewhere."""
        hidden = ("id", "federation:backends")
        fields = ((name, value) for name, value in self.request.items() if name not in hidden)
        return [(name, _text(value)) for name, value in fields]

    @property
    def times(self) -> dict[str, str]:
        """When it was created, started, finished, and until when the product is kept (ISO 8601, UTC)."""
        names = ("created", "started", "finished", "expires")
        return {name: self._document.get(name) or "" for name in names}

    @property
    def product(self) -> Json:
        """The file that has come; empty before."""
        return self._document.get("product") or {}

    @property
    def size_bytes(self) -> int | None:
        """Size of the file that has come."""
        return self.product.get("file:size")

    @property
    def download(self) -> str:
        """Where the file is."""
        return web_address(self.product.get("href"))


@dataclass(frozen=True)
class OrderList:
    """A page of one's orders, newest first."""

    orders: list[Order]
    total: int
    next_token: str

    @property
    def is_waiting(self) -> bool:
        """Whether any of them is still worked on."""
        return any(order.is_waiting for order in self.orders)


def list_orders(data: DataHalf, token: str = "") -> OrderList:
    """Return a page of the visitor's own orders."""
    parameters: dict[str, str | int] = {"limit": PAGE_SIZE} | ({"token": token} if token else {})
    answer = data.get("stac", "v2", "orders", parameters=parameters)
    following = [link["href"] for link in answer["links"] if link["rel"] == "next"]
    next_token = parse_qs(urlsplit(following[0]).query).get("token", [""])[0] if following else ""
    return OrderList([Order(one) for one in answer["orders"]], answer["numberMatched"], next_token)


def find_order(data: DataHalf, order_id: str) -> Order:
    """Return one of the visitor's own orders."""
    return Order(data.get("stac", "v2", "orders", order_id))


def place_order(data: DataHalf, collection_id: str, request: Json) -> str:
    """Send an order and return its id; while an identical order lives, that one's."""
    answer = data.send("POST", "stac", "v2", "collections", collection_id, "order", body=request)
    return str(answer["id"])


def cancel_order(data: DataHalf, order_id: str) -> None:
    """Cancel an order; of a delivered one, remove the product."""
    data.send("DELETE", "stac", "v2", "orders", order_id)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
