"""A question put to a cube: which cells, steps and levels of which variables, and reading them in blocks."""

import asyncio
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.cube import Cube, Variable
from geoscope.cubes.grid import Cells
from geoscope.cubes.levels import LevelAxis
from geoscope.cubes.times import TimeAxis
from geoscope.cuts.aggregating import Aggregation
from geoscope.cuts.levels import nearest_levels
from geoscope.cuts.queries import Question
from geoscope.cuts.regions import Selection
from geoscope.cuts.selections import SELECTIONS
from geoscope.errors import InvalidInputError, NotFoundError

# Values that are held at once for an answer: 16 MiB of them.
BLOCK_VALUES = 4 * 1024**2
# Whatever size of chunks: a block is no more than this, so that an answer begins soon and can be cancelled.
BLOCK_STEPS = 4096
_READS_AT_ONCE = 8


@dataclass(frozen=True)
class Cut:
    """What is cut out of one cube: variables with the same levels, in the same cells and steps.

    Attributes
    ----------
    instance : str
        Id of the item that the cube belongs to.
    axis : LevelAxis or None
        The levels of the variables; None if they have none.
    levels : ndarray of int64
        Indices of the levels; one zero for variables without, and for those whose cells have their own.
    steps : slice
        The time steps; of a path with times, those that its cells have.
    own_levels, own_steps : ndarray of int64, shape (cells,), or None
        The level and the step of each cell, if the region names them.
    aggregation : Aggregation or None
        How the cells of the region become one value; then `selection` is the place that stands for them.
    """

    instance: str
    cube: Cube
    variables: tuple[Variable, ...]
    selection: Selection
    axis: LevelAxis | None
    levels: NDArray[np.int64]
    steps: slice
    own_levels: NDArray[np.int64] | None = None
    own_steps: NDArray[np.int64] | None = None
    aggregation: Aggregation | None = None

    @property
    def step_count(self) -> int:
        """Number of steps along which values run: one if each cell has its own."""
        return 1 if self.own_steps is not None else self.steps.stop - self.steps.start

    @property
    def shape(self) -> tuple[int, int, int]:
        """Steps, levels and cells of each variable."""
        return self.step_count, len(self.levels), len(self.selection.cells)

    @property
    def value_count(self) -> int:
        """Number of values of all variables together."""
        return int(np.prod(self.shape, dtype=np.int64)) * len(self.variables)

    @property
    def cells(self) -> Cells:
        """The cells that are read: those that are selected, or those that become one value."""
        return self.selection.cells if self.aggregation is None else self.aggregation.cells

    @property
    def read_count(self) -> int:
        """Number of values that are read for those of the answer."""
        return self.value_count // len(self.selection.cells) * len(self.cells)

    @property
    def calendar(self) -> str:
        """CF name of the calendar."""
        return self.cube.calendar

    @property
    def values_of_step(self) -> int:
        """Number of values that are read of each variable for one step."""
        return len(self.levels) * len(self.cells)

    @property
    def times(self) -> tuple[str, ...]:
        """ISO 8601 times of the steps; of the cells, if each has its own; empty for a cube without time."""
        if self.cube.times is None:
            return ()
        if self.own_steps is not None:
            return tuple(self.cube.times.labels[step] for step in self.own_steps.tolist())
        return self.cube.times.labels[self.steps]

    @property
    def heights(self) -> NDArray[np.float64] | None:
        """Values of the levels; of the cells, if each has its own; None without levels."""
        if self.axis is None:
            return None
        return self.axis.values[self.levels if self.own_levels is None else self.own_levels]

    @cached_property
    def bytes_to_read(self) -> int:
        """Size, decoded, of the chunks that have to be read."""
        inside = np.unique(self.cells[self.cells >= 0])
        levels = self._level_runs(np.unique(self._all_levels))
        return sum(
            self.cube.bytes_of_chunks(variable.name, inside, self.steps, run)
            for variable in self.variables
            for run in levels
        )

    def cell_methods(self, variable: Variable) -> str:
        """Return how values represent their cells, in CF's words: the data's own, then what is made here."""
        own = "" if self.aggregation is None else self.aggregation.cell_method
        return f"{variable.cell_methods} {own}".strip()

    def blocks(self, variables_at_once: int = 1) -> list[slice]:
        """Cut the steps so that a block fits in memory, at the ends of chunks where that is possible."""
        if self.own_steps is not None:
            return [slice(0, 1)]
        most = max(1, min(BLOCK_STEPS, BLOCK_VALUES // max(1, self.values_of_step * variables_at_once)))
        chunk = max(self.cube.steps_of_chunk(variable.name) for variable in self.variables)
        length = most // chunk * chunk or most
        first, last = self.steps.start, self.steps.stop
        starts = range(first // length * length, last, length)
        return [slice(max(start, first), min(start + length, last)) for start in starts]

    async def read(self, variable: Variable, block: slice) -> NDArray[np.float32]:
        """Read one block of a variable.

        Returns
        -------
        ndarray of float32, shape (steps, levels, cells)
            NaN where missing, and outside the grid.
        """
        if self.aggregation is not None:
            return await self._read_aggregated(variable, block, self.aggregation)
        cells = self.selection.cells
        if (cells < 0).any():
            inside = np.flatnonzero(cells >= 0)
            values = np.full((block.stop - block.start, len(self.levels), len(cells)), np.nan, np.float32)
            values[:, :, inside] = await self._read_levels(variable, cells[inside], block)
            return values
        if self.own_steps is None and self.own_levels is None:
            return await self._read_levels(variable, cells, block)
        return await self._read_own(variable, block)

    async def _read_aggregated(
        self, variable: Variable, block: slice, aggregation: Aggregation
    ) -> NDArray[np.float32]:
        """Read all cells and make them one value, no more of them at once than fit in memory."""
        found = []
        length = max(1, BLOCK_VALUES // self.values_of_step)
        for start in range(block.start, block.stop, length):
            part = slice(start, min(start + length, block.stop))
            values = await self._read_levels(variable, aggregation.cells, part)
            found.append(await asyncio.to_thread(aggregation.apply, values))
        return np.concatenate(found)

    async def _read_levels(
        self, variable: Variable, cells: NDArray[np.int64], block: slice
    ) -> NDArray[np.float32]:
        runs = self._level_runs(self.levels)
        parts = [await self.cube.read(variable.name, cells, block, run) for run in runs]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    async def _read_own(self, variable: Variable, block: slice) -> NDArray[np.float32]:
        """Read cells that have their own step or level: those that share them together."""
        cells = self.selection.cells
        steps = np.zeros(len(cells), np.int64) if self.own_steps is None else self.own_steps
        levels = np.zeros(len(cells), np.int64) if self.own_levels is None else self.own_levels
        values = np.empty((block.stop - block.start, len(self.levels), len(cells)), np.float32)
        groups, which = np.unique(np.stack([steps, levels]), axis=1, return_inverse=True)
        room = asyncio.Semaphore(_READS_AT_ONCE)

        async def fill(group: int) -> None:
            step, level = (int(number) for number in groups[:, group])
            members = np.flatnonzero(which == group)
            when = block if self.own_steps is None else slice(step, step + 1)
            runs = self._level_runs(self.levels if self.own_levels is None else np.array([level]))
            async with room:
                parts = [await self.cube.read(variable.name, cells[members], when, run) for run in runs]
            values[:, :, members] = np.concatenate(parts, axis=1)

        await asyncio.gather(*map(fill, range(groups.shape[1])))
        return values

    @property
    def _all_levels(self) -> NDArray[np.int64]:
        return self.levels if self.own_levels is None else self.own_levels

    @staticmethod
    def _level_runs(levels: NDArray[np.int64]) -> list[slice]:
        """Return levels as slices of neighbours."""
        starts = np.flatnonzero(np.diff(levels, prepend=levels[0] - 2) != 1)
        return [slice(int(run[0]), int(run[-1]) + 1) for run in np.split(levels, starts[1:])]


def plan_cuts(instance: str, cube: Cube, question: Question) -> list[Cut]:
    """Find out what has to be read of a cube for a question: a cut for each set of levels.

    Raises
    ------
    InvalidInputError
        If there is no such variable, the datetime cannot be read, or the cells cannot be aggregated so.
    NotFoundError
        If the cube has no cell, step or level there; saying what it has.
    """
    variables = _choose_variables(cube, question)
    selection, aggregation = SELECTIONS.select(cube.grid, question.region), None
    if question.aggregate is not None:
        aggregation = SELECTIONS.aggregate(cube.grid, question.region, question.aggregate)
        selection = aggregation.place
    steps, own_steps = _choose_steps(cube, selection, question)
    cuts = []
    for axis, members in _by_levels(variables):
        _require_unit(axis, question.height_unit)
        own_levels = None
        if axis is not None and selection.heights is not None:
            own_levels = nearest_levels(axis, selection.heights)
        cuts.append(
            Cut(
                instance,
                cube,
                tuple(members),
                selection,
                axis,
                _choose_levels(axis, question, is_own=own_levels is not None),
                steps,
                own_levels,
                own_steps,
                aggregation,
            )
        )
    return cuts


def _choose_variables(cube: Cube, question: Question) -> list[Variable]:
    names = question.names
    unknown = [name for name in names if name not in cube.variables]
    if unknown:
        raise InvalidInputError(
            f"There is no parameter {', '.join(repr(name[:80]) for name in unknown[:5])}.",
            f"There are: {', '.join(cube.variables)}.",
        )
    if names:
        return [cube.variables[name] for name in names]
    found = list(cube.variables.values())
    if question.levels is None:
        return found
    # Who asks for levels, and names nothing, wants what has levels.
    with_levels = [variable for variable in found if variable.levels is not None]
    if not with_levels:
        raise NotFoundError("The data have no levels.", "Leave out z.")
    return with_levels


def _choose_levels(axis: LevelAxis | None, question: Question, *, is_own: bool) -> NDArray[np.int64]:
    if axis is None or is_own:
        return np.zeros(1, np.int64)
    return question.levels.select(axis) if question.levels else np.arange(len(axis))


def _require_unit(axis: LevelAxis | None, unit: str | None) -> None:
    """Refuse heights in another unit than the data's: nothing is converted."""
    if axis is not None and axis.unit and unit is not None and unit.strip() != axis.unit:
        raise InvalidInputError(
            f"height-units={unit[:40]!r} is not the unit of the levels.", f"Expected {axis.unit}."
        )


def _choose_steps(
    cube: Cube, selection: Selection, question: Question
) -> tuple[slice, NDArray[np.int64] | None]:
    if cube.times is None:
        return slice(0, 1), None
    if question.seconds is not None:
        return _steps_within(cube.times, *question.seconds), None
    if selection.times is None:
        return cube.times.select(question.datetime), None
    own = _nearest_steps(cube.times, selection.times * 1e6)
    return slice(int(own.min()), int(own.max()) + 1), own


def _steps_within(axis: TimeAxis, first: float, last: float) -> slice:
    """Return the steps from one time to another, in seconds since 1970."""
    found = np.flatnonzero((axis.instants >= first * 1e6) & (axis.instants <= last * 1e6))
    if not len(found):
        raise _no_such_time(axis)
    return slice(int(found[0]), int(found[-1]) + 1)


def _nearest_steps(axis: TimeAxis, wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the step nearest to each time, in microseconds since 1970; a time far from all is refused."""
    numbers = axis.instants
    after = np.clip(np.searchsorted(numbers, wanted), 0, len(numbers) - 1)
    before = np.maximum(after - 1, 0)
    own = np.where(wanted - numbers[before] <= numbers[after] - wanted, before, after)
    reach = float(np.diff(numbers).max()) if len(numbers) > 1 else 86_400e6
    if (np.abs(numbers[own] - wanted) > reach).any():
        raise _no_such_time(axis)
    return own


def _no_such_time(axis: TimeAxis) -> NotFoundError:
    return NotFoundError(
        "The path's times (M, seconds since 1970) are outside of the data.",
        f"The steps run from {axis.labels[0]} to {axis.labels[-1]}.",
    )


def _by_levels(variables: list[Variable]) -> list[tuple[LevelAxis | None, list[Variable]]]:
    """Put variables with the same vertical axis together, in the order in which they come."""
    groups: dict[str | None, tuple[LevelAxis | None, list[Variable]]] = {}
    for variable in variables:
        key = variable.levels.dimension if variable.levels else None
        groups.setdefault(key, (variable.levels, []))[1].append(variable)
    return list(groups.values())
