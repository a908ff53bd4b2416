"""From what the files hold to what is done: which fields go to which repository, in which batches."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError
from geoscope.twins.ingest.described_grids import cells_of, grid_name
from geoscope.twins.ingest.findings import Aside, Findings, Grid, KindOfField
from geoscope.twins.ingest.naming import OF_COLLECTION, OF_ITEM, collection_id, item_id, variable_name
from geoscope.twins.ingest.regridding import Regridder, Regridding

BATCH_BYTES = 512 * 1024**2
BATCH_FIELDS = 4000
MOST_REPOSITORIES = 10_000
# What makes a field one of a forecast: it says a step, and is no analysis.
ANALYSES = ("an", "4v", "3v")

type Mars = dict[str, str]


@dataclass
class PlannedVariable:
    """A variable of a repository.

    Attributes
    ----------
    name : str
        Of its array.
    facts : dict
        What the files say of it.
    has_levels : bool
        Whether it has a dimension of levels.
    dtype : str
        float32, or float64 where the files hold more digits.
    """

    name: str
    facts: dict[str, str]
    has_levels: bool
    dtype: str


@dataclass
class PlannedRepository:
    """One repository, and the fields that go there.

    Attributes
    ----------
    collection, item : str
        Ids in the catalogue.
    mars : dict
        Keys that all of its fields have.
    base : int or None
        When the forecast began, in seconds since 1970.
    grid : dict
        Description of the grid; `cells` of them.
    level_type : str
        Type of its levels; empty without any.
    levels : list of float
        Those that the files have, in rising order.
    variables : dict
        By the number of the kind of field.
    rows : ndarray of int
        Rows of the findings, in order of time, variable and level.
    regridding : Regridding or None
        The way from the files' grid, if that is another.
    """

    collection: str
    item: str
    mars: Mars
    base: int | None
    grid: Grid
    cells: int
    level_type: str = ""
    levels: list[float] = field(default_factory=list)
    variables: dict[int, PlannedVariable] = field(default_factory=dict)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    regridding: Regridding | None = None

    @property
    def id(self) -> str:
        """Collection and item."""
        return f"{self.collection}/{self.item}"

    @property
    def value_bytes(self) -> int:
        """Size of its largest values."""
        return max(np.dtype(each.dtype).itemsize for each in self.variables.values())

    @property
    def field_bytes(self) -> int:
        """Size of a field as it is stored, uncompressed."""
        return self.cells * self.value_bytes

    @property
    def decoded_cells(self) -> int:
        """How many cells the files' grid has."""
        return math.prod(self.regridding.source.shape) if self.regridding else self.cells

    @property
    def decoded_bytes(self) -> int:
        """Size of a field as the files have it."""
        return self.decoded_cells * self.value_bytes

    def on_its_grid(self, variable: PlannedVariable, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return a decoded field on the repository's grid."""
        return values if self.regridding is None else self.regridding.apply(values, variable.facts)


@dataclass(frozen=True)
class Batch:
    """Fields of whole steps that go into a repository by one commit."""

    repository: PlannedRepository
    rows: NDArray[np.int64]


class Plan:
    """What an ingest does.

    Parameters
    ----------
    findings : Findings
        What is there to be stored. What has no place is set aside there.
    keys : mapping
        MARS keys that the files lack, or have wrong.
    collection : str, optional
        Id of the collection, instead of the one made of the keys.
    batch_bytes : int
        About how much one commit stores.
    regridder : Regridder, optional
        Brings fields of all grids to one.
    """

    def __init__(
        self,
        findings: Findings,
        keys: Mapping[str, str],
        collection: str | None = None,
        batch_bytes: int = BATCH_BYTES,
        regridder: Regridder | None = None,
    ) -> None:
        self.findings = findings
        self._batch_bytes, self._regridder = batch_bytes, regridder
        self._keys, self._collection = dict(keys), collection
        self.columns = findings.columns()
        self.repositories = self._repositories()
        self.batches = [batch for each in self.repositories for batch in self._batches(each)]

    @property
    def fields(self) -> int:
        """How many fields there are."""
        return sum(len(each.rows) for each in self.repositories)

    @property
    def decoded_bytes(self) -> int:
        """How many bytes their values take."""
        return sum(len(each.rows) * each.field_bytes for each in self.repositories)

    @property
    def batch_repositories(self) -> list[int]:
        """For each batch the number of its repository."""
        numbers = {each.id: number for number, each in enumerate(self.repositories)}
        return [numbers[batch.repository.id] for batch in self.batches]

    def source_names(self, batch: Batch) -> list[str]:
        """Return which files a batch comes from."""
        numbers = np.unique(self.columns["source"][batch.rows]).tolist()
        return [self.findings.sources[number].name for number in numbers]

    def set_aside(self, rows: NDArray[np.int64], reason: str) -> None:
        """Note that fields are not stored."""
        for row in rows.tolist():
            source = self.findings.sources[int(self.columns["source"][row])]
            offset, length = int(self.columns["offset"][row]), int(self.columns["length"][row])
            self.findings.aside(Aside(source.name, offset, length, reason))

    def to_json(self) -> list[dict[str, Any]]:
        """Return a summary for people: repositories, variables, steps, bytes."""
        return [self._summary(each) for each in self.repositories]

    def _summary(self, repository: PlannedRepository) -> dict[str, Any]:
        times = np.unique(self.columns["time"][repository.rows])
        start, end = (f"{np.datetime64(int(each), 's')}Z" for each in (times[0], times[-1]))
        return {
            "collection": repository.collection,
            "item": repository.item,
            "keys": repository.mars,
            "grid": grid_name(repository.grid),
            "variables": sorted({each.name for each in repository.variables.values()}),
            "levels": repository.levels,
            "steps": len(times),
            "start": start,
            "end": end,
            "fields": len(repository.rows),
            "bytes": len(repository.rows) * repository.field_bytes,
        } | (repository.regridding.provenance if repository.regridding else {})

    @property
    def warnings(self) -> list[str]:
        """What whoever asked should know of the regridding, by sentences."""
        told = [
            warning
            for each in self.repositories
            if each.regridding
            for warning in each.regridding.warnings({v.name: v.facts for v in each.variables.values()})
        ]
        return list(dict.fromkeys(told))

    def _repositories(self) -> list[PlannedRepository]:
        groups: dict[str, PlannedRepository] = {}
        rows_of: dict[str, list[NDArray[np.int64]]] = {}
        for number, base, rows in self._by_kind():
            kind = self.findings.kinds[number]
            try:
                repository = self._place(groups, kind, base)
                self._add_variable(repository, number, kind)
            except InvalidInputError as error:
                self.set_aside(rows, str(error))
                continue
            rows_of.setdefault(repository.id, []).append(rows)
        for repository in groups.values():
            rows = np.concatenate(rows_of[repository.id])
            repository.rows = self._in_order(repository, rows)
            levels = np.unique(self.columns["level"][rows])
            repository.levels = levels[np.isfinite(levels)].tolist()
        return [groups[key] for key in sorted(groups)]

    def _by_kind(self) -> Iterator[tuple[int, int | None, NDArray[np.int64]]]:
        """Yield the rows of each kind of field; those of a forecast apart by when it began."""
        kinds, bases = self.columns["kind"], self.columns["base"]
        order = np.argsort(kinds, kind="stable")
        starts = np.flatnonzero(np.diff(kinds[order], prepend=-1))
        for rows in np.split(order, starts[1:]) if len(order) else []:
            number = int(kinds[rows[0]])
            of_forecast = bases[rows] != 0 if self._is_forecast(number) else np.zeros(len(rows), bool)
            if not of_forecast.all():
                yield number, None, rows[~of_forecast]
            for base in np.unique(bases[rows[of_forecast]]):
                yield number, int(base), rows[of_forecast & (bases[rows] == base)]

    def _is_forecast(self, number: int) -> bool:
        return dict(self.findings.kinds[number].mars).get("type") not in ANALYSES

    def _place(
        self, groups: dict[str, PlannedRepository], kind: KindOfField, base: int | None
    ) -> PlannedRepository:
        """Return the repository of a kind of field, made if it is new."""
        known = dict(kind.mars) | self._keys
        mars = {key: known[key] for key in (*OF_COLLECTION, *OF_ITEM, "centre") if known.get(key)}
        grid = self.findings.grids[kind.grid]
        way = self._regridder.regridding(kind.grid, grid) if self._regridder else None
        if way is not None:
            way.check(dict(kind.variable))
            grid = way.description
            if "resolution" not in self._keys:  # told apart from the same fields on the files' grid
                mars["resolution"] = grid_name(grid)
        name = grid_name(grid)
        repository = PlannedRepository(
            collection=self._collection or collection_id(mars),
            item=item_id(mars, name, base),
            mars=mars,
            base=base,
            grid=grid,
            cells=cells_of(grid),
            level_type=kind.level_type,
            regridding=way,
        )
        found = groups.setdefault(repository.id, repository)
        if found.grid != grid or found.regridding is not way:
            before, after = (
                each.regridding.source_name if each.regridding else grid_name(each.grid)
                for each in (found, repository)
            )
            raise InvalidInputError(
                f"{repository.id} has another grid: {before}, and this is {after}.",
                "Give these files a key of their own, such as resolution.",
            )
        if found.mars != mars:
            raise InvalidInputError(f"{repository.id} has other keys: {found.mars}, and these are {mars}.")
        if len(groups) > MOST_REPOSITORIES:
            raise InvalidInputError(
                f"The files make more than {MOST_REPOSITORIES} repositories.", "Ingest them in parts."
            )
        return found

    @staticmethod
    def _add_variable(repository: PlannedRepository, number: int, kind: KindOfField) -> None:
        if kind.level_type:
            repository.level_type = repository.level_type or kind.level_type
            if repository.level_type != kind.level_type:
                raise InvalidInputError(
                    f"{repository.id} has levels of the type {repository.level_type}, "
                    f"and these are of {kind.level_type}."
                )
        facts = dict(kind.variable)
        same = [
            each
            for each in repository.variables.values()
            if (each.facts["name"], each.facts["param"]) == (facts["name"], facts["param"])
            and each.has_levels == bool(kind.level_type)
        ]
        if same:
            same[0].dtype = max(same[0].dtype, kind.dtype)  # float64 comes after float32
            repository.variables[number] = same[0]
            return
        taken = {each.name: each for each in repository.variables.values()}
        name = variable_name(facts["name"], facts["param"], taken)
        repository.variables[number] = PlannedVariable(name, facts, bool(kind.level_type), kind.dtype)

    def _in_order(self, repository: PlannedRepository, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        names = sorted({each.name for each in repository.variables.values()})
        ranks = np.zeros(len(self.findings.kinds), np.int64)
        for number, variable in repository.variables.items():
            ranks[number] = names.index(variable.name)
        columns = self.columns
        keys = (
            columns["offset"][rows],
            columns["source"][rows],
            columns["level"][rows],
            ranks[columns["kind"][rows]],
            columns["time"][rows],
        )
        return rows[np.lexsort(keys)]

    def _batches(self, repository: PlannedRepository) -> Iterator[Batch]:
        """Cut the fields between steps, so that a commit holds whole steps; a huge step is one batch."""
        times = self.columns["time"][repository.rows]
        ends = np.flatnonzero(np.diff(times, append=times[-1] + 1)) + 1
        most = max(1, min(BATCH_FIELDS, self._batch_bytes // repository.field_bytes))
        start = previous = 0
        for end in [int(each) for each in ends]:
            if end - start > most and previous > start:
                yield Batch(repository, repository.rows[start:previous])
                start = previous
            previous = end
        yield Batch(repository, repository.rows[start:])


def checked_keys(keys: Mapping[str, str]) -> Mars:
    """Return MARS keys as somebody gives them.

    Raises
    ------
    InvalidInputError
        If one is not among those that tell datasets apart.
    """
    known = (*OF_COLLECTION, *OF_ITEM, "centre")
    for key, value in keys.items():
        if key not in known or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,60}", str(value)):
            raise InvalidInputError(
                f"The key {key}={value} cannot be set.".replace("\n", " ")[:200],
                f"Expected one of {', '.join(known)}, with a value of letters, digits, dots and dashes.",
            )
    return {key: str(value) for key, value in keys.items()}
