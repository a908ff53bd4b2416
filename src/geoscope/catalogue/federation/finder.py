"""Finding items here and at other catalogues at once: one result, in one order, page by page."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from geoscope.catalogue.federation.backends import BackendError
from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.fingerprints import fingerprint
from geoscope.catalogue.federation.merging import merge
from geoscope.catalogue.federation.sources import BackendSource, StoreSource
from geoscope.catalogue.federation.tokens import Bookmark, Bookmarks, read_token, write_token
from geoscope.catalogue.finding import BackendReport, ItemAnswer, StoreFinder
from geoscope.catalogue.models import ANYBODY, FoundItem, ItemSearch, Reader
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import InvalidInputError, UnavailableError

MAX_FEDERATED_COLLECTIONS = 25
MAX_QUERYABLES = 1000

FAILED_BEFORE = "It failed on an earlier page, and is not asked for the rest of this paging."

_NEVER_ASKED = Bookmark("", "left")


class FederatedFinder:
    """A `Finder` that asks the store, and the backends of the federated collections that a search names.

    A search that names no collection asks the store, and the backends that are always asked.

    Parameters
    ----------
    store : CatalogueStore
        Holds this catalogue's own items, and the documents of all collections.
    federation : Federation
        Knows the other catalogues.
    key : bytes
        Signs tokens.
    """

    def __init__(self, store: CatalogueStore, federation: Federation, key: bytes) -> None:
        self._store = store
        self._local = StoreFinder(store)
        self._federation = federation
        self._key = key

    async def find_items(self, search: ItemSearch, token: str | None = None) -> ItemAnswer:
        """Return the page of items that a search asks for; a backend that fails costs only its own items."""
        names = await self._federated(search)
        if not names:
            return await self._local.find_items(search, token)
        of_search = fingerprint(search)
        begun = read_token(token, of_search, self._key) if token else None
        store = StoreSource(
            self._store,
            search,
            begun.position if begun else None,
            is_done=begun is not None and begun.is_store_done,
        )
        left, reports, backends = self._open(search, names, begun)
        deadline_s = asyncio.get_running_loop().time() + self._federation.deadline_s
        items = await merge([store, *backends], search.limit, deadline_s)
        marks = left | {source.collection: source.bookmark for source in backends}
        end = Bookmarks(store.position, store.is_done, marks)
        is_whole = begun is None and end.is_done and all(mark.state == "done" for mark in marks.values())
        return ItemAnswer(
            items,
            len(items) if is_whole else None,
            None if end.is_done else write_token(end, of_search, self._key),
            _one_each([*reports, *(report for source in backends for report in source.reports)]),
        )

    async def item(self, collection: str, id_: str, reader: Reader = ANYBODY) -> FoundItem | None:
        """Return an item of the store, or else of the backends that serve its collection.

        Raises
        ------
        UnavailableError
            If no backend can say whether there is such an item.
        """
        found = await self._local.item(collection, id_, reader)
        if found is not None or not await self._is_federated(collection, reader):
            return found
        counters, problems = self._federation.counters(collection, reader)
        answered = False
        for counter in counters:
            try:
                async with asyncio.timeout(self._federation.deadline_s / len(counters)):
                    document = await self._federation.desk.item(counter, id_)
            except (TimeoutError, BackendError) as error:
                message = error.problem if isinstance(error, BackendError) else "It did not answer in time."
                problems.append(BackendReport(counter.member.name, "failed", message))
                continue
            answered = True
            if document is not None:
                return FoundItem(collection, id_, document)
        if answered:
            return None
        reasons = "; ".join(f"{report.backend}: {report.message}" for report in problems)
        raise UnavailableError(
            f"Nobody can say now whether {collection!r} has an item {id_!r} ({reasons}).", "Try again later."
        )

    async def queryables(self, collection: str, reader: Reader = ANYBODY) -> Mapping[str, Any]:
        """Return JSON Schemas of what a search can name, as the first backend says that answers."""
        if not await self._is_federated(collection, reader):
            return {}
        counters, _ = self._federation.counters(collection, reader)
        for counter in counters:
            with contextlib.suppress(TimeoutError, BackendError):
                async with asyncio.timeout(self._federation.deadline_s / len(counters)):
                    return _own_schemas(await self._federation.desk.queryables(counter))
        return {}

    def _open(
        self, search: ItemSearch, names: Sequence[str], begun: Bookmarks | None
    ) -> tuple[dict[str, Bookmark], list[BackendReport], list[BackendSource]]:
        """Return what is not asked any more, why, and the sources that are.

        On a later page only those are asked that have more, each at the backend that has answered.
        """
        left: dict[str, Bookmark] = {}
        reports: list[BackendReport] = []
        sources: list[BackendSource] = []
        for name in names:
            mark = None if begun is None else begun.backends.get(name, _NEVER_ASKED)
            if mark is not None and mark.state != "open":
                left[name] = mark
                if mark.state == "left" and mark.backend:
                    reports.append(BackendReport(mark.backend, "failed", FAILED_BEFORE))
                continue
            counters, problems = self._federation.counters(name, search.reader)
            if mark is not None:
                counters = [counter for counter in counters if counter.member.name == mark.backend]
                problems = [problem for problem in problems if problem.backend == mark.backend]
            reports += problems
            if counters:
                sources.append(BackendSource(self._federation.desk, counters, search, self._store, mark))
            else:
                left[name] = Bookmark(problems[0].backend if problems else "", "left")
        return left, reports, sources

    async def _federated(self, search: ItemSearch) -> list[str]:
        """Return the federated collections that a search asks, and its reader finds."""
        if search.collections is None:
            names: Iterable[str] = self._federation.always_asked
        else:
            names = [name for name in search.collections if name in self._federation.collections]
            if len(names) > MAX_FEDERATED_COLLECTIONS:
                raise InvalidInputError(
                    f"collections: {len(names)} of them are at other catalogues.",
                    f"Name at most {MAX_FEDERATED_COLLECTIONS} of those at once.",
                )
        found = [name for name in names if await self._is_federated(name, search.reader)]
        return found[:MAX_FEDERATED_COLLECTIONS]

    async def _is_federated(self, collection: str, reader: Reader) -> bool:
        is_known = collection in self._federation.collections
        return is_known and await self._store.collection(collection, reader) is not None


def _own_schemas(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the schemas of a document that stand for themselves: what they refer to is not here."""
    properties = None if document is None else document.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    schemas = {name: schema for name, schema in properties.items() if isinstance(schema, Mapping)}
    own = {name: schema for name, schema in schemas.items() if b'"$ref"' not in orjson.dumps(schema)}
    return dict(list(own.items())[:MAX_QUERYABLES])


def _one_each(reports: Sequence[BackendReport]) -> tuple[BackendReport, ...]:
    """Return one report of each backend: the worst, with all that is to say."""
    worst = {"answered": 0, "late": 1, "failed": 2}
    merged: dict[str, BackendReport] = {}
    for report in reports:
        known = merged.setdefault(report.backend, report)
        state = max(known.state, report.state, key=worst.__getitem__)
        messages = dict.fromkeys(filter(None, [known.message, report.message]))
        merged[report.backend] = BackendReport(report.backend, state, " ".join(messages))
    return tuple(merged.values())
