"""What the catalogue knows of an order: what was asked for, how far it is, and what was delivered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

type Json = Mapping[str, Any]


class OrderState(StrEnum):
    """How an order stands; all but the last are words of the STAC order extension."""

    ORDERED = "ordered"
    SHIPPING = "shipping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


# In these an order is worked on; in these and when it has succeeded, it answers an identical request.
WAITING = (OrderState.ORDERED, OrderState.SHIPPING)
LIVE = (*WAITING, OrderState.SUCCEEDED)


@dataclass(frozen=True)
class SourceFile:
    """A file of a local item that is fetched for an order.

    Parameters
    ----------
    href : str
        `https://` address, or `s3://bucket/key` in this platform's object store.
    name : str
        What the file is called; characters that are safe in a header and in an archive.
    media_type : str
    size : int or None
        In bytes, where the item says it (`file:size`).
    sha256 : str or None
        In hexadecimal digits, where the item says it (`file:checksum`).
    """

    href: str
    name: str
    media_type: str = "application/octet-stream"
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Product:
    """What was delivered: one object in the bucket `products`."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Order:
    """An order.

    Parameters
    ----------
    id : str
        A UUID; nobody can guess it.
    owner : str
        Subject of who ordered.
    collection, backend : str
        Whose item it is, and who delivers: `geoscope` for a local item.
    request : mapping
        The body as it was sent.
    item : mapping
        Geometry, box and properties that the ordered item has.
    sources : tuple of SourceFile
        What is fetched for a local item; a federated backend makes it out of `request`.
    created, updated, started, finished, expires : datetime
        In UTC; the last three are None until they are known.
    bytes_done, bytes_total : int
        Progress of the delivery; the total is None where the source does not tell.
    job : str or None
        The job that delivers it, once there is one.
    attempts : int
        How many jobs it has had that did not do their work.
    reference : str or None
        Leads to the order at the backend, once it was passed on (see `federation.delivery.Shipment`).
    look_again : datetime or None
        When the backend is to be asked again; until then no job is needed.
    """

    id: str
    owner: str
    collection: str
    backend: str
    request: Json
    item: Json
    sources: tuple[SourceFile, ...]
    created: datetime
    updated: datetime
    state: OrderState = OrderState.ORDERED
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    expires: datetime | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
    job: str | None = None
    attempts: int = 0
    reference: str | None = None
    look_again: datetime | None = None
    product: Product | None = None

    @property
    def percent(self) -> int:
        """How much of the product is there; 0 where the source does not tell its size."""
        if self.state in (OrderState.SUCCEEDED, OrderState.EXPIRED):
            return 100
        return min(99, 100 * self.bytes_done // self.bytes_total) if self.bytes_total else 0


@dataclass(frozen=True)
class OrderPage:
    """Orders of one owner, newest first; `end` is None on the last page."""

    orders: list[Order]
    matched: int
    end: str | None


def fingerprint(order: Order) -> str:
    """Return what two orders of the same request have in common (SHA-256 of owner, collection and body)."""
    same = [order.owner, order.collection, order.request]
    return hashlib.sha256(orjson.dumps(same, option=orjson.OPT_SORT_KEYS)).hexdigest()


def utc_now() -> datetime:
    """Return the time in UTC, to the millisecond as it is kept."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
