"""One opened cube: what it holds, and quick reads of a series at a point or a map of a time."""

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
from geoscope.cubes.grid import Grid
from geoscope.cubes.times import GREGORIAN, TimeAxis
from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError

DEFAULT_CACHE_BYTES = 64 * 1024**2

# The chunks that a series or a field was read from are kept if they are no more than this (32 MiB).
MOST_KEPT_VALUES = 8 * 1024**2

# Chunks with no more than this between them are fetched together: it costs about as much as a request.
READ_CONFIG: ArrayConfigParams = {"sharding_coalesce_max_gap_bytes": 256 * 1024}

type Selection = tuple[int | slice, ...]

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
    """

    name: str
    dimensions: tuple[str, ...]
    unit: str
    title: str
    standard_name: str

    @classmethod
    def from_array(cls, array: xr.DataArray) -> Self:
        """Read the CF attributes of a decoded variable."""
        standard_name = str(array.attrs.get("standard_name", ""))
        title = str(array.attrs.get("long_name") or standard_name or array.name)
        return cls(
            name=str(array.name),
            dimensions=tuple(map(str, array.dims)),
            unit=str(array.attrs.get("units", "")),
            title=title.replace("_", " ").strip(),
            standard_name=standard_name,
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
            name: Variable.from_array(array)
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

    async def series(self, name: str, cell: int, steps: slice | None = None) -> NDArray[np.float32]:
        """Read a variable at one cell over time.

        Parameters
        ----------
        name : str
            A variable of the cube.
        cell : int
            A cell of the grid (`grid.locate`).
        steps : slice, optional
            Which time steps; all by default.

        Returns
        -------
        ndarray of float32, shape (steps,)
            In the variable's unit; NaN where missing. What does not vary in time is repeated.
        """
        steps = steps or slice(0, self.step_count)
        place = map(int, np.unravel_index(cell, self.grid.shape))
        selection = self._selection(name, dict(zip(self.grid.dimensions, place, strict=True)), steps)
        values = np.ascontiguousarray(await self._read_through_chunks(name, selection))
        count = steps.stop - steps.start
        return values if len(values) == count else np.repeat(values, count)

    async def field(self, name: str, step: int) -> NDArray[np.float32]:
        """Read a variable at one time over the whole grid.

        Returns
        -------
        ndarray of float32, of the grid's shape
            In the variable's unit; NaN where missing. Shared with others: it cannot be written to.
        """
        grid = self.grid
        everywhere = {
            dimension: slice(0, length) for dimension, length in zip(grid.dimensions, grid.shape, strict=True)
        }
        selection = self._selection(name, everywhere, step)
        kept = [dimension for dimension in self.variables[name].dimensions if dimension in everywhere]
        order = [kept.index(dimension) for dimension in grid.dimensions]

        async def read() -> NDArray[np.float32]:
            values = await self._read_through_chunks(name, selection)
            return np.transpose(values, order).copy()

        return await self._fields.get((self.identity, name, step), read)

    def _selection(self, name: str, place: Mapping[str, int | slice], time: int | slice) -> Selection:
        """Return what to read of an array, in the order of its dimensions."""
        variable = self.variable(name)
        selection: list[int | slice] = []
        for dimension, length in zip(variable.dimensions, self._arrays[name].shape, strict=True):
            if self.times and dimension == self.times.dimension:
                selection.append(time)
            elif dimension in place:
                selection.append(place[dimension])
            elif length == 1:
                selection.append(0)
            else:
                raise InvalidInputError(
                    f"The variable {name!r} has the dimension {dimension!r} of {length} levels.",
                    "Only variables of time, latitude and longitude can be read here so far; "
                    "open the Zarr group itself for the others.",
                )
        return tuple(selection)

    async def _read(self, name: str, selection: Selection) -> NDArray[np.float32]:
        try:
            stored = await self._arrays[name].getitem(selection)
        except Exception as error:  # stores and codecs share no class of errors
            raise UnavailableError(f"The variable {name!r} cannot be read now: {error}") from error
        return self._packing[name].unpack(np.asarray(stored))

    async def _read_through_chunks(self, name: str, selection: Selection) -> NDArray[np.float32]:
        """Read and keep all chunks that a selection touches: neighbours in space or time are then free.

        Zarr has to fetch and decode whole chunks in any case.
        """
        array = self._arrays[name]
        chunks = tuple(map(_touched, selection, array.chunks, array.shape))
        if math.prod(part.stop - part.start for part in chunks) > MOST_KEPT_VALUES:
            return await self._read(name, selection)
        kept = await self._fields.get((self.identity, name, chunks), lambda: self._read(name, chunks))
        return kept[tuple(map(_within, selection, chunks))]


def _touched(part: int | slice, chunk: int, length: int) -> slice:
    """Return the whole chunks that hold a part of an axis."""
    start, stop = (part.start, part.stop) if isinstance(part, slice) else (part, part + 1)
    return slice(start // chunk * chunk, min(math.ceil(stop / chunk) * chunk, length))


def _within(part: int | slice, chunks: slice) -> int | slice:
    """Return the same part of an axis, counted from the first of these chunks."""
    if isinstance(part, slice):
        return slice(part.start - chunks.start, part.stop - chunks.start)
    return int(part - chunks.start)


def _read_metadata(store: Store) -> tuple[xr.Dataset, Grid]:
    with xr.open_zarr(store, consolidated=True, zarr_format=3, chunks=None) as dataset:
        return dataset, detect_grid(dataset)
