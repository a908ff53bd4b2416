"""One opened cube: what it holds, and quick reads of a series at a point, a map of a time, or any cells."""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr.api.asynchronous
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.core.array import AsyncArray
from zarr.core.group import AsyncGroup

from geoscope.cubes.cache import FieldCache
from geoscope.cubes.conventions import data_variables, time_axis
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Cells, Grid
from geoscope.cubes.growing.reading import GrowingReader, Parts, is_growing, open_parts
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.levels import LevelAxis, level_axis
from geoscope.cubes.metadata import open_metadata
from geoscope.cubes.reading import ArrayReader, Reader
from geoscope.cubes.times import GREGORIAN, TimeAxis
from geoscope.cubes.variables import Packing, Variable
from geoscope.errors import InvalidInputError, NotFoundError

__all__ = ["Cube", "Variable"]

DEFAULT_CACHE_BYTES = 64 * 1024**2

_serial_numbers = itertools.count()


class Cube:
    """A Zarr group as `writing.write_cube` or a `GrowingCube` makes them, opened to be read.

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
        arrays: Mapping[str, AsyncArray[Any]],
        grid: Grid,
        fields: FieldCache | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.identity = next(_serial_numbers)
        self.grid = grid
        self.times: TimeAxis | None = time_axis(dataset)
        self.variables = {
            name: Variable.from_array(array, self._levels_of(dataset, array))
            for name, array in data_variables(dataset, grid.dimensions).items()
        }
        self._parts = parts
        self._fields = fields or FieldCache(DEFAULT_CACHE_BYTES)
        self._readers: dict[str, Reader] = {
            name: self._reader_of(variable, Packing.from_encoding(dataset[name].encoding), arrays[name])
            for name, variable in self.variables.items()
        }
        self._coarser: dict[int, Cube] = {}
        self._opening = asyncio.Lock()

    @classmethod
    async def open(cls, store: Store, fields: FieldCache | None = None) -> Self:
        """Open the cube that is the root of a store.

        Parameters
        ----------
        store : zarr.abc.store.Store
            Any readable Zarr store; that of an Icechunk session for a cube that grows.
        fields : FieldCache, optional
            Shared with other cubes; by default one of its own.

        Raises
        ------
        NotFoundError
            If the store holds no finished cube: neither a growing one nor consolidated metadata.
        InvalidInputError
            If its grid or its time cannot be recognised.
        """
        try:
            group = await zarr.api.asynchronous.open_group(store, mode="r", zarr_format=3)
        except (FileNotFoundError, ValueError) as error:
            raise NotFoundError(f"The store {store} holds no finished cube: {error}") from error
        if not is_growing(group) and group.metadata.consolidated_metadata is None:
            raise NotFoundError(f"The store {store} holds no finished cube: it has no consolidated metadata.")
        return await cls._of_group(group, fields)

    @classmethod
    async def _of_group(cls, group: AsyncGroup, fields: FieldCache | None) -> Self:
        # xarray knows CF; it reads only metadata and coordinates here. Data are read on this event loop.
        dataset, grid = await asyncio.to_thread(_read_metadata, group)
        arrays = {name: array async for name, array in group.arrays()}
        parts = await open_parts(group) if is_growing(group) else None
        return cls(dataset, arrays, grid, fields, parts)

    @property
    def step_count(self) -> int:
        """Number of time steps; 1 for a cube without time."""
        return len(self.times) if self.times else 1

    @property
    def coarser_levels(self) -> tuple[int, ...]:
        """Coarser HEALPix levels on which the same data are kept, the finest first; see `coarser`."""
        return tuple(self._parts.levels) if self._parts else ()

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
        one block of steps after the other (`chunk_steps`).

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
        steps, levels = self._all_if_none(name, steps, levels)
        return await self._readers[name].read(cells, steps, levels)

    async def field(self, name: str, step: int, level: int = 0) -> NDArray[np.float32]:
        """Read a variable at one time and level over the whole grid.

        Returns
        -------
        ndarray of float32, of the grid's shape
            In the variable's unit; NaN where missing. Shared with others: it cannot be written to.
        """
        self.variable(name)
        return await self._readers[name].field(step, level)

    def steps_of_chunk(self, name: str) -> int:
        """Return how many time steps a chunk of a variable holds: blocks of so many read nothing twice."""
        self.variable(name)
        return self._readers[name].chunk_steps

    def bytes_of_chunks(
        self, name: str, cells: Cells, steps: slice | None = None, levels: slice | None = None
    ) -> int:
        """Return the size, decoded, of all chunks that `read` takes if none of them is kept."""
        steps, levels = self._all_if_none(name, steps, levels)
        return self._readers[name].amount(cells, steps, levels).bytes

    async def coarser(self, level: int) -> "Cube":
        """Open the cube of the same data on a coarser HEALPix level.

        Raises
        ------
        NotFoundError
            If it is none of `coarser_levels`.
        """
        if self._parts is None or level not in self._parts.levels:
            raise NotFoundError(
                f"The cube does not keep the level {level}.",
                f"It keeps: {', '.join(map(str, self.coarser_levels)) or 'none but its own'}.",
            )
        async with self._opening:
            if level not in self._coarser:
                self._coarser[level] = await Cube._of_group(self._parts.levels[level], self._fields)
            return self._coarser[level]

    async def fitting(self, degrees: float) -> "Cube":
        """Return the coarsest cube of the same data whose cells are no larger; itself if there is none."""
        fitting = [level for level in self.coarser_levels if HealpixGrid(level).cell_size <= degrees]
        return await self.coarser(min(fitting)) if fitting else self

    def _all_if_none(self, name: str, steps: slice | None, levels: slice | None) -> tuple[slice, slice]:
        variable = self.variable(name)
        return steps or slice(0, self.step_count), levels or slice(0, variable.level_count)

    def _levels_of(self, dataset: xr.Dataset, array: xr.DataArray) -> LevelAxis | None:
        others = set(map(str, array.dims)) - set(self.grid.dimensions)
        axes = (level_axis(dataset, dimension) for dimension in sorted(others))
        return next((axis for axis in axes if axis is not None), None)

    def _reader_of(self, variable: Variable, packing: Packing, array: AsyncArray[Any]) -> Reader:
        def reader(array: AsyncArray[Any], layout: str) -> ArrayReader:
            time = self.times.dimension if self.times else None
            key = (self.identity, variable.name, layout)
            return ArrayReader(variable, array, self.grid, time, packing, self._fields, key)

        maps = reader(array, "maps")
        if self._parts is None:
            return maps
        series, late = self._parts.series[variable.name], self._parts.late.get(variable.name)
        return GrowingReader(maps, reader(series, "series"), self._parts.settled, late)


def _read_metadata(group: AsyncGroup) -> tuple[xr.Dataset, Grid]:
    dataset = open_metadata(group.store_path.store, group.path)
    return dataset, detect_grid(dataset)
