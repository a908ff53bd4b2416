"""What a backend is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from geoscope.catalogue.areas import Area
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import SortKey
from geoscope.errors import GeoscopeError

type Document = dict[str, Any]
type Credentials = Mapping[str, str]


class BackendError(GeoscopeError):
    """A backend gives no answer, or none that can be used; no secret stands in the message."""

    status = 502
    code = "BackendFailed"


class CredentialsNeededError(BackendError):
    """A backend answers only to those who sign in, and nobody did or the wrong one."""

    code = "BackendCredentialsNeeded"


@dataclass(frozen=True)
class Question:
    """A search for items of one collection of one backend.

    What a backend cannot search by, it leaves aside: all that arrives is looked at again.

    Parameters
    ----------
    collection : str
        What the backend calls it.
    size : int
        How many items are wanted at once.
    ids : tuple of str or None
        What the backend calls the items.
    """

    collection: str
    size: int
    order: tuple[SortKey, ...]
    ids: tuple[str, ...] | None = None
    area: Area | None = None
    time: Interval | None = None
    filter: Filter | None = None


class Answer(NamedTuple):
    """Items as a backend gave them.

    `cursor` leads on, and is None at the end. `is_sorted` says that these and all that follow come in the
    order of the question. `note` tells people what is particular about the answer.
    """

    documents: list[Document]
    cursor: str | None
    is_sorted: bool
    note: str = ""


class Backend(Protocol):
    """A server of items; each method raises `BackendError` where it gets no answer that can be used."""

    @property
    def address(self) -> str | None:
        """What relative addresses in its items are relative to."""
        ...

    async def search(self, question: Question, cursor: str | None, credentials: Credentials) -> Answer:
        """Return the first items of an answer, or those that a cursor leads to."""
        ...

    async def item(self, collection: str, id_: str, credentials: Credentials) -> Document | None:
        """Return an item, or None if there is none of this id."""
        ...

    async def queryables(self, collection: str, credentials: Credentials) -> Document | None:
        """Return the JSON Schema of what a search in a collection can name, or None if it tells of none."""
        ...

    async def collections(self, credentials: Credentials) -> list[Document]:
        """Return all its collections."""
        ...

    async def close(self) -> None:
        """Give back connections and processes."""
        ...
