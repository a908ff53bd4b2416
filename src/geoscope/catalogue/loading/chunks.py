"""What sources give: documents in chunks, each with the place where its source goes on after it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

CHUNK_BYTES = 4 * 1024**2
CHUNK_DOCUMENTS = 500

# JSON that says where a source goes on; only the source itself understands it.
type Position = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """Why a document is not loaded: where it stands in its source, its id if it has one, and the reason."""

    place: str
    reason: str
    id: str | None = None


class Documents(Protocol):
    """Documents on their way to a checker process, read there: it must be possible to pickle them."""

    def read(self) -> Iterator[tuple[str, bytes | dict[str, Any] | Problem]]:
        """Yield the place of each document, and its JSON or the object itself."""
        ...


@dataclass(frozen=True)
class Objects:
    """Documents that are read already, with their places."""

    places: tuple[str, ...]
    objects: tuple[bytes | dict[str, Any], ...]

    def read(self) -> Iterator[tuple[str, bytes | dict[str, Any]]]:
        """Yield each document as it is."""
        return zip(self.places, self.objects, strict=True)


@dataclass(frozen=True)
class Chunk:
    """Some documents that stand one after the other in a source.

    Parameters
    ----------
    documents : Documents
        Items and collections; a collection comes before its items.
    end : Position
        Where the source goes on after them.
    share : float or None
        How much of the source has been read then, 0 to 1; None where nobody can tell.
    problems : tuple of Problem
        What the source itself could not read.
    """

    documents: Documents
    end: Position
    share: float | None = None
    problems: tuple[Problem, ...] = ()


type Give = Callable[[Chunk], Awaitable[None]]


class Source(Protocol):
    """Where items and collections come from.

    Attributes
    ----------
    name : str
        Which source it is, for certain: a whole path or address.
    revision : str
        Changes when the content is known to have changed, so that no position of before is used.
    """

    name: str
    revision: str

    async def read(self, after: Position | None, give: Give) -> None:
        """Give all that comes after a position, or everything; each chunk when the one before was taken.

        Raises
        ------
        InvalidInputError
            If the source cannot be read any further; what came before is right.
        UnavailableError
            If a server does not answer, after several tries.
        """
        ...
