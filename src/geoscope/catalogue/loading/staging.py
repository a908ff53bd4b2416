"""A strict load: everything is checked and set aside first, and stored only if nothing was refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard
from anyio import to_thread

from geoscope.catalogue.loading.batches import Batch
from geoscope.catalogue.loading.checkpoints import Report
from geoscope.catalogue.models import ItemRecord, Reader
from geoscope.catalogue.store import CatalogueStore

_EVERYTHING = Reader(sees_all=True)
_COMPRESSION_LEVEL = 1  # it is written and read once


class Stage:
    """Puts batches into a file of newline-delimited JSON, and problems into the report."""

    def __init__(self, store: CatalogueStore, file: BinaryIO, report: Report) -> None:
        self._store = store
        self._file = file
        self._report = report
        self._report_bytes = 0
        self._collections: set[str] = set()
        self.items = 0
        self.refused = 0

    async def put(self, batch: Batch) -> None:
        """Set a batch aside."""
        self._collections.update(record.id for record, _ in batch.collections)
        for id_ in batch.item_collections() - self._collections:
            if await self._store.collection(id_, _EVERYTHING) is not None:
                self._collections.add(id_)
        _, problems = batch.settled(self._collections)
        self.items += len(batch.items)
        self.refused += len(problems)
        await to_thread.run_sync(self._write, batch)
        self._report_bytes = self._report.write(problems, self._report_bytes)

    def _write(self, batch: Batch) -> None:
        documents = [record.document for record, _ in batch.collections]
        documents += [item.document for item in batch.items if isinstance(item, ItemRecord)]
        for document in documents:
            self._file.write(document + b"\n")


@contextmanager
def new_stage(path: Path) -> Iterator[BinaryIO]:
    """Open a file to set documents aside in; it stands at `path` when all went well, and else not at all."""
    unfinished = path.with_suffix(".unfinished")
    try:
        with (
            unfinished.open("wb") as raw,
            zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL).stream_writer(raw) as packed,
        ):
            yield cast("BinaryIO", packed)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
