"""A load: what a source holds is stored batch by batch, each together with how far the load has come."""

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import anyio

from geoscope.catalogue.loading.batches import Batch, put_in_batches
from geoscope.catalogue.loading.checking import Rules
from geoscope.catalogue.loading.checkpoints import Checkpoint, Report
from geoscope.catalogue.loading.chunks import Source
from geoscope.catalogue.loading.lines import LineSource
from geoscope.catalogue.loading.staging import Stage, new_stage
from geoscope.catalogue.models import CollectionRecord
from geoscope.catalogue.records import Document, collection_record, parse_document
from geoscope.catalogue.store import CatalogueStore, Packer, Transaction
from geoscope.errors import ConflictError, InvalidInputError, UnavailableError

# SQLite itself waits ten seconds for others who write, each time.
TRIES_TO_WRITE = 4
PAUSE_BEFORE_NEXT_TRY_S = 1.0


# If the first batch is a smaller part of its source than this, much is to come.
SHARE_OF_A_LARGE_LOAD = 0.05


@dataclass(frozen=True)
class LoadOptions:
    """What is asked of a load.

    Parameters
    ----------
    folder : Path
        Where the report of what is refused is written, and where a strict load sets documents aside.
    report : Path or None
        Another place for the report.
    collections : frozenset of str
        Only items of these are loaded; with a single one, items that do not name theirs belong to it.
    update_collections : bool
        Whether a collection that is there already is replaced by that of the source.
    limit : int or None
        Stop after so many items.
    strict : bool
        Store nothing if any document is refused.
    restart : bool
        Begin anew, and not where an earlier run of the same load has stopped.
    """

    folder: Path
    report: Path | None = None
    collections: frozenset[str] = frozenset()
    update_collections: bool = False
    limit: int | None = None
    strict: bool = False
    restart: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a load is.

    Parameters
    ----------
    phase : str
        A strict load checks everything before it stores anything; a large one makes indexes at its end.
    items, collections, refused : int
        How many were stored (or checked), and how many documents were not; by all runs of this load.
    items_before : int
        How many of the items an earlier run had stored.
    share : float or None
        How much of the source has been read, 0 to 1, where it can be told.
    report : Path or None
        Where the refused documents are listed.
    """

    phase: Literal["checking", "storing", "finishing"]
    items: int
    collections: int
    refused: int
    items_before: int
    share: float | None
    report: Path


type OnProgress = Callable[[Progress], None]


async def load(
    store: CatalogueStore, source: Source, options: LoadOptions, on_progress: OnProgress
) -> Progress:
    """Store what a source holds; documents that are not valid are left out and reported.

    A run that was stopped, however it ended, is gone on with by running the same load again.

    Parameters
    ----------
    on_progress : callable
        Told after each batch.

    Raises
    ------
    ConflictError
        If another load of the same source is running.
    InvalidInputError, UnavailableError
        If the source or the catalogue fails; what came before is stored. If the load is strict and anything
        is refused; nothing is stored.
    """
    name = _load_name(source, options)
    stage = options.folder / f"{name}-{_digest(source.revision)[:8]}.stage"
    report = Report(options.report or options.folder / f"{name}.refused.jsonl")
    with _only_one(options.folder / f"{name}.lock"), closing(report):
        if options.restart:
            await anyio.Path(stage).unlink(missing_ok=True)
        if options.strict:
            source = await _checked(store, source, options, report, stage, on_progress)
        async with AsyncExitStack() as ending:
            writer = _Writer(store, name, report, options, on_progress, ending)
            await writer.begin(source.revision)
            left = None if options.limit is None else options.limit - writer.checkpoint.items
            rules = Rules(options.collections)
            await put_in_batches(source, writer.checkpoint.position, rules, left, writer.put)
            if writer.is_bulk_load:
                on_progress(replace(writer.progress, phase="finishing", share=1.0))
        await writer.finish()
        await anyio.Path(stage).unlink(missing_ok=True)
    return replace(writer.progress, share=1.0)


async def load_collection(store: CatalogueStore, path: Path, *, update: bool) -> None:
    """Add a collection from a file, or replace the one that is there if it is to be updated.

    Raises
    ------
    InvalidInputError
        If it is no valid collection.
    """
    try:
        document = parse_document(await anyio.Path(path).read_bytes())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error}.") from error
    collection = collection_record(document)
    await store.change(partial(_put_collection, collection, document, update))


async def _checked(
    store: CatalogueStore,
    source: Source,
    options: LoadOptions,
    report: Report,
    path: Path,
    on_progress: OnProgress,
) -> LineSource:
    """Check a whole source, unless an earlier run has, and return what was set aside as a source."""
    if not await anyio.Path(path).exists():
        with new_stage(path) as file:
            stage = Stage(store, file, report)

            async def put(batch: Batch) -> None:
                await stage.put(batch)
                on_progress(Progress("checking", stage.items, 0, stage.refused, 0, batch.share, report.path))

            await put_in_batches(source, None, Rules(options.collections), options.limit, put)
            if stage.refused:
                raise InvalidInputError(
                    f"Documents were refused ({stage.refused:,}), and nothing was loaded.",
                    f"{report.path} says which and why.",
                )
    status = await anyio.Path(path).stat()
    return LineSource(path, source.name, f"stage-{status.st_ino}-{status.st_mtime_ns}")


class _Writer:
    """Stores batches, one after the other."""

    def __init__(
        self,
        store: CatalogueStore,
        name: str,
        report: Report,
        options: LoadOptions,
        on_progress: OnProgress,
        ending: AsyncExitStack,
    ) -> None:
        self._store = store
        self._name = name
        self._report = report
        self._options = options
        self._on_progress = on_progress
        self._ending = ending
        self.is_bulk_load = False
        self._items_before = 0
        self.checkpoint = Checkpoint("")

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._progress(None)

    async def begin(self, revision: str) -> None:
        """Find out where to go on."""
        self.checkpoint = await self._change(partial(self._begin, revision))
        self._items_before = self.checkpoint.items
        self._on_progress(self.progress)

    async def put(self, batch: Batch) -> Packer | None:
        """Store a batch and how far the load has come with it, both or neither."""
        self.checkpoint = await self._change(partial(self._put, batch))
        self._on_progress(self._progress(batch.share))
        if batch.share is not None and batch.share < SHARE_OF_A_LARGE_LOAD and not self.is_bulk_load:
            self.is_bulk_load = True
            await self._ending.enter_async_context(self._store.bulk_load())
        return await self._store.packer(batch.item_collections())

    async def finish(self) -> None:
        """Forget where to go on: the same load would begin anew."""
        await self._change(lambda transaction: transaction.put_checkpoint(self._name, None))

    def _begin(self, revision: str, transaction: Transaction) -> Checkpoint:
        kept = transaction.checkpoint(self._name)
        if kept is not None and not self._options.restart:
            checkpoint = Checkpoint.from_bytes(kept)
            if checkpoint.revision == revision:
                return checkpoint
        checkpoint = Checkpoint(revision)
        transaction.put_checkpoint(self._name, checkpoint.to_bytes())
        return checkpoint

    def _put(self, batch: Batch, transaction: Transaction) -> Checkpoint:
        before = self.checkpoint
        if transaction.checkpoint(self._name) != before.to_bytes():
            raise _running_already()
        collections = self._put_collections(transaction, batch)
        present = {id_ for id_ in batch.item_collections() if transaction.collection(id_) is not None}
        items, problems = batch.settled(present)
        transaction.put_items(items)
        after = Checkpoint(
            before.revision,
            position=batch.end,
            items=before.items + len(items),
            collections=before.collections + collections,
            refused=before.refused + len(problems),
            report_bytes=self._report.write(problems, before.report_bytes),
        )
        transaction.put_checkpoint(self._name, after.to_bytes())
        return after

    def _put_collections(self, transaction: Transaction, batch: Batch) -> int:
        """Add the collections that are not there yet; return how many were added or replaced."""
        update = self._options.update_collections
        return sum(
            _put_collection(record, document, update, transaction) for record, document in batch.collections
        )

    async def _change[Result](self, work: Callable[[Transaction], Result]) -> Result:
        """Change the catalogue; others who write are waited for, for some time."""
        for _ in range(TRIES_TO_WRITE - 1):
            try:
                return await self._store.change(work)
            except UnavailableError:
                await anyio.sleep(PAUSE_BEFORE_NEXT_TRY_S)
        return await self._store.change(work)

    def _progress(self, share: float | None) -> Progress:
        done = self.checkpoint
        return Progress(
            "storing",
            done.items,
            done.collections,
            done.refused,
            self._items_before,
            share,
            self._report.path,
        )


def _put_collection(
    record: CollectionRecord, document: Document, update: bool, transaction: Transaction
) -> bool:
    """Add a collection, or replace it if it is to be updated; tell whether anything was changed."""
    previous = transaction.collection(record.id)
    if previous is not None:
        if not update:
            return False
        record = collection_record(document, previous)
    transaction.put_collection(record)
    return True


def _load_name(source: Source, options: LoadOptions) -> str:
    """Return what the same load is called when it is asked for again."""
    asked = [source.name, *sorted(options.collections), str(options.limit)]
    return f"load-{_digest(*asked)[:16]}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Refuse a second load of the same source on this machine while the first runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _running_already() from error
        yield


def _running_already() -> ConflictError:
    return ConflictError("Another load of the same source is running.", "Wait until it has ended.")
