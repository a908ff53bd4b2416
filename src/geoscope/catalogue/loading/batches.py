"""From a source to where its documents are put: read, checked in processes, and handed on in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from geoscope.catalogue.loading.checking import Checked, Checkers, Rules, open_checkers
from geoscope.catalogue.loading.chunks import Chunk, Position, Problem, Source
from geoscope.catalogue.loading.threads import unwrapped_errors
from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.records import Document
from geoscope.errors import GeoscopeError, UnavailableError

# A batch holds what is ready, up to so many items: nobody who writes waits for longer than it takes.
BATCH_ITEMS = 10_000
CHUNKS_AHEAD = 6


@dataclass
class Batch:
    """Chunks that were checked, one after the other, as one; `places` stand beside the items."""

    end: Position = field(default_factory=dict)
    share: float | None = None
    collections: list[tuple[CollectionRecord, Document]] = field(default_factory=list)
    items: list[ItemRecord] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, chunk: Chunk, checked: Checked) -> None:
        """Add a chunk at the end."""
        self.end = chunk.end
        self.share = chunk.share
        self.collections += checked.collections
        self.items += checked.items
        self.places += checked.places
        self.problems += chunk.problems
        self.problems += checked.problems

    def cut(self, limit: int) -> None:
        """Drop the items beyond a number."""
        del self.items[limit:], self.places[limit:]

    def item_collections(self) -> set[str]:
        """Return the collections that its items belong to."""
        return {item.collection for item in self.items}

    def settled(self, collections: Container[str]) -> tuple[list[ItemRecord], list[Problem]]:
        """Return the items of some collections, of each id the last, and the problems with all others."""
        items: dict[tuple[str, str], ItemRecord] = {}
        problems = list(self.problems)
        for item, place in zip(self.items, self.places, strict=True):
            if item.collection in collections:
                items[item.collection, item.id] = item
            else:
                reason = (
                    f"There is no collection {item.collection!r}. Load it before, or with --collection-file."
                )
                problems.append(Problem(place, reason, item.id))
        return list(items.values()), problems


type Put = Callable[[Batch], Awaitable[None]]


async def put_in_batches(
    source: Source, after: Position | None, rules: Rules, limit: int | None, put: Put
) -> None:
    """Hand on what a source holds after a position, in its order, until a number of items is reached.

    Raises
    ------
    GeoscopeError
        Of the source, when all that came before was handed on; and what `put` raises.
    """
    send, receive = anyio.create_memory_object_stream["_Pending | GeoscopeError"](CHUNKS_AHEAD)
    with open_checkers(rules) as checkers, unwrapped_errors():
        async with anyio.create_task_group() as tasks, receive:
            tasks.start_soon(_read, source, after, checkers, send)
            await _put_all(receive, limit, put)
            tasks.cancel_scope.cancel()


class _Pending:
    """A chunk that is being checked."""

    def __init__(self, chunk: Chunk, result: Future[Checked]) -> None:
        self.chunk = chunk
        self.result = result

    async def add_to(self, batch: Batch) -> None:
        """Wait until it is checked, and add it."""
        try:
            batch.add(self.chunk, await asyncio.wrap_future(self.result))
        except BrokenProcessPool as error:
            raise UnavailableError(
                "A process that checks documents was ended from outside, perhaps for want of memory.",
                "What was loaded is kept; the same load goes on when it is run again.",
            ) from error


async def _read(
    source: Source,
    after: Position | None,
    checkers: Checkers,
    send: "MemoryObjectSendStream[_Pending | GeoscopeError]",
) -> None:
    """Read ahead; an error of the source goes the same way as its chunks, so that it comes after them."""

    async def give(chunk: Chunk) -> None:
        await send.send(_Pending(chunk, checkers.check(chunk.documents)))

    async with send:
        try:
            await source.read(after, give)
        except GeoscopeError as error:
            await send.send(error)


async def _put_all(
    receive: "MemoryObjectReceiveStream[_Pending | GeoscopeError]", limit: int | None, put: Put
) -> None:
    left = limit
    following: _Pending | GeoscopeError | None = await _next(receive)
    while following is not None and left != 0:
        if isinstance(following, GeoscopeError):
            raise following
        batch = Batch()
        await following.add_to(batch)
        following = await _add_what_is_ready(receive, batch)
        if left is not None:
            batch.cut(left)
            left -= len(batch.items)
        await put(batch)
        if following is None:
            following = await _next(receive)


async def _add_what_is_ready(
    receive: "MemoryObjectReceiveStream[_Pending | GeoscopeError]", batch: Batch
) -> "_Pending | GeoscopeError | None":
    """Add the chunks that are checked already; return the first that is not, if it was taken."""
    while len(batch.items) < BATCH_ITEMS:
        try:
            following = receive.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return None
        if isinstance(following, GeoscopeError) or not following.result.done():
            return following
        await following.add_to(batch)
    return None


async def _next(
    receive: "MemoryObjectReceiveStream[_Pending | GeoscopeError]",
) -> "_Pending | GeoscopeError | None":
    try:
        return await receive.receive()
    except anyio.EndOfStream:
        return None
