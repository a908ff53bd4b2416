"""The ingest: look, plan, store batch by batch, register. Each step is kept, and safe to run twice."""

import os
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from geoscope import __version__
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field, FieldKey, WriteReport
from geoscope.cubes.growing.outline import CubeOutline
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError
from geoscope.objects import Place
from geoscope.processes import Job
from geoscope.settings import Settings
from geoscope.twins.ingest.decoders import DecoderPool
from geoscope.twins.ingest.documents import dataset_title
from geoscope.twins.ingest.fdb_source import forget_copies
from geoscope.twins.ingest.findings import Aside, Findings
from geoscope.twins.ingest.looking import look_at
from geoscope.twins.ingest.memory import give_back_freed_memory, give_back_large_arrays, give_back_memory
from geoscope.twins.ingest.outcome import MOST_TOLD, Outcome
from geoscope.twins.ingest.outlines import cube_outline, without_cell_ids
from geoscope.twins.ingest.plan import Batch, Plan, PlannedRepository, checked_keys
from geoscope.twins.ingest.progress import LookProgress, StoreProgress
from geoscope.twins.ingest.reading import FieldReader
from geoscope.twins.ingest.regridding import Regridder
from geoscope.twins.ingest.repositories import Repositories, is_worth_settling
from geoscope.twins.ingest.sources import Input, find_input
from geoscope.twins.ingest.wish import Wish

MOST_SOURCES = 20

type Json = dict[str, Any]


class Ingest:
    """One ingest of files into repositories; to be entered with `with`.

    Parameters
    ----------
    settings : Settings
        Says where the parts of the platform are.
    wish : Wish
        What is asked for.
    """

    def __init__(self, settings: Settings, wish: Wish) -> None:
        self._settings, self._wish = settings, wish
        self._keys = checked_keys(wish.keys)
        at_once = wish.decoders or settings.twins.decoders or len(os.sched_getaffinity(0))
        self._decoders = DecoderPool(settings, at_once)
        self._repositories = Repositories(settings, wish)
        self._plan: Plan | None = None
        self._fingerprint = ""
        self._reader: FieldReader | None = None
        self._open: tuple[str, GrowingCube, CubeOutline, Place] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoders.__exit__(kind, error, trace)
        self._reader = self._open = self._plan = None
        give_back_memory()

    def run(self, job: Job) -> Json:
        """Ingest, and return what became of the fields.

        Raises
        ------
        InvalidInputError
            If nothing can be stored, or the files change meanwhile.
        """
        give_back_large_arrays()
        job.report(0, 1, "Looking at the files")
        looked = job.step("Look at the files", partial(self._look, job))
        outcome = Outcome(looked)
        if self._wish.dry_run:
            return outcome.to_json()
        progress = StoreProgress(job, looked["fields"], looked["bytes"])
        last = {repository: number for number, repository in enumerate(looked["batches"])}
        for number, repository in enumerate(looked["batches"]):
            title = f"Store part {number + 1} of {len(looked['batches'])}"
            stored = job.step(title, partial(self._store, looked["fingerprint"], number, progress))
            progress.done(stored["read"], stored["bytes"])
            outcome.add(stored)
            if last[repository] == number:
                title = f"Complete repository {repository + 1} of {len(looked['repositories'])}"
                job.step(title, partial(self._complete, looked["fingerprint"], repository))
        outcome.require_something()
        forget_copies(
            self._settings, (source.path for source in self._required(looked["fingerprint"]).findings.sources)
        )
        job.report(1, 1, outcome.words)
        return outcome.to_json()

    def _look(self, job: Job) -> Json:
        """Find out what there is, and return the plan in short."""
        plan = self._planned(job)
        findings = plan.findings
        if not plan.fields and not self._wish.dry_run:
            told = "; ".join(f"{each.file}: {each.reason}" for each in findings.set_aside[:3])
            raise InvalidInputError(f"The files hold no field that can be stored. {told}".strip())
        return {
            "fingerprint": self._fingerprint,
            "files": len(findings.sources),
            "ignored": self._input.ignored[:MOST_TOLD],
            "batches": plan.batch_repositories,
            "fields": plan.fields,
            "bytes": plan.decoded_bytes,
            "repositories": [
                summary | self._known(repository)
                for summary, repository in zip(plan.to_json(), plan.repositories, strict=True)
            ],
            "set_aside": [each._asdict() for each in findings.set_aside[:MOST_TOLD]],
            "count_aside": findings.count_aside,
            "warnings": plan.warnings[:MOST_TOLD],
        }

    def _known(self, repository: PlannedRepository) -> Json:
        """Tell where a repository lies, and how many of its fields are there by their keys."""
        place = self._repositories.place(repository)
        try:
            cube = self._repositories.find(place)
        except NotFoundError:
            return {"address": place.address, "is_new": True, "present": 0}
        assert self._plan is not None  # noqa: S101 (planned before)
        there = 0
        columns = self._plan.columns
        for name in {each.name for each in repository.variables.values()} & {
            each.name for each in cube.variables
        }:
            keys = cube.checksums(name)
            numbers = [number for number, each in repository.variables.items() if each.name == name]
            rows = repository.rows[np.isin(columns["kind"][repository.rows], numbers)]
            there += sum(_key(name, columns, int(row))[1:] in keys for row in rows)
        return {"address": place.address, "is_new": False, "present": there}

    def _store(self, fingerprint: str, number: int, progress: StoreProgress) -> Json:
        """Store one batch by one commit, and register it."""
        plan = self._required(fingerprint)
        batch = plan.batches[number]
        findings = plan.findings
        told, counted = len(findings.set_aside), findings.count_aside
        report, rows = WriteReport(), dict[FieldKey, int]()
        try:
            cube, outline, place = self._cube(batch.repository)
        except (InvalidInputError, ConflictError) as error:
            # This repository cannot be written to; others can.
            plan.set_aside(batch.rows, str(error))
        else:
            names = plan.source_names(batch)
            report = cube.write(
                self._fields(batch, plan, rows, progress),
                message=f"Ingest of {len(batch.rows):,} fields from {len(names):,} files",
                metadata={"software": f"geoscope {__version__}", "sources": names[:MOST_SOURCES]},
                replace=self._wish.replace,
            )
            self._repositories.register(batch.repository, cube, outline, place)
            give_back_freed_memory()
        for kept in (*report.conflicts, *report.refused):
            findings.aside(_aside(plan, rows.get(kept.key), kept.reason))
        return {
            "repository": batch.repository.id,
            "version": report.version,
            "read": len(batch.rows),
            "bytes": len(batch.rows) * batch.repository.field_bytes,
            "stored": len(report.stored),
            "duplicates": len(report.duplicates),
            "conflicts": len(report.conflicts),
            "set_aside": [each._asdict() for each in findings.set_aside[told:][:MOST_TOLD]],
            "count_aside": findings.count_aside - counted,
        }

    def _fields(
        self, batch: Batch, plan: Plan, rows: dict[FieldKey, int], progress: StoreProgress
    ) -> Iterator[Field]:
        if self._reader is None:
            largest = max(max(each.field_bytes, each.decoded_bytes) for each in plan.repositories)
            self._reader = FieldReader(self._decoders, plan.findings, largest)
        for found in self._reader.read(batch, plan.columns):
            field = Field(found.variable.name, found.time, found.level, found.values)
            rows[field.key] = found.row
            progress.tell(batch.repository)
            del found
            yield field
            del field

    def _complete(self, fingerprint: str, number: int) -> str:
        """Bring a cube's copy for time series up to date, register it, and return its version."""
        repository = self._required(fingerprint).repositories[number]
        try:
            cube, outline, place = self._cube(repository)
        except (InvalidInputError, ConflictError):
            return ""  # set aside, batch by batch
        if is_worth_settling(cube):
            cube.settle(everything=True)
        return self._repositories.register(repository, cube, outline, place)

    def _cube(self, repository: PlannedRepository) -> tuple[GrowingCube, CubeOutline, Place]:
        """Return the cube of a repository; the one that was used last stays open."""
        if self._open is None or self._open[0] != repository.id:
            self._open = None
            place = self._repositories.place(repository)
            title = self._wish.title or dataset_title(repository.mars)
            outline = cube_outline(repository, self._wish.max_error, title)
            cube = self._repositories.open(place, outline)
            self._open = repository.id, cube, without_cell_ids(outline), place
            del outline
            give_back_memory()
        return self._open[1:]

    def _required(self, fingerprint: str) -> Plan:
        """Return the plan, made again after a restart.

        Raises
        ------
        ConflictError
            If the files have changed since.
        """
        plan = self._planned()
        if self._fingerprint != fingerprint:
            raise ConflictError(
                "The files changed while they were ingested.",
                "Start again: what was stored stays, and is not stored twice.",
            )
        return plan

    def _planned(self, job: Job | None = None) -> Plan:
        if self._plan is None:
            self._input: Input = find_input(self._settings, self._wish.sources)
            tell = LookProgress(job) if job else None
            findings: Findings = look_at(self._decoders, self._input.sources, tell)
            self._plan = Plan(
                findings,
                self._keys,
                self._wish.collection,
                self._settings.twins.batch_bytes,
                None if self._wish.healpix is None else Regridder(self._wish.healpix, self._wish.method),
            )
            self._fingerprint = self._input.fingerprint
        return self._plan


def _key(name: str, columns: dict[str, Any], row: int) -> FieldKey:
    level = float(columns["level"][row])
    return FieldKey(name, np.datetime64(int(columns["time"][row]), "s"), None if np.isnan(level) else level)


def _aside(plan: Plan, row: int | None, reason: str) -> Aside:
    if row is None:
        return Aside("", 0, 0, reason)
    columns = plan.columns
    source = plan.findings.sources[int(columns["source"][row])]
    return Aside(source.name, int(columns["offset"][row]), int(columns["length"][row]), reason)
