"""Fields on their way into a cube, and the report of what became of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class FieldKey(NamedTuple):
    """What tells a field from all others of a cube.

    Attributes
    ----------
    variable : str
        Name of the variable.
    time : numpy.datetime64
        Valid time in UTC, to the second.
    level : float or None
        Value of the level coordinate; None for a variable without levels.
    """

    variable: str
    time: np.datetime64
    level: float | None


@dataclass(frozen=True, eq=False)
class Field:
    """The values of a variable at one time and level.

    Attributes
    ----------
    variable, time, level
        Its key, see `FieldKey`.
    values : ndarray of float32 or float64
        In the grid's shape or flat; NaN where missing. They are written by other threads after the next field
        was taken: whoever gives them must not write to them again.
    checksum : int, optional
        `field_checksum(values)`, if it is known already.
    """

    variable: str
    time: np.datetime64
    level: float | None
    values: NDArray[np.floating]
    checksum: int | None = None

    @property
    def key(self) -> FieldKey:
        """Its key, with the time in seconds."""
        return FieldKey(self.variable, self.time.astype("datetime64[s]"), self.level)


class SetAside(NamedTuple):
    """A field that was not stored, and why."""

    key: FieldKey
    reason: str


@dataclass
class WriteReport:
    """What became of the fields of one call of `write`.

    Attributes
    ----------
    version : str
        The version that holds them; the one that was there if nothing was stored.
    stored : list of FieldKey
        New, or replaced because that was asked for.
    duplicates : list of FieldKey
        There already, with the same values.
    conflicts : list of SetAside
        There already, with other values, which were kept.
    refused : list of SetAside
        Fields that do not fit the cube.
    """

    version: str = ""
    stored: list[FieldKey] = field(default_factory=list)
    duplicates: list[FieldKey] = field(default_factory=list)
    conflicts: list[SetAside] = field(default_factory=list)
    refused: list[SetAside] = field(default_factory=list)


@dataclass(frozen=True)
class Version:
    """One state of a cube that can be opened again.

    Attributes
    ----------
    id : str
        Icechunk's id of the snapshot.
    when : datetime
        When it was committed, UTC.
    message : str
        What was done.
    metadata : dict
        As given to `write`.
    steps : int
        Number of time steps.
    """

    id: str
    when: datetime
    message: str
    metadata: dict[str, Any]
    steps: int
