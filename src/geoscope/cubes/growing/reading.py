"""Reading a variable of a growing cube from the layout that is quicker for what is asked."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from zarr.core.array import AsyncArray
from zarr.core.group import AsyncGroup

from geoscope.cubes.grid import Cells
from geoscope.cubes.growing.names import GROWING, LATE, LATE_COUNT, LAYOUT, LEVELS, SERIES
from geoscope.cubes.reading import Amount, ArrayReader, Values

# A request costs about as much as to decode so many bytes.
REQUEST_BYTES = 1024**2


class _Part(NamedTuple):
    """What is read from one of the layouts."""

    reader: ArrayReader
    steps: slice
    levels: slice


class GrowingReader:
    """Reads a variable from maps, or as far as they go from series.

    Parameters
    ----------
    maps, series : ArrayReader
        The same values in two layouts.
    settled : int
        For how many steps there are series.
    late : ndarray of bool, shape (settled, levels or 1), or None
        Fields of these steps that the series have not.
    """

    def __init__(
        self, maps: ArrayReader, series: ArrayReader, settled: int, late: NDArray[np.bool_] | None
    ) -> None:
        self._maps, self._series, self._settled, self._late = maps, series, settled, late

    @property
    def chunk_steps(self) -> int:
        """Steps of a chunk of the series."""
        return self._series.chunk_steps

    async def field(self, step: int, level: int) -> Values:
        """Read the map."""
        return await self._maps.field(step, level)

    async def read(self, cells: Cells, steps: slice, levels: slice) -> Values:
        """Read cells from the layout that takes less."""
        parts, _ = self._choose(cells, steps, levels)
        read = await asyncio.gather(*(part.reader.read(cells, part.steps, part.levels) for part in parts))
        if len(parts) == 1:
            return read[0]
        found = np.empty((steps.stop - steps.start, levels.stop - levels.start, len(cells)), np.float32)
        # Late fields come last: they replace what the series have.
        for part, values in zip(parts, read, strict=True):
            found[_within(part.steps, steps), _within(part.levels, levels)] = values
        return found

    def amount(self, cells: Cells, steps: slice, levels: slice) -> Amount:
        """Tell what `read` takes."""
        return self._choose(cells, steps, levels)[1]

    def _choose(self, cells: Cells, steps: slice, levels: slice) -> tuple[list[_Part], Amount]:
        """Return the parts of the way that takes less, and what they take."""
        ways = [[_Part(self._maps, steps, levels)]]
        if steps.start < self._settled:
            ways.append(self._by_series(steps, levels))
        amounts = [_amount(parts, cells) for parts in ways]
        best = min(range(len(ways)), key=lambda way: amounts[way].bytes + amounts[way].chunks * REQUEST_BYTES)
        return ways[best], amounts[best]

    def _by_series(self, steps: slice, levels: slice) -> list[_Part]:
        """Return what is read to get all there is from the series, and the rest from the maps."""
        settled = min(steps.stop, self._settled)
        parts = [_Part(self._series, slice(steps.start, settled), levels)]
        if settled < steps.stop:
            parts.append(_Part(self._maps, slice(settled, steps.stop), levels))
        if self._late is not None:
            for step, level in np.argwhere(self._late[steps.start : settled, levels]).tolist():
                own = steps.start + step, levels.start + level
                parts.append(_Part(self._maps, *(slice(index, index + 1) for index in own)))
        return parts


def _amount(parts: Iterable[_Part], cells: Cells) -> Amount:
    amounts = [part.reader.amount(cells, part.steps, part.levels) for part in parts]
    return Amount(sum(amount.chunks for amount in amounts), sum(amount.bytes for amount in amounts))


def _within(part: slice, whole: slice) -> slice:
    return slice(part.start - whole.start, part.stop - whole.start)


@dataclass(frozen=True)
class Parts:
    """What a growing cube has beside its maps.

    Attributes
    ----------
    series : dict of str to AsyncArray
        The copy for time series, by variable.
    settled : int
        For how many steps there are series.
    late : dict of str to ndarray of bool
        For variables that have fields of these steps which the series have not, (steps, levels or 1).
    levels : dict of int to AsyncGroup
        Coarser HEALPix levels, the finest first.
    """

    series: dict[str, AsyncArray[Any]]
    settled: int
    late: dict[str, NDArray[np.bool_]]
    levels: dict[int, AsyncGroup]


def is_growing(group: AsyncGroup) -> bool:
    """Tell whether a group is the root of a growing cube."""
    return group.attrs.get(LAYOUT) == GROWING


async def open_parts(root: AsyncGroup) -> Parts:
    """Open what a growing cube has beside its maps."""
    groups = {name: group async for name, group in root.groups()}
    series = {name: array async for name, array in groups[SERIES].arrays()}
    levels = [(int(name), group) async for name, group in groups[LEVELS].groups()] if LEVELS in groups else []
    late: dict[str, NDArray[np.bool_]] = {}
    if LATE in groups:
        async for name, array in groups[LATE].arrays():
            if array.attrs.get(LATE_COUNT):
                marks = np.asarray(await array.getitem(...), np.bool_)
                late[name] = marks[:, None] if marks.ndim == 1 else marks
    levels.sort(key=lambda level: -level[0])
    return Parts(series, int(series["time"].shape[0]), late, dict(levels))
