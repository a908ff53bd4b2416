"""Levels as the parameter `z` names them."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.levels import LevelAxis
from geoscope.errors import InvalidInputError, NotFoundError

MOST_LEVELS = 2000
EXPECTED = "Expected a level (850), some (1000,850), a range (500/1000), or repeats (R3/500/250)."

# Each digit belongs to one part alone, or a long number that is none would be searched in quadratic time.
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})/({_NUMBER})")
_REPEATS = re.compile(rf"[Rr](\d{{1,6}})/({_NUMBER})/({_NUMBER})")
_LIST = re.compile(rf"{_NUMBER}(,{_NUMBER})*")


@dataclass(frozen=True)
class WantedLevels:
    """Levels that somebody asks for, in the unit of the data.

    Attributes
    ----------
    text : str
        As it was written.
    values : tuple of float
        One by one; empty for a range.
    lowest, highest : float
        Of a range.
    """

    text: str
    values: tuple[float, ...] = ()
    lowest: float = -np.inf
    highest: float = np.inf

    @classmethod
    def parse(cls, text: str | None) -> "WantedLevels | None":
        """Read `z`; None for None.

        Raises
        ------
        InvalidInputError
            If it is not written as the standard has it.
        """
        if text is None:
            return None
        compact = text.replace(" ", "")
        if match := _RANGE.fullmatch(compact):
            low, high = sorted((float(match[1]), float(match[2])))
            return cls(text, lowest=low, highest=high)
        if match := _REPEATS.fullmatch(compact):
            count, first, step = int(match[1]), float(match[2]), float(match[3])
            if 0 < count <= MOST_LEVELS:
                return cls(text, tuple(first + step * number for number in range(count)))
        elif _LIST.fullmatch(compact) and compact.count(",") < MOST_LEVELS:
            return cls(text, tuple(map(float, compact.split(","))))
        raise InvalidInputError(f"z={text[:80]!r} cannot be read.", EXPECTED)

    def select(self, axis: LevelAxis) -> NDArray[np.int64]:
        """Return the indices of the levels, rising.

        Raises
        ------
        NotFoundError
            If one of them, or none of a range or of repeats, is there; saying which are.
        """
        levels = axis.values
        if not self.values:
            found = np.flatnonzero((levels >= self.lowest) & (levels <= self.highest))
        else:
            near = np.isclose(levels[:, None], np.array(self.values), rtol=1e-5, atol=1e-6)
            missing = ~near.any(axis=0)
            if missing.any() and not (self.text.lstrip()[:1] in "Rr" and near.any()):
                raise _no_such_level(f"{self.values[int(np.argmax(missing))]:g}", axis)
            found = np.flatnonzero(near.any(axis=1))
        if not len(found):
            raise _no_such_level(self.text, axis)
        return found


def nearest_levels(axis: LevelAxis, heights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the index of the level nearest to each height, in the unit of the data."""
    return np.abs(axis.values[None, :] - heights[:, None]).argmin(axis=1)


def _no_such_level(what: str, axis: LevelAxis) -> NotFoundError:
    shown = ", ".join(f"{value:g}" for value in axis.values[:50])
    more = " ..." if len(axis) > 50 else ""
    unit = f" in {axis.unit}" if axis.unit else ""
    return NotFoundError(f"There is no level at z={what[:80]}.", f"There are{unit}: {shown}{more}.")
