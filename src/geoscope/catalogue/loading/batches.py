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
from geoscope.catalogue.models import CollectionRecord
from geoscope.catalogue.records import Document
from geoscope.catalogue.store import Packer, SentItem
from geoscope.errors import GeoscopeError, UnavailableError

# A batch is put when it holds so many items, or after some time: nobody else who writes waits for long.
BATCH_ITEMS = 5000
BATCH_SECONDS = 1.0
PAUSE_SECONDS = 0.01

# About as many as a batch holds: one is put while the next is checked.
CHUNKS_AHEAD = 10


@dataclass
class Batch:
    """Chunks that were checked, one after the other, as one; `places` stand beside the items."""

    end: Position = field(default_factory=dict)
    share: float | None = None
    collections: list[tuple[CollectionRecord, Document]] = field(default_factory=list)
    items: list[SentItem] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, pending: "_Pending", checked: Checked) -> None:
        """Add a chunk at the end."""
        self.end = pending.end
        self.share = pending.share
        self.collections += checked.collections
        self.items += checked.items
        self.places += checked.places
        self.problems += pending.problems
        self.problems += checked.problems

    def cut(self, limit: int) -> None:
        """Drop the items beyond a number."""
        del self.items[limit:], self.places[limit:]

    def item_collections(self) -> set[str]:
        """Return the collections that its items belong to."""
        return {item.collection for item in self.items}

    def settled(self, collections: Container[str]) -> tuple[list[SentItem], list[Problem]]:
        """Return the items of some collections, of each id the last, and the problems with all others."""
        items: dict[tuple[str, str], SentItem] = {}
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


# What it returns packs the items that come next.
type Put = Callable[[Batch], Awaitable[Packer | None]]


async def put_in_batches(
    source: Source, after: Position | None, rules: Rules, limit: int | None, put: Put
) -> None:
    """Hand on what a source holds after a position, in its order, until a number of items is reached.

    Raises
    ------
    GeoscopeError
        Of the source, when all that came before was handed on; and what `put` raises.
    """
    is_begun = anyio.Event()
    send, receive = anyio.create_memory_object_stream["_Pending | GeoscopeError"](CHUNKS_AHEAD)
    with open_checkers(rules) as checkers, unwrapped_errors():
        async with anyio.create_task_group() as tasks, receive:
            tasks.start_soon(_read, source, after, checkers, send, is_begun)
            await _put_all(receive, limit, put, checkers, is_begun)
            tasks.cancel_scope.cancel()


class _Pending:
    """A chunk that is being checked; its documents are not kept."""

    def __init__(self, chunk: Chunk, result: Future[Checked]) -> None:
        self.end = chunk.end
        self.share = chunk.share
        self.problems = chunk.problems
        self._result = asyncio.wrap_future(result)

    async def add_to(self, batch: Batch) -> None:
        """Wait until it is checked, and add it."""
        try:
            batch.add(self, await self._result)
        except BrokenProcessPool as error:
            raise UnavailableError(
                "A process that checks documents was ended from outside, perhaps for want of memory.",
                "What was loaded is kept; the same load goes on when it is run again.",
            ) from error

    async def is_ready(self, until: float) -> bool:
        """Wait for it until some time of the event loop's clock; tell whether it is checked."""
        await asyncio.wait([self._result], timeout=max(0.0, until - anyio.current_time()))
        return self._result.done()


async def _read(
    source: Source,
    after: Position | None,
    checkers: Checkers,
    send: "MemoryObjectSendStream[_Pending | GeoscopeError]",
    is_begun: anyio.Event,
) -> None:
    """Read ahead; an error of the source goes the same way as its chunks, so that it comes after them.

    The first chunk is put by itself: only then it is known what packs the others.
    """

    async def give(chunk: Chunk) -> None:
        await send.send(_Pending(chunk, checkers.check(chunk.documents)))
        if not is_begun.is_set() and chunk.share != 1:
            checkers.get_ready()
        await is_begun.wait()

    async with send:
        try:
            await source.read(after, give)
        except GeoscopeError as error:
            await send.send(error)


async def _put_all(
    receive: "MemoryObjectReceiveStream[_Pending | GeoscopeError]",
    limit: int | None,
    put: Put,
    checkers: Checkers,
    is_begun: anyio.Event,
) -> None:
    left = limit
    following = await _next(receive)
    while following is not None and left != 0:
        if isinstance(following, GeoscopeError):
            raise following
        batch = Batch()
        await following.add_to(batch)
        following = await _fill(batch, receive) if is_begun.is_set() else None
        if left is not None:
            batch.cut(left)
            left -= len(batch.items)
        checkers.packer = await put(batch)
        is_begun.set()
        if following is None:
            following = await _next(receive)


async def _fill(
    batch: Batch, receive: "MemoryObjectReceiveStream[_Pending | GeoscopeError]"
) -> "_Pending | GeoscopeError | None":
    """Add chunks until the batch is full or its time is over; return one that was taken and not added."""
    until = anyio.current_time() + BATCH_SECONDS
    while len(batch.items) < BATCH_ITEMS and anyio.current_time() < until:
        try:
            following = receive.receive_nowait()
        except anyio.EndOfStream:
            return None
        except anyio.WouldBlock:
            # No waiting that is cancelled in the end: a chunk that comes just then must not be lost.
            await anyio.sleep(PAUSE_SECONDS)
            continue
        if isinstance(following, GeoscopeError) or not await following.is_ready(until):
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
