"""Where the items of a merged page come from: the store, and each federated collection."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from geoscope.catalogue.federation.backends import BackendError
from geoscope.catalogue.federation.desk import Desk
from geoscope.catalogue.federation.ordering import Rank, Values, rank, sort_values
from geoscope.catalogue.federation.sheets import Arrival, Counter
from geoscope.catalogue.federation.tokens import Bookmark
from geoscope.catalogue.finding import BackendReport
from geoscope.catalogue.models import FoundItem, ItemSearch, Position, Reader
from geoscope.catalogue.store import CatalogueStore

# So many items a page at least, so that a small limit does not make many requests.
SMALLEST_PAGE = 10
# A backend may not know what the rest is tested by: larger pages find matches sooner.
PAGE_FOR_TESTS = 100
LARGEST_PAGE = 250

MAX_PAGES = 10_000
MAX_TIES = 200

# Of the time that is left, this part is for a backend in whose place another could answer.
SHARE_BEFORE_OTHERS = 0.6

LATE = "It did not answer in time."


class Head(NamedTuple):
    """The next item of a source: what it is compared by, and what it is."""

    rank: Rank
    collection: str
    id: str
    values: Values
    document: bytes

    @property
    def found(self) -> FoundItem:
        """The item as a page holds it."""
        return FoundItem(self.collection, self.id, self.document)


class StoreSource:
    """The items of the store."""

    def __init__(
        self, store: CatalogueStore, search: ItemSearch, position: Position | None, *, is_done: bool
    ) -> None:
        self._store = store
        self._search = search
        self._heads: deque[Head] = deque()
        self._may_have_more = not is_done
        self.position = position

    @property
    def head(self) -> Head | None:
        """The next item, if it is at hand."""
        return self._heads[0] if self._heads else None

    @property
    def is_hungry(self) -> bool:
        """Whether the next item has to be fetched."""
        return not self._heads and self._may_have_more

    @property
    def is_done(self) -> bool:
        """Whether there is no next item."""
        return not self._heads and not self._may_have_more

    async def fill(self, deadline_s: float) -> None:
        """Fetch the next items; the store has a deadline of its own."""
        del deadline_s
        page = await self._store.find_items(replace(self._search, after=self.position))
        order = self._search.order
        for item in page.items:
            values = sort_values(orjson.loads(item.document), order)
            self._heads.append(Head(rank(values, order), item.collection, item.id, values, item.document))
        self._may_have_more = page.end is not None

    def take(self) -> FoundItem:
        """Give out the next item."""
        head = self._heads.popleft()
        self.position = Position(head.values, head.collection, head.id)
        return head.found


class BackendSource:
    """The items of one federated collection, from the first of its backends that answers.

    Parameters
    ----------
    desk : Desk
        Asks.
    counters : sequence of Counter
        The backends that may be asked, the preferred first; once one has answered, it stays with that.
    search : ItemSearch
        What is looked for.
    store : CatalogueStore
        An item that the store has too comes from there.
    bookmark : Bookmark or None
        How far the collection was read; None before the first page.
    """

    def __init__(
        self,
        desk: Desk,
        counters: Sequence[Counter],
        search: ItemSearch,
        store: CatalogueStore,
        bookmark: Bookmark | None,
    ) -> None:
        self._desk = desk
        self._counters = counters
        self._search = search
        self._store = store
        self._heads: deque[Head] = deque()
        self._page_end: tuple[str | None, bool] | None = None
        self.reports: list[BackendReport] = []
        self.bookmark = bookmark or Bookmark(counters[0].member.name, size=_page_size(search))
        self._is_begun = bookmark is not None
        self._has_answered = False

    @property
    def collection(self) -> str:
        """Id of the collection in this catalogue."""
        return self._counters[0].collection

    @property
    def head(self) -> Head | None:
        """The next item, if it is at hand."""
        return self._heads[0] if self._heads else None

    @property
    def is_hungry(self) -> bool:
        """Whether the next item has to be fetched."""
        return not self._heads and self.bookmark.state == "open"

    async def fill(self, deadline_s: float) -> None:
        """Fetch pages until the next item is at hand, the end is reached, or the backend has failed.

        It stays hungry where the backend answers, but has shown no match by the deadline or among as many
        items as the window holds.

        Parameters
        ----------
        deadline_s : float
            In seconds of the event loop's clock; a backend that has not answered by then is late.
        """
        pages_before = self.bookmark.pages
        most_pages = max(1, self._desk.window // self.bookmark.size)
        while self.is_hungry and self.bookmark.pages - pages_before < most_pages:
            if not self._is_begun:
                await self._begin(deadline_s)
                continue
            counter = next(each for each in self._counters if each.member.name == self.bookmark.backend)
            if not await self._read_page(counter, deadline_s):
                if self._has_answered and self.reports[-1].state == "late":
                    return
                self.bookmark = replace(self.bookmark, state="left")

    def give_up(self) -> None:
        """Ask this collection's backend no more, for the rest of this paging."""
        read = self.bookmark.pages * self.bookmark.size
        self.bookmark = replace(self.bookmark, state="left")
        self.reports = [
            BackendReport(
                self.bookmark.backend,
                "failed",
                f"About {read} of its items hold no more match, and no more are read: narrow the search.",
            )
        ]

    def take(self) -> FoundItem:
        """Give out the next item."""
        head = self._heads.popleft()
        mark = self.bookmark
        ties = mark.ties if mark.last == head.values else ()
        self.bookmark = replace(
            mark, last=head.values, last_id=head.id, ties=(*ties, _tie(head.id))[-MAX_TIES:]
        )
        if not self._heads:
            self._turn_page()
        return head.found

    async def _begin(self, deadline_s: float) -> None:
        """Ask one backend after the other for the first page."""
        self._is_begun = True
        for number, counter in enumerate(self._counters):
            now_s = asyncio.get_running_loop().time()
            is_last = number == len(self._counters) - 1
            share = 1.0 if is_last else SHARE_BEFORE_OTHERS
            self.bookmark = replace(self.bookmark, backend=counter.member.name)
            if await self._read_page(counter, now_s + (deadline_s - now_s) * share):
                return
        self.bookmark = replace(self.bookmark, state="left")

    async def _read_page(self, counter: Counter, deadline_s: float) -> bool:
        mark = self.bookmark
        try:
            async with asyncio.timeout_at(deadline_s):
                sheet = await self._desk.sheet(
                    counter, self._search, mark.size, mark.cursor, mark.mode if mark.cursor else ""
                )
        except TimeoutError:
            if not self._has_answered:
                counter.member.health.failed(LATE)
            self._report(counter, "late", LATE)
            return False
        except BackendError as error:
            self._report(counter, "failed", error.problem)
            return False
        self._has_answered = True
        self.bookmark = replace(mark, mode=sheet.mode, pages=mark.pages + 1)
        self._page_end = (sheet.cursor, sheet.cursor is None or mark.pages >= MAX_PAGES)
        out_of_order = await self._keep(sheet.arrivals)
        note = f"{out_of_order} of its items came out of order and were left out." if out_of_order else ""
        self._report(counter, "answered", f"{sheet.note} {note}".strip())
        if not self._heads:
            self._turn_page()
        return True

    async def _keep(self, arrivals: Sequence[Arrival]) -> int:
        """Keep what was not given out before, and what the store does not have.

        Returns
        -------
        out_of_order : int
            How many items stand before those that earlier pages have given.
        """
        order, mark = self._search.order, self.bookmark
        last = None if mark.last is None else rank(mark.last, order)
        new = [
            arrival
            for arrival in arrivals
            if last is None
            or (
                arrival.rank >= last
                and (mark.last_id is None or (arrival.rank, arrival.id) > (last, mark.last_id))
                and (arrival.rank > last or _tie(arrival.id) not in mark.ties)
            )
        ]
        stored = await self._stored([arrival.id for arrival in new])
        self._heads.extend(
            Head(arrival.rank, self.collection, arrival.id, arrival.values, arrival.document)
            for arrival in new
            if arrival.id not in stored
        )
        if last is None or mark.last_id is not None:
            return 0
        return sum(arrival.rank < last for arrival in arrivals)

    async def _stored(self, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        everything = Reader(sees_all=True)
        search = ItemSearch(len(ids), tuple(ids), (self.collection,), reader=everything)
        return {item.id for item in (await self._store.find_items(search)).items}

    def _turn_page(self) -> None:
        """Go on behind a page of which everything was given out."""
        if self._page_end is not None:
            cursor, is_end = self._page_end
            self.bookmark = replace(
                self.bookmark, cursor=cursor, last_id=None, state="done" if is_end else "open"
            )

    def _report(self, counter: Counter, state: str, message: str) -> None:
        reports = [report for report in self.reports if report.backend != counter.member.name]
        match state:
            case "answered" | "late" | "failed":
                self.reports = [*reports, BackendReport(counter.member.name, state, message)]


def _page_size(search: ItemSearch) -> int:
    if search.text is not None or search.filter is not None:
        return max(PAGE_FOR_TESTS, min(search.limit, LARGEST_PAGE))
    return max(SMALLEST_PAGE, min(search.limit, LARGEST_PAGE))


def _tie(id_: str) -> str:
    return hashlib.blake2b(id_.encode(), digest_size=5).hexdigest()
