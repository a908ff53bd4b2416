"""A block of maps as series: read a part of the grid after the other, and written in chunks long in time."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from zarr.abc.store import Store

from geoscope.cubes.growing.chunks import ChunkedArray, Index, fetch, send
from geoscope.cubes.growing.names import FIELDS, SERIES
from geoscope.cubes.growing.snapshot import Snapshot

# What is read of the maps before it is written: all steps of a block, and as many cells as fit.
COLUMN_BYTES = 192 * 1024**2
# What each thread fetches, or packs and sends, at once.
LOT_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Block:
    """Steps of one chunk of a variable's series, at one level."""

    variable: str
    level: int
    steps: slice


class BlockCopy:
    """Copies one block of the maps to the series.

    Parameters
    ----------
    store : Store
        Of a writable session.
    snapshot : Snapshot
        Of the same; its series are long enough.
    block : Block
        What is copied.
    """

    def __init__(self, store: Store, snapshot: Snapshot, block: Block) -> None:
        self._store, self._steps = store, block.steps
        self._maps = ChunkedArray(snapshot.array(block.variable))
        self._series = ChunkedArray(snapshot.array(f"{SERIES}/{block.variable}"))
        has_levels = snapshot.array(f"{FIELDS}/{block.variable}").ndim == 2
        self._level: Index = (block.level,) if has_levels else ()
        self._grid_shape: Index = snapshot.array(block.variable).shape[1 + len(self._level) :]

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Copy, one part of the grid's rows after the other, so that memory is bounded."""
        steps = self._steps.stop - self._steps.start
        memory = np.empty(0, self._maps.dtype)
        for rows in self._parts(steps):
            shape = (steps, rows.stop - rows.start, *self._grid_shape[1:])
            if not memory.size:  # the first part is the largest
                memory = np.empty(math.prod(shape), self._maps.dtype)
            part = memory[: math.prod(shape)].reshape(shape)
            step_bytes = part[0].nbytes
            list(pool.map(partial(self._read, part, rows), _lots(steps, LOT_BYTES // step_bytes)))
            width = self._series.chunks[1 + len(self._level)]
            chunk_bytes = part[:, :width].nbytes
            lots = _lots(part.shape[1], LOT_BYTES // chunk_bytes, multiple_of=width)
            list(pool.map(partial(self._write, part, rows), lots))

    def _parts(self, steps: int) -> Iterator[slice]:
        """Cut the grid's rows so that a part has whole chunks of the series and fits into memory."""
        width, height = (each.chunks[1 + len(self._level)] for each in (self._series, self._maps))
        row_bytes = steps * self._maps.dtype.itemsize * math.prod(self._grid_shape[1:])
        rows = max(1, min(COLUMN_BYTES // row_bytes, height))
        # Parts of a chunk of the maps, each of them decoded as few times as can be.
        rows = max(width, math.ceil(height / math.ceil(height / rows)))
        yield from _lots(self._grid_shape[0], math.ceil(rows / width), multiple_of=width)

    def _read(self, part: NDArray[np.floating], rows: slice, steps: slice) -> None:
        """Fill some steps of a part from the maps; what is not there is missing."""
        height = self._maps.chunks[1 + len(self._level)]
        others = (0,) * (part.ndim - 2)  # maps are cut along their rows only
        for chunk in range(rows.start // height, math.ceil(rows.stop / height)):
            first, last = max(rows.start, chunk * height), min(rows.stop, (chunk + 1) * height)
            place = (*self._level, chunk, *others)
            keys = [self._maps.key((self._steps.start + at, *place)) for at in range(steps.start, steps.stop)]
            for at, content in enumerate(fetch(self._store, keys), steps.start):
                target = part[at, first - rows.start : last - rows.start]
                if content is None:
                    target[...] = np.nan
                else:
                    found = self._maps.unpack(content)[(0, *(0 for _ in self._level))]
                    target[...] = found[first - chunk * height : last - chunk * height]

    def _write(self, part: NDArray[np.floating], rows: slice, some: slice) -> None:
        """Write some rows of a part to the series."""
        block, width = self._steps.start // self._series.chunks[0], self._series.chunks[1 + len(self._level)]
        first = (block, *self._level, (rows.start + some.start) // width, *(0,) * (part.ndim - 2))
        values = part[:, some]
        send(self._store, self._series.pack(first, values[:, np.newaxis] if self._level else values))


def _lots(length: int, count: int, *, multiple_of: int = 1) -> list[slice]:
    """Cut a length into lots of `count` times a multiple, or of one if that is too much."""
    size = max(1, count) * multiple_of
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
