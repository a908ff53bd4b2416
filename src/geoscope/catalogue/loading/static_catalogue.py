"""A static catalogue: files that link to each other, in a folder or on a web server."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import anyio
import orjson

from geoscope.catalogue.loading.addresses import link_addresses, with_whole_addresses
from geoscope.catalogue.loading.chunks import Chunk, Give, Objects, Position, Problem
from geoscope.catalogue.loading.fetching import MAX_DOCUMENT_BYTES, Fetcher, shown
from geoscope.errors import GeoscopeError, InvalidInputError, UnavailableError

MAX_DEPTH = 32
MAX_CATALOGUES = 100_000
DOCUMENTS_AT_ONCE = 16
CHUNK_FILES = 100

type Document = Mapping[str, Any]


class CatalogueFiles:
    """Reads the documents of a static catalogue.

    Parameters
    ----------
    fetcher : Fetcher
        For addresses of http and https.
    folder : Path or None
        Local files are read from inside this folder; None: none are.
    """

    def __init__(self, fetcher: Fetcher, folder: Path | None = None) -> None:
        self._fetcher = fetcher
        self._folder = folder.resolve() if folder else None

    async def document(self, address: str) -> Document:
        """Read one document.

        Raises
        ------
        InvalidInputError, TooLargeError
            If it is not there, not to be read, or no JSON object.
        UnavailableError
            If its server does not answer.
        """
        if urlsplit(address).scheme != "file":
            return (await self._fetcher.get(address)).document()
        path = anyio.Path(unquote(urlsplit(address).path))
        try:
            whole = await path.resolve()
            if self._folder is None or not whole.is_relative_to(self._folder):
                raise InvalidInputError(
                    f"{address} is not read.", "It lies outside of the catalogue's folder."
                )
            if (await whole.stat()).st_size > MAX_DOCUMENT_BYTES:
                raise InvalidInputError(f"{path} is larger than {MAX_DOCUMENT_BYTES} bytes.")
            document = orjson.loads(await whole.read_bytes())
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{path} cannot be read: {error}.") from error
        if not isinstance(document, dict):
            raise InvalidInputError(f"{path} is not a JSON object.")
        return document


class StaticCatalogueSource:
    """A static catalogue, read from its root downwards, always in the same order.

    Parameters
    ----------
    address : str
        Of the root: a catalog or a collection.
    files : CatalogueFiles
        Reads the documents.
    collections : frozenset of str
        The collections that are read; empty: all.
    published : tuple of str and str or None
        What addresses begin with, and what is stored in its place.
    """

    revision = ""

    def __init__(
        self,
        address: str,
        files: CatalogueFiles,
        collections: frozenset[str] = frozenset(),
        published: tuple[str, str] | None = None,
    ) -> None:
        self.name = address
        self._files = files
        self._collections = collections
        self._published = published

    async def read(self, after: Position | None, give: Give) -> None:
        """Give the collections and items after a position.

        A position tells which documents came before. If others do now, the catalogue has changed, and is read
        from its beginning: storing a document twice does no harm.
        """
        try:
            await self._walk(_Passed(after["documents"], after["digest"]) if after else _Passed(), give)
        except _ChangedError:
            await self._walk(_Passed(), give)

    async def _walk(self, passed: "_Passed", give: Give) -> None:
        ahead = _Ahead(self._files.document)
        stack = [(self.name, 0)]
        seen = {self.name}
        try:
            while stack:
                address, depth = stack.pop()
                ahead.start(address for address, _ in reversed(stack[-DOCUMENTS_AT_ONCE:]))
                try:
                    catalogue = await ahead.result(address)
                except UnavailableError:
                    raise
                except GeoscopeError as error:
                    if depth == 0:
                        raise
                    if passed.is_new(address):
                        await give(passed.chunk([(address, Problem(shown(address), str(error)))]))
                    continue
                await self._give_contents(catalogue, address, passed, give)
                linked = dict.fromkeys(
                    urldefrag(link).url for link in link_addresses(catalogue, "child", address)
                )
                children = [(child, depth + 1) for child in linked if child not in seen]
                seen.update(linked)
                if children and (depth == MAX_DEPTH or len(seen) > MAX_CATALOGUES):
                    reason = f"It is deeper than {MAX_DEPTH} levels, or has over {MAX_CATALOGUES} catalogues."
                    raise InvalidInputError(f"{shown(self.name)} cannot be read to its end. {reason}")
                stack += reversed(children)
        finally:
            await ahead.close()

    async def _give_contents(self, catalogue: Document, address: str, passed: "_Passed", give: Give) -> None:
        """Give a collection and the items that it links to, or the items of a catalog."""
        if catalogue.get("type") == "Collection":
            if self._collections and catalogue.get("id") not in self._collections:
                return
            if passed.is_new(address):
                await give(passed.chunk([(address, self._whole(catalogue, address))]))
        new = [item for item in link_addresses(catalogue, "item", address) if passed.is_new(item)]
        async with aclosing(_in_order(new, self._item)) as items:
            found: list[tuple[str, Document | Problem]] = []
            async for item in items:
                found.append(item)
                if len(found) == CHUNK_FILES:
                    await give(passed.chunk(found))
                    found = []
            if found:
                await give(passed.chunk(found))

    async def _item(self, address: str) -> Document | Problem:
        try:
            return self._whole(await self._files.document(address), address)
        except UnavailableError:
            raise
        except GeoscopeError as error:
            return Problem(shown(address), str(error))

    def _whole(self, document: Document, address: str) -> Document:
        if self._published is not None:
            here, there = self._published
            if address.startswith(here):
                address = there + address.removeprefix(here)
        return with_whole_addresses(document, address)


class _ChangedError(Exception):
    """The catalogue is not what it was when a position was kept."""


class _Passed:
    """Which documents an earlier run has read: the first so many, known by a digest of their addresses."""

    def __init__(self, documents: int = 0, digest: str = "") -> None:
        self._skipped = documents
        self._skipped_digest = digest
        self._met = 0
        self._given = documents
        self._digest = hashlib.sha256()

    def is_new(self, address: str) -> bool:
        """Tell whether the next document is still to be read."""
        self._met += 1
        if self._met > self._skipped:
            return True
        self._add(address)
        if self._met == self._skipped and self._digest.hexdigest() != self._skipped_digest:
            raise _ChangedError
        return False

    def chunk(self, found: list[tuple[str, Document | Problem]]) -> Chunk:
        """Return what was found at new addresses as a chunk."""
        for address, _ in found:
            self._add(address)
        self._given += len(found)
        documents = [(shown(address), dict(each)) for address, each in found if not isinstance(each, Problem)]
        problems = tuple(each for _, each in found if isinstance(each, Problem))
        objects = Objects(tuple(place for place, _ in documents), tuple(each for _, each in documents))
        return Chunk(objects, {"documents": self._given, "digest": self._digest.hexdigest()}, None, problems)

    def _add(self, address: str) -> None:
        self._digest.update(address.encode() + b"\0")


class _Ahead:
    """Reads documents before they are asked for."""

    def __init__(self, read: Callable[[str], Coroutine[Any, Any, Document]]) -> None:
        self._read = read
        self._tasks: dict[str, asyncio.Task[Document]] = {}

    def start(self, addresses: Iterable[str]) -> None:
        """Begin to read."""
        for address in addresses:
            if address not in self._tasks:
                self._tasks[address] = asyncio.create_task(self._read(address))

    async def result(self, address: str) -> Document:
        """Return a document; errors as of the reading."""
        self.start([address])
        return await self._tasks.pop(address)

    async def close(self) -> None:
        """Drop what is being read."""
        await _drop(self._tasks.values())


async def _in_order[Result](
    addresses: Iterable[str], read: Callable[[str], Coroutine[Any, Any, Result]]
) -> AsyncGenerator[tuple[str, Result]]:
    """Read several at once, and yield them in the order of their addresses."""
    tasks: deque[tuple[str, asyncio.Task[Result]]] = deque()
    rest = iter(addresses)
    try:
        while True:
            while len(tasks) < DOCUMENTS_AT_ONCE and (address := next(rest, None)) is not None:
                tasks.append((address, asyncio.create_task(read(address))))
            if not tasks:
                return
            address, task = tasks.popleft()
            yield address, await task
    finally:
        await _drop(task for _, task in tasks)


async def _drop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    dropped = list(tasks)
    for task in dropped:
        task.cancel()
    await asyncio.gather(*dropped, return_exceptions=True)
