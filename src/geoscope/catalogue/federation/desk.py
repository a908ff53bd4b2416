"""Puts questions to backends, and keeps the answers for a while."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import anyio.to_thread
import orjson

from geoscope.catalogue.federation.answers import AnswerCache
from geoscope.catalogue.federation.backends import (
    Answer,
    BackendError,
    CredentialsNeededError,
    Document,
    Question,
)
from geoscope.catalogue.federation.collections import remote_name
from geoscope.catalogue.federation.fingerprints import conditions, digest
from geoscope.catalogue.federation.members import Member
from geoscope.catalogue.federation.sheets import Counter, Sheet, make_sheet, read_item
from geoscope.catalogue.federation.tokens import Mode
from geoscope.catalogue.models import ItemSearch
from geoscope.settings import FederationSettings

WINDOW_PAGE_SIZE = 250


class Desk:
    """Puts questions to backends."""

    def __init__(self, cache: AnswerCache, settings: FederationSettings) -> None:
        self._cache = cache
        self._settings = settings

    @property
    def window(self) -> int:
        """Most items that are fetched to sort or to filter what a backend cannot."""
        return self._settings.window

    async def sheet(
        self, counter: Counter, search: ItemSearch, size: int, cursor: str | None, mode: Mode
    ) -> Sheet:
        """Return a page of what a backend has for a search.

        Parameters
        ----------
        counter : Counter
            Where to ask.
        search : ItemSearch
            What is looked for.
        size : int
            How many items are wanted at once.
        cursor : str or None
            Leads to the page; None is the first.
        mode : str
            How its items come, as the first page has told; empty for the first itself.

        Raises
        ------
        BackendError
            If there is no answer that can be used.
        """

        async def make() -> Sheet:
            return await _healthily(
                counter.member,
                lambda: self._ask(counter, search, _question(counter, search, size), cursor, mode),
            )

        asked = conditions(search.area, search.time, search.filter, search.order)
        key = digest(["sheet", _place(counter), size, search.ids, repr(search.text), asked, cursor, mode])
        return await self._cache.get(
            key, self._settings.answer_lifetime_s, make, lambda sheet: sheet.size_bytes
        )

    async def item(self, counter: Counter, id_: str) -> bytes | None:
        """Return an item's document, or None if there is none of this id; errors as of `sheet`."""

        async def make() -> bytes | None:
            found = await _healthily(counter.member, ask)
            record = None if found is None else read_item(counter, found)
            return record.document if record is not None and record.id == id_ else None

        async def ask() -> Document | None:
            backend = counter.member.backend
            return await backend.item(counter.remote_collection, remote_name(id_), counter.credentials)

        key = digest(["item", _place(counter), id_])
        return await self._cache.get(
            key, self._settings.answer_lifetime_s, make, lambda document: len(document or b"")
        )

    async def queryables(self, counter: Counter) -> Document | None:
        """Return the JSON Schema of what a search in a collection can name, or None if it tells of none.

        Errors as of `sheet`.
        """

        async def make() -> Document | None:
            return await _healthily(counter.member, ask)

        async def ask() -> Document | None:
            return await counter.member.backend.queryables(counter.remote_collection, counter.credentials)

        key = digest(["queryables", _place(counter)])
        return await self._cache.get(
            key, self._settings.description_lifetime_s, make, lambda schema: len(orjson.dumps(schema))
        )

    async def _ask(
        self, counter: Counter, search: ItemSearch, question: Question, cursor: str | None, mode: Mode
    ) -> Sheet:
        if mode == "window":
            return await self._ask_window(counter, search, question)
        answer = await counter.member.backend.search(question, cursor, counter.credentials)
        modes: Sequence[Mode] = (mode,) if mode else ("start",)
        if not mode and answer.cursor is not None:
            # There is more: how this page is sorted says how the rest will come.
            modes = ("start", "datetime") if answer.is_sorted else ()
        sheet = await anyio.to_thread.run_sync(make_sheet, counter, search, answer, modes)
        return sheet or await self._ask_window(counter, search, question)

    async def _ask_window(self, counter: Counter, search: ItemSearch, question: Question) -> Sheet:
        """Fetch as many items as the window holds, and sort them here."""
        question = replace(question, size=WINDOW_PAGE_SIZE)
        documents: list[Document] = []
        notes: list[str] = []
        seen: set[str | None] = set()
        cursor: str | None = None
        while cursor not in seen and len(documents) < self._settings.window:
            seen.add(cursor)
            answer = await counter.member.backend.search(question, cursor, counter.credentials)
            documents += answer.documents
            notes.append(answer.note)
            if (cursor := answer.cursor) is None:
                break
        else:
            notes.append(f"It cannot sort so: of its items only the first {len(documents)} were sorted here.")
        note = " ".join(dict.fromkeys(filter(None, notes)))
        whole = Answer(documents, None, is_sorted=False, note=note)
        sheet = await anyio.to_thread.run_sync(make_sheet, counter, search, whole, ("window",))
        return sheet or Sheet((), None, "window", note)


def _question(counter: Counter, search: ItemSearch, size: int) -> Question:
    ids = None if search.ids is None else tuple(map(remote_name, search.ids))
    return Question(
        counter.remote_collection, size, search.order, ids, search.area, search.time, search.filter
    )


def _place(counter: Counter) -> list[str]:
    return [counter.member.name, counter.remote_collection, counter.collection, counter.owner]


async def _healthily[Value](member: Member, ask: Callable[[], Awaitable[Value]]) -> Value:
    """Ask, and note how the backend did."""
    started_s = time.monotonic()
    try:
        answer = await ask()
    except CredentialsNeededError:
        # It is well; it only does not answer to this person.
        raise
    except BackendError as error:
        member.health.failed(error.problem)
        raise
    except Exception as error:
        message = f"Its answer cannot be read ({type(error).__name__})."
        member.health.failed(message)
        raise BackendError(message) from error
    member.health.answered(time.monotonic() - started_s)
    return answer
