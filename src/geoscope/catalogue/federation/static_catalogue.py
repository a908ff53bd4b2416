"""A backend that is a catalogue of plain STAC files: its links are followed, its items are kept in memory."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

import anyio

from geoscope.catalogue.federation.backends import Answer, BackendError, Credentials, Document, Question
from geoscope.catalogue.federation.fetching import Fetcher
from geoscope.catalogue.federation.stac_api import authorization

MAX_FILES = 20_000
MAX_ITEMS = 10_000
MAX_CRAWL_S = 600.0
AT_ONCE = 8

# A catalogue of which more files than this cannot be read is not the one that it was.
MAX_UNREADABLE = 0.5

# A collection is named by its id; items outside of any collection belong to the catalogue as a whole.
type Items = dict[str, dict[str, Document]]


@dataclass
class _Index:
    """What the files say, and when they were read (s, monotonic)."""

    items: Items = field(default_factory=dict)
    collections: dict[str, Document] = field(default_factory=dict)
    note: str = ""
    read_s: float = 0.0


class StaticCatalogueBackend:
    """Reads a catalogue of plain STAC files.

    Parameters
    ----------
    url : str
        Its first file, such as `https://example.org/catalog.json`.
    fetcher : Fetcher
        Asks the server.
    lifetime_s : float
        How long is believed what the files say.
    """

    def __init__(self, url: str, fetcher: Fetcher, lifetime_s: float) -> None:
        self._url = url
        self._fetcher = fetcher
        self._lifetime_s = lifetime_s
        self._index: _Index | None = None
        self._reading = anyio.Lock()

    @property
    def address(self) -> str:
        """The first file."""
        return self._url

    async def search(self, question: Question, cursor: str | None, credentials: Credentials) -> Answer:
        """Return all items of a collection and of these ids: there is nothing that could sort them."""
        del cursor
        index = await self._read(credentials)
        items = index.items.get(question.collection, {})
        if question.ids is not None:
            items = {id_: items[id_] for id_ in question.ids if id_ in items}
        return Answer(list(items.values()), None, is_sorted=False, note=index.note)

    async def item(self, collection: str, id_: str, credentials: Credentials) -> Document | None:
        """Return an item, or None if there is none of this id."""
        return (await self._read(credentials)).items.get(collection, {}).get(id_)

    async def queryables(self, collection: str, credentials: Credentials) -> Document | None:
        """Return None: files tell of none."""
        del collection, credentials
        return None

    async def collections(self, credentials: Credentials) -> list[Document]:
        """Return all its collections."""
        return list((await self._read(credentials)).collections.values())

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    async def _read(self, credentials: Credentials) -> _Index:
        async with self._reading:
            if self._index is None or time.monotonic() > self._index.read_s + self._lifetime_s:
                self._index = await _Crawl(self._fetcher, credentials).read(self._url)
            return self._index


class _Crawl:
    """One reading of all files, some at once, each once, within limits."""

    def __init__(self, fetcher: Fetcher, credentials: Credentials) -> None:
        self._fetcher = fetcher
        self._headers = authorization(credentials)
        self._waiting: deque[tuple[str, str]] = deque()
        self._seen: set[str] = set()
        self._unreadable = 0
        self._item_count = 0
        self._index = _Index()

    async def read(self, url: str) -> _Index:
        """Return what the files say, from the first on."""
        root = await self._fetcher.get(url, self._headers)
        self._seen.add(url)
        self._take(root, url, "")
        with anyio.move_on_after(MAX_CRAWL_S) as limit:
            await self._read_all()
        files = len(self._seen)
        if self._unreadable > MAX_UNREADABLE * files:
            raise BackendError(f"{self._unreadable} of its {files} files cannot be read.")
        notes = []
        if limit.cancelled_caught or self._waiting:
            notes.append(f"Only its first {self._item_count} items are known here.")
        if self._unreadable:
            notes.append(f"{self._unreadable} of its files cannot be read.")
        self._index.note = " ".join(notes)
        self._index.read_s = time.monotonic()
        return self._index

    async def _read_all(self) -> None:
        while self._waiting and len(self._seen) <= MAX_FILES and self._item_count < MAX_ITEMS:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            async with anyio.create_task_group() as tasks:
                for url, collection in batch:
                    tasks.start_soon(self._read_file, url, collection)

    async def _read_file(self, url: str, collection: str) -> None:
        try:
            document = await self._fetcher.get(url, self._headers)
            self._take(document, url, collection)
        except BackendError:
            self._unreadable += 1

    def _take(self, document: object, url: str, collection: str) -> None:
        """Keep an item or a collection, and follow the links of a catalogue."""
        if not isinstance(document, dict):
            raise BackendError("It is no STAC file.")
        kind, id_ = document.get("type"), document.get("id")
        if kind == "Feature" and isinstance(id_, str):
            # Its own address is where it was read: relative addresses are relative to that.
            links = [{"rel": "self", "href": url}, *_links(document)]
            items = self._index.items.setdefault(collection, {})
            items.setdefault(id_, document | {"links": links})
            self._item_count += 1
            return
        if kind == "Collection" and isinstance(id_, str):
            self._index.collections[id_] = document
            collection = id_
        for link in _links(document):
            href = link.get("href")
            if link.get("rel") in ("child", "item") and isinstance(href, str):
                self._follow(urljoin(url, href), collection)

    def _follow(self, url: str, collection: str) -> None:
        if url in self._seen or len(self._seen) > MAX_FILES:
            return
        try:
            self._fetcher.require_own(url)
        except BackendError:
            return
        self._seen.add(url)
        self._waiting.append((url, collection))


def _links(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    links = document.get("links")
    return [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
