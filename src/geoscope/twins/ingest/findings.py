"""What the files hold, kept small: a million fields take some 60 MB, whatever they are called."""

import hashlib
import json
from array import array
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoscope.twins.ingest.answers import Answer, FieldFound, GridFound, Kind, SetAside, Source

MOST_SET_ASIDE = 10_000

type Grid = dict[str, Any]


class Aside(NamedTuple):
    """Something that was not stored: where it is, and why."""

    file: str
    offset: int
    length: int
    reason: str


@dataclass(frozen=True)
class KindOfField:
    """What fields have in common (see `answers.Kind`), with the description of their grid."""

    mars: tuple[tuple[str, str], ...]
    variable: tuple[tuple[str, str], ...]
    level_type: str
    grid: str
    dtype: str
    part: str


@dataclass
class Findings:
    """The fields of all sources, column by column, in the order in which they were found.

    Attributes
    ----------
    sources, kinds : list
        What the columns of these names count.
    grids : dict
        Descriptions by a text that is the same for the same grid.
    set_aside : list of Aside
        What cannot be used; `count_aside` counts also those that are too many to name.
    """

    sources: list[Source] = field(default_factory=list)
    kinds: list[KindOfField] = field(default_factory=list)
    grids: dict[str, Grid] = field(default_factory=dict)
    set_aside: list[Aside] = field(default_factory=list)
    count_aside: int = 0
    _numbers: dict[KindOfField, int] = field(default_factory=dict)
    _columns: dict[str, "array[Any]"] = field(
        default_factory=lambda: {
            name: array(code)
            for name, code in {
                "source": "l",
                "offset": "q",
                "length": "q",
                "part": "l",
                "kind": "l",
                "time": "q",
                "level": "d",
                "base": "q",
            }.items()
        }
    )

    def __len__(self) -> int:
        return len(self._columns["offset"])

    def add_source(self, source: Source) -> "SourceFindings":
        """Take in another source; answers about it go to what is returned."""
        self.sources.append(source)
        return SourceFindings(self, len(self.sources) - 1)

    def aside(self, where: Aside) -> None:
        """Note what cannot be used."""
        self.count_aside += 1
        if len(self.set_aside) < MOST_SET_ASIDE:
            self.set_aside.append(where)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns as arrays; a level that is none is NaN."""
        return {name: np.array(column) for name, column in self._columns.items()}

    def number_of(self, kind: KindOfField) -> int:
        """Return the number of a kind, a new one if it was not met yet."""
        if kind not in self._numbers:
            self._numbers[kind] = len(self.kinds)
            self.kinds.append(kind)
        return self._numbers[kind]

    def append(self, source: int, kind: int, found: FieldFound) -> None:
        """Add a field."""
        row = (
            source,
            found.offset,
            found.length,
            found.part,
            kind,
            found.time,
            float("nan") if found.level is None else found.level,
            found.base,
        )
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)


class SourceFindings:
    """Takes the answers about one source."""

    def __init__(self, findings: Findings, number: int) -> None:
        self._findings, self._number = findings, number
        self._kinds: dict[int, int] = {}
        self._grids: dict[str, str] = {}

    def take(self, answer: Answer) -> None:
        """Take one answer of an index."""
        match answer:
            case GridFound(id, description):
                key = grid_key(description)
                self._findings.grids.setdefault(key, description)
                self._grids[id] = key
            case Kind(number):
                self._kinds[number] = self._findings.number_of(
                    KindOfField(
                        mars=tuple(sorted(answer.mars.items())),
                        variable=tuple(sorted(answer.variable.items())),
                        level_type=answer.level_type,
                        grid=self._grids[answer.grid],
                        dtype=answer.dtype,
                        part=answer.part,
                    )
                )
            case FieldFound(kind=kind):
                self._findings.append(self._number, self._kinds[kind], answer)
            case SetAside(offset, length, reason):
                name = self._findings.sources[self._number].name
                self._findings.aside(Aside(name, offset, length, reason))
            case _:
                pass


def grid_key(description: Grid) -> str:
    """Return a text that is the same for descriptions of the same grid."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
