"""One page from several sources that are each in order (a k-way merge)."""

import asyncio
from collections.abc import Sequence

from geoscope.catalogue.federation.sources import BackendSource, Head, StoreSource
from geoscope.catalogue.models import FoundItem

type Source = StoreSource | BackendSource


async def merge(sources: Sequence[Source], limit: int, deadline_s: float) -> list[FoundItem]:
    """Return the next items of all sources, in order.

    It is shorter than `limit` where a source that answers has not shown its next item by the deadline: what
    comes after that item must wait for the next page.

    Parameters
    ----------
    sources : sequence of sources
        Each is moved on by what is taken from it.
    limit : int
        Largest number of items.
    deadline_s : float
        In seconds of the event loop's clock.
    """
    page: list[FoundItem] = []
    while len(page) < limit:
        hungry = [source for source in sources if source.is_hungry]
        await asyncio.gather(*(source.fill(deadline_s) for source in hungry))
        still_hungry = [source for source in hungry if isinstance(source, BackendSource) and source.is_hungry]
        if still_hungry and page:
            break
        for source in still_hungry:
            source.give_up()
        ready = [(_place(head), source) for source in sources if (head := source.head) is not None]
        if not ready:
            break
        _, first = min(ready, key=lambda placed: placed[0])
        page.append(first.take())
    return page


def _place(head: Head) -> tuple[object, ...]:
    return head.rank, head.collection, head.id
