"""Reading an array of a cube through its chunks: those that were decoded are kept for a while."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from zarr.core.array import AsyncArray
from zarr.core.array_spec import ArrayConfigParams

from geoscope.cubes.cache import FieldCache
from geoscope.cubes.grid import Cells, Grid
from geoscope.cubes.variables import Packing, Variable
from geoscope.errors import InvalidInputError, UnavailableError

# The chunks that a series or a field was read from are kept if they are no more than this (32 MiB).
MOST_KEPT_VALUES = 8 * 1024**2
# Blocks of chunks that one reading of cells fetches and decodes at the same time.
BLOCKS_AT_ONCE = 8

# Chunks with no more than this between them are fetched together: it costs about as much as a request.
READ_CONFIG: ArrayConfigParams = {"sharding_coalesce_max_gap_bytes": 256 * 1024}

type Values = NDArray[np.float32]


class Amount(NamedTuple):
    """What a reading takes, if nothing is kept: how many chunks, and their size when they are decoded."""

    chunks: int
    bytes: int


class Reader(Protocol):
    """Reads one variable."""

    @property
    def chunk_steps(self) -> int:
        """Steps of a chunk: blocks of so many read nothing twice."""

    async def read(self, cells: Cells, steps: slice, levels: slice) -> Values:
        """Return values at cells, (steps, levels, cells)."""

    async def field(self, step: int, level: int) -> Values:
        """Return the values of a step and level, in the grid's shape; not to be written to."""

    def amount(self, cells: Cells, steps: slice, levels: slice) -> Amount:
        """Tell what `read` takes."""


@dataclass(frozen=True)
class _CellsOfChunk:
    """The cells, of those that were asked for, that lie in one chunk of the grid.

    `order` says which they are, `within` where they lie in the chunk, along each dimension of the grid.
    """

    chunk: dict[str, slice]
    order: NDArray[np.int64]
    within: tuple[NDArray[np.int64], ...]


class ArrayReader:
    """Reads a variable from one array.

    Parameters
    ----------
    variable : Variable
        Its dimensions are those of the array.
    array : zarr.core.array.AsyncArray
        Holds the values.
    grid : Grid
        Names the dimensions of the cells.
    time : str or None
        Names the dimension of time.
    packing : Packing
        Of the stored numbers.
    fields : FieldCache
        Keeps what was decoded.
    key : tuple
        Tells this array from all others in the cache.
    """

    def __init__(
        self,
        variable: Variable,
        array: AsyncArray[Any],
        grid: Grid,
        time: str | None,
        packing: Packing,
        fields: FieldCache,
        key: tuple[object, ...],
    ) -> None:
        self._variable, self._grid, self._time, self._packing = variable, grid, time, packing
        self._array = array.with_config(READ_CONFIG)
        self._level = variable.levels.dimension if variable.levels else None
        self._fields, self._key = fields, key

    @property
    def chunk_steps(self) -> int:
        """Steps of a chunk; 1 for what does not vary in time."""
        return self._chunk_length(self._time) if self._time in self._variable.dimensions else 1

    async def read(self, cells: Cells, steps: slice, levels: slice) -> Values:
        """Read each chunk that holds one of the cells once."""
        found = np.empty((steps.stop - steps.start, levels.stop - levels.start, len(cells)), np.float32)
        room = asyncio.Semaphore(BLOCKS_AT_ONCE)

        async def fill(part: _CellsOfChunk, block: slice) -> None:
            async with room:
                values = await self._read_through_chunks(self._selection(part.chunk, block, levels))
            within = slice(block.start - steps.start, block.stop - steps.start)
            chosen: tuple[Any, ...] = (slice(None), slice(None), *part.within)
            found[within][:, :, part.order] = self._in_order(values)[chosen]

        blocks = self._time_blocks(steps)
        await asyncio.gather(*(fill(part, block) for part in self._by_chunk(cells) for block in blocks))
        return found

    async def field(self, step: int, level: int) -> Values:
        """Read one step and level of the whole grid, and keep it."""
        grid = self._grid
        everywhere = dict(zip(grid.dimensions, map(slice, [0] * len(grid.shape), grid.shape), strict=True))
        selection = self._selection(everywhere, slice(step, step + 1), slice(level, level + 1))

        async def read() -> Values:
            # Chunks that hold nothing else are kept once, as the field.
            is_whole = self._chunks_around(selection) == selection
            values = await (self._read(selection) if is_whole else self._read_through_chunks(selection))
            return np.array(self._in_order(values)[0, 0])

        return await self._fields.get((*self._key, step, level), read)

    def amount(self, cells: Cells, steps: slice, levels: slice) -> Amount:
        """Count the chunks that hold cells, steps and levels."""
        count = len(np.unique(self._chunk_numbers(cells)))
        for dimension, part in ((self._time, steps), (self._level, levels)):
            if dimension in self._variable.dimensions:
                length = self._chunk_length(dimension)
                count *= math.ceil(part.stop / length) - part.start // length
        return Amount(count, count * math.prod(self._array.chunks) * self._array.dtype.itemsize)

    def _chunk_length(self, dimension: str | None) -> int:
        return int(self._array.chunks[self._variable.dimensions.index(str(dimension))])

    def _selection(self, place: Mapping[str, slice], steps: slice, levels: slice) -> tuple[slice, ...]:
        """Return what to read of the array, in the order of its dimensions."""
        selection: list[slice] = []
        for dimension, length in zip(self._variable.dimensions, self._array.shape, strict=True):
            if self._time and dimension == self._time:
                selection.append(steps)
            elif dimension in place:
                selection.append(place[dimension])
            elif dimension == self._level:
                selection.append(levels)
            elif length == 1:
                selection.append(slice(0, 1))
            else:
                raise InvalidInputError(
                    f"The variable {self._variable.name!r} has the dimension {dimension!r} "
                    f"of {length} entries.",
                    "Only variables of time, level, latitude and longitude can be read here; "
                    "open the Zarr group itself for the others.",
                )
        return tuple(selection)

    def _in_order(self, values: Values) -> Values:
        """Return values of the array as (steps, levels, *grid), with a length of 1 for what it has not."""
        dimensions = self._variable.dimensions
        wanted = [dimension for dimension in (self._time, self._level, *self._grid.dimensions) if dimension]
        kept = [dimension for dimension in wanted if dimension in dimensions]
        others = [dimension for dimension in dimensions if dimension not in kept]
        order = [dimensions.index(dimension) for dimension in (*others, *kept)]
        first: tuple[int, ...] = (0,) * len(others)
        ordered: Values = np.transpose(values, order)[first]
        missing = tuple(
            axis for axis, dimension in enumerate((self._time, self._level)) if dimension not in dimensions
        )
        return np.expand_dims(ordered, missing)

    def _grid_chunks(self) -> tuple[int, ...]:
        return tuple(self._chunk_length(dimension) for dimension in self._grid.dimensions)

    def _chunk_numbers(self, cells: Cells) -> NDArray[np.int64]:
        """Return the number of the chunk of the grid that holds each cell."""
        chunks, shape = self._grid_chunks(), self._grid.shape
        counts = [math.ceil(length / chunk) for length, chunk in zip(shape, chunks, strict=True)]
        places = np.unravel_index(cells, shape)
        corners = tuple(place // chunk for place, chunk in zip(places, chunks, strict=True))
        return np.ravel_multi_index(corners, counts)

    def _by_chunk(self, cells: Cells) -> list[_CellsOfChunk]:
        """Sort cells by the chunk that holds them."""
        if not len(cells):
            return []
        grid, chunks = self._grid, np.array(self._grid_chunks())
        places = np.stack(np.unravel_index(cells, grid.shape))
        _, which, counts = np.unique(self._chunk_numbers(cells), return_inverse=True, return_counts=True)
        parts = []
        for members in np.split(np.argsort(which, kind="stable"), np.cumsum(counts)[:-1]):
            starts = places[:, members[0]] // chunks * chunks
            stops = np.minimum(starts + chunks, grid.shape)
            chunk = dict(zip(grid.dimensions, map(slice, starts.tolist(), stops.tolist()), strict=True))
            parts.append(_CellsOfChunk(chunk, members, tuple(places[:, members] - starts[:, None])))
        return parts

    def _time_blocks(self, steps: slice) -> list[slice]:
        """Cut time where chunks end, so that a block of one chunk of cells and all its steps can be kept."""
        if self._time not in self._variable.dimensions:
            return [steps]
        length = self.chunk_steps
        most = max(1, MOST_KEPT_VALUES // math.prod(self._array.chunks)) * length
        starts = range(steps.start // most * most, steps.stop, most)
        return [slice(max(start, steps.start), min(start + most, steps.stop)) for start in starts]

    async def _read(self, selection: tuple[slice, ...]) -> Values:
        try:
            stored = await self._array.getitem(selection)
        except Exception as error:  # stores and codecs share no class of errors
            raise UnavailableError(
                f"The variable {self._variable.name!r} cannot be read now: {error}"
            ) from error
        return self._packing.unpack(np.asarray(stored))

    async def _read_through_chunks(self, selection: tuple[slice, ...]) -> Values:
        """Read and keep all chunks that a selection touches: neighbours in space or time are then free.

        Zarr has to fetch and decode whole chunks in any case.
        """
        chunks = self._chunks_around(selection)
        if math.prod(part.stop - part.start for part in chunks) > MOST_KEPT_VALUES:
            return await self._read(selection)
        kept = await self._fields.get((*self._key, chunks), lambda: self._read(chunks))
        return kept[tuple(map(_within, selection, chunks))]

    def _chunks_around(self, selection: tuple[slice, ...]) -> tuple[slice, ...]:
        return tuple(map(_touched, selection, self._array.chunks, self._array.shape))


def _touched(part: slice, chunk: int, length: int) -> slice:
    """Return the whole chunks that hold a part of an axis."""
    return slice(part.start // chunk * chunk, min(math.ceil(part.stop / chunk) * chunk, length))


def _within(part: slice, chunks: slice) -> slice:
    """Return the same part of an axis, counted from the first of these chunks."""
    return slice(part.start - chunks.start, part.stop - chunks.start)
