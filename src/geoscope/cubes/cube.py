"""One opened cube: what it holds, and quick reads of a series at a point, a map of a time, or any cells."""

import asyncio
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr.api.asynchronous
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.core.array import AsyncArray
from zarr.core.array_spec import ArrayConfigParams

from geoscope.cubes.cache import FieldCache
from geoscope.cubes.conventions import data_variables, time_axis
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Cells, Grid
from geoscope.cubes.levels import LevelAxis, level_axis
from geoscope.cubes.times import GREGORIAN, TimeAxis
from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError

DEFAULT_CACHE_BYTES = 64 * 1024**2

# The chunks that a series or a field was read from are kept if they are no more than this (32 MiB).
MOST_KEPT_VALUES = 8 * 1024**2
# Blocks of chunks that one reading of cells fetches and decodes at the same time.
BLOCKS_AT_ONCE = 8

# Chunks with no more than this between them are fetched together: it costs about as much as a request.
READ_CONFIG: ArrayConfigParams = {"sharding_coalesce_max_gap_bytes": 256 * 1024}

_serial_numbers = itertools.count()


@dataclass(frozen=True)
class Variable:
    """A variable of a cube.

    Attributes
    ----------
    name : str
        Its name in the Zarr group.
    dimensions : tuple of str
        In the order of the array.
    unit, title, standard_name : str
        From CF attributes; empty if there is none (`title` falls back to the name in words).
    levels : LevelAxis or None
        Its vertical axis.
    """

    name: str
    dimensions: tuple[str, ...]
    unit: str
    title: str
    standard_name: str
    levels: LevelAxis | None = None

    @property
    def level_count(self) -> int:
        """Number of levels; 1 for a variable without."""
        return len(self.levels) if self.levels else 1

    @classmethod
    def from_array(cls, array: xr.DataArray, levels: LevelAxis | None = None) -> Self:
        """Read the CF attributes of a decoded variable."""
        standard_name = str(array.attrs.get("standard_name", ""))
        title = str(array.attrs.get("long_name") or standard_name or array.name)
        return cls(
            name=str(array.name),
            dimensions=tuple(map(str, array.dims)),
            unit=str(array.attrs.get("units", "")),
            title=title.replace("_", " ").strip(),
            standard_name=standard_name,
            levels=levels,
        )


@dataclass(frozen=True)
class _Packing:
    """How stored numbers become values (CF 1.12, section 8.1)."""

    scale: float
    offset: float
    missing: tuple[float, ...]

    @classmethod
    def from_encoding(cls, encoding: dict[str, Any]) -> Self:
        marks = [encoding[key] for key in ("_FillValue", "missing_value") if encoding.get(key) is not None]
        missing = (
            tuple(float(mark) for mark in np.unique(np.ravel(marks)) if not np.isnan(mark)) if marks else ()
        )
        return cls(float(encoding.get("scale_factor", 1.0)), float(encoding.get("add_offset", 0.0)), missing)

    def unpack(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        if self.scale != 1.0 or self.offset != 0.0:
            unpacked = (stored.astype(np.float64) * self.scale + self.offset).astype(np.float32)
        else:
            unpacked = stored.astype(np.float32)
        for mark in self.missing:
            unpacked[stored == mark] = np.nan
        return unpacked


@dataclass(frozen=True)
class _CellsOfChunk:
    """The cells, of those that were asked for, that lie in one chunk of the grid.

    `order` says which they are, `within` where they lie in the chunk, along each dimension of the grid.
    """

    chunk: dict[str, slice]
    order: NDArray[np.int64]
    within: tuple[NDArray[np.int64], ...]


class Cube:
    """A Zarr group as `writing.write_cube` makes them, opened to be read.

    Attributes
    ----------
    variables : dict of str to Variable
        Its data, by name.
    grid : Grid
        The horizontal grid that all of them share.
    times : TimeAxis or None
        Its time steps.
    identity : int
        Different for every opened cube; a key for caches.
    """

    def __init__(
        self,
        dataset: xr.Dataset,
        arrays: dict[str, AsyncArray[Any]],
        grid: Grid,
        fields: FieldCache | None = None,
    ) -> None:
        self.identity = next(_serial_numbers)
        self.grid = grid
        self.times: TimeAxis | None = time_axis(dataset)
        self.variables = {
            name: Variable.from_array(array, self._levels_of(dataset, array))
            for name, array in data_variables(dataset, grid.dimensions).items()
        }
        self._packing = {name: _Packing.from_encoding(dataset[name].encoding) for name in self.variables}
        self._arrays = arrays
        self._fields = fields or FieldCache(DEFAULT_CACHE_BYTES)

    @classmethod
    async def open(cls, store: Store, fields: FieldCache | None = None) -> Self:
        """Open the cube that is the root of a store.

        Parameters
        ----------
        store : zarr.abc.store.Store
            Any readable Zarr store.
        fields : FieldCache, optional
            Shared with other cubes; by default one of its own.

        Raises
        ------
        NotFoundError
            If the store holds no finished cube (a group with consolidated metadata).
        InvalidInputError
            If its grid or its time cannot be recognised.
        """
        try:
            group = await zarr.api.asynchronous.open_group(
                store, mode="r", zarr_format=3, use_consolidated=True
            )
        except (FileNotFoundError, ValueError) as error:
            raise NotFoundError(f"The store {store} holds no finished cube: {error}") from error
        # xarray knows CF; it reads only metadata and coordinates here. Data are read on this event loop.
        dataset, grid = await asyncio.to_thread(_read_metadata, store)
        arrays = {name: array.with_config(READ_CONFIG) async for name, array in group.arrays()}
        return cls(dataset, arrays, grid, fields)

    @property
    def step_count(self) -> int:
        """Number of time steps; 1 for a cube without time."""
        return len(self.times) if self.times else 1

    @property
    def calendar(self) -> str:
        """CF name of the calendar."""
        return self.times.calendar if self.times else GREGORIAN

    def variable(self, name: str) -> Variable:
        """Return a variable by name.

        Raises
        ------
        InvalidInputError
            Naming those that there are.
        """
        if name not in self.variables:
            raise InvalidInputError(
                f"There is no variable {name!r}.", f"There are: {', '.join(self.variables)}."
            )
        return self.variables[name]

    async def series(
        self, name: str, cell: int, steps: slice | None = None, level: int = 0
    ) -> NDArray[np.float32]:
        """Read a variable at one cell over time.

        Parameters
        ----------
        name : str
            A variable of the cube.
        cell : int
            A cell of the grid (`grid.locate`).
        steps : slice, optional
            Which time steps; all by default.
        level : int
            Index of the level; 0 for a variable without.

        Returns
        -------
        ndarray of float32, shape (steps,)
            In the variable's unit; NaN where missing. What does not vary in time is repeated.
        """
        found = await self.read(name, np.array([cell]), steps, slice(level, level + 1))
        return found[:, 0, 0]

    async def read(
        self, name: str, cells: Cells, steps: slice | None = None, levels: slice | None = None
    ) -> NDArray[np.float32]:
        """Read a variable at cells, over time and levels.

        Each chunk that holds one of them is read once; whoever asks for more than memory should hold asks for
        one block of steps after the other.

        Parameters
        ----------
        name : str
            A variable of the cube.
        cells : ndarray of int64, shape (n,)
            Cells of the grid (`grid.locate`), in any order.
        steps, levels : slice, optional
            Which time steps and levels; all by default. A variable without levels has one.

        Returns
        -------
        ndarray of float32, shape (steps, levels, n)
            In the variable's unit; NaN where missing. What does not vary in time is repeated.
        """
        variable = self.variable(name)
        steps = steps or slice(0, self.step_count)
        levels = levels or slice(0, variable.level_count)
        found = np.empty((steps.stop - steps.start, levels.stop - levels.start, len(cells)), np.float32)
        room = asyncio.Semaphore(BLOCKS_AT_ONCE)

        async def fill(part: _CellsOfChunk, block: slice) -> None:
            async with room:
                selection = self._selection(name, part.chunk, block, levels)
                values = self._in_order(name, await self._read_through_chunks(name, selection))
            within = slice(block.start - steps.start, block.stop - steps.start)
            chosen: tuple[Any, ...] = (slice(None), slice(None), *part.within)
            found[within][:, :, part.order] = values[chosen]

        blocks = self._time_blocks(name, steps)
        await asyncio.gather(*(fill(part, block) for part in self._by_chunk(name, cells) for block in blocks))
        return found

    async def field(self, name: str, step: int, level: int = 0) -> NDArray[np.float32]:
        """Read a variable at one time and level over the whole grid.

        Returns
        -------
        ndarray of float32, of the grid's shape
            In the variable's unit; NaN where missing. Shared with others: it cannot be written to.
        """
        grid = self.grid
        everywhere = {
            dimension: slice(0, length) for dimension, length in zip(grid.dimensions, grid.shape, strict=True)
        }
        selection = self._selection(name, everywhere, slice(step, step + 1), slice(level, level + 1))

        async def read() -> NDArray[np.float32]:
            values = self._in_order(name, await self._read_through_chunks(name, selection))
            return np.array(values[0, 0])

        return await self._fields.get((self.identity, name, step, level), read)

    def steps_of_chunk(self, name: str) -> int:
        """Return how many time steps a chunk of a variable holds: blocks of so many read nothing twice."""
        variable, time = self.variable(name), self.times.dimension if self.times else None
        if time not in variable.dimensions:
            return 1
        return int(self._arrays[name].chunks[variable.dimensions.index(time)])

    def bytes_of_chunks(self, name: str, cells: Cells, steps: slice, levels: slice) -> int:
        """Return the size, decoded, of all chunks that reading a variable at cells takes; see `read`."""
        variable, array = self.variable(name), self._arrays[name]
        selection = self._selection(name, dict.fromkeys(self.grid.dimensions, slice(0, 1)), steps, levels)
        count = len(np.unique(self._chunk_numbers(name, cells)))
        for dimension, part, length in zip(variable.dimensions, selection, array.chunks, strict=True):
            if dimension not in self.grid.dimensions:
                count *= math.ceil(part.stop / length) - part.start // length
        return int(count * math.prod(array.chunks) * array.dtype.itemsize)

    def _chunk_numbers(self, name: str, cells: Cells) -> NDArray[np.int64]:
        """Return the number of the chunk of the grid that holds each cell."""
        variable, array, grid = self.variable(name), self._arrays[name], self.grid
        chunks = [array.chunks[variable.dimensions.index(dimension)] for dimension in grid.dimensions]
        places = np.unravel_index(cells, grid.shape)
        counts = [math.ceil(length / chunk) for length, chunk in zip(grid.shape, chunks, strict=True)]
        corners = tuple(place // chunk for place, chunk in zip(places, chunks, strict=True))
        return np.ravel_multi_index(corners, counts)

    def _levels_of(self, dataset: xr.Dataset, array: xr.DataArray) -> LevelAxis | None:
        others = set(map(str, array.dims)) - set(self.grid.dimensions)
        axes = (level_axis(dataset, dimension) for dimension in sorted(others))
        return next((axis for axis in axes if axis is not None), None)

    def _selection(
        self, name: str, place: Mapping[str, slice], steps: slice, levels: slice
    ) -> tuple[slice, ...]:
        """Return what to read of an array, in the order of its dimensions."""
        variable = self.variable(name)
        selection: list[slice] = []
        for dimension, length in zip(variable.dimensions, self._arrays[name].shape, strict=True):
            if self.times and dimension == self.times.dimension:
                selection.append(steps)
            elif dimension in place:
                selection.append(place[dimension])
            elif variable.levels and dimension == variable.levels.dimension:
                selection.append(levels)
            elif length == 1:
                selection.append(slice(0, 1))
            else:
                raise InvalidInputError(
                    f"The variable {name!r} has the dimension {dimension!r} of {length} entries.",
                    "Only variables of time, level, latitude and longitude can be read here; "
                    "open the Zarr group itself for the others.",
                )
        return tuple(selection)

    def _in_order(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values of an array as (steps, levels, *grid), with a length of 1 for what it has not."""
        variable = self.variables[name]
        time = self.times.dimension if self.times else None
        level = variable.levels.dimension if variable.levels else None
        wanted = [dimension for dimension in (time, level, *self.grid.dimensions) if dimension]
        kept = [dimension for dimension in wanted if dimension in variable.dimensions]
        others = [dimension for dimension in variable.dimensions if dimension not in kept]
        order = [variable.dimensions.index(dimension) for dimension in (*others, *kept)]
        first: tuple[int, ...] = (0,) * len(others)
        ordered: NDArray[np.float32] = np.transpose(values, order)[first]
        missing = tuple(
            axis for axis, dimension in enumerate((time, level)) if dimension not in variable.dimensions
        )
        return np.expand_dims(ordered, missing)

    def _by_chunk(self, name: str, cells: Cells) -> "list[_CellsOfChunk]":
        """Sort cells by the chunk that holds them."""
        variable, array, grid = self.variable(name), self._arrays[name], self.grid
        chunks = [array.chunks[variable.dimensions.index(dimension)] for dimension in grid.dimensions]
        places = np.stack(np.unravel_index(cells, grid.shape))
        numbers, which, counts = np.unique(
            self._chunk_numbers(name, cells), return_inverse=True, return_counts=True
        )
        order = np.argsort(which, kind="stable")
        parts = []
        for members in np.split(order, np.cumsum(counts)[:-1]) if len(numbers) else []:
            starts = places[:, members[0]] // chunks * chunks
            stops = np.minimum(starts + chunks, grid.shape)
            chunk = dict(zip(grid.dimensions, map(slice, starts.tolist(), stops.tolist()), strict=True))
            parts.append(_CellsOfChunk(chunk, members, tuple(places[:, members] - starts[:, None])))
        return parts

    def _time_blocks(self, name: str, steps: slice) -> list[slice]:
        """Cut time where chunks end, so that a block of one chunk of cells and all its steps can be kept."""
        array, time = self._arrays[name], self.times.dimension if self.times else None
        if time not in self.variables[name].dimensions:
            return [steps]
        length = array.chunks[self.variables[name].dimensions.index(time)]
        most = max(1, MOST_KEPT_VALUES // math.prod(array.chunks)) * length
        starts = range(steps.start // most * most, steps.stop, most)
        return [slice(max(start, steps.start), min(start + most, steps.stop)) for start in starts]

    async def _read(self, name: str, selection: tuple[slice, ...]) -> NDArray[np.float32]:
        try:
            stored = await self._arrays[name].getitem(selection)
        except Exception as error:  # stores and codecs share no class of errors
            raise UnavailableError(f"The variable {name!r} cannot be read now: {error}") from error
        return self._packing[name].unpack(np.asarray(stored))

    async def _read_through_chunks(self, name: str, selection: tuple[slice, ...]) -> NDArray[np.float32]:
        """Read and keep all chunks that a selection touches: neighbours in space or time are then free.

        Zarr has to fetch and decode whole chunks in any case.
        """
        array = self._arrays[name]
        chunks = tuple(map(_touched, selection, array.chunks, array.shape))
        if math.prod(part.stop - part.start for part in chunks) > MOST_KEPT_VALUES:
            return await self._read(name, selection)
        kept = await self._fields.get((self.identity, name, chunks), lambda: self._read(name, chunks))
        return kept[tuple(map(_within, selection, chunks))]


def _touched(part: slice, chunk: int, length: int) -> slice:
    """Return the whole chunks that hold a part of an axis."""
    return slice(part.start // chunk * chunk, min(math.ceil(part.stop / chunk) * chunk, length))


def _within(part: slice, chunks: slice) -> slice:
    """Return the same part of an axis, counted from the first of these chunks."""
    return slice(part.start - chunks.start, part.stop - chunks.start)


def _read_metadata(store: Store) -> tuple[xr.Dataset, Grid]:
    with xr.open_zarr(store, consolidated=True, zarr_format=3, chunks=None) as dataset:
        return dataset, detect_grid(dataset)
