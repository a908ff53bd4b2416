"""The ingest: look, plan, store batch by batch, register. Each step is kept, and safe to run twice."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from geoscope import __version__
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field, FieldKey
from geoscope.cubes.growing.outline import CubeOutline
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError
from geoscope.objects import Place
from geoscope.processes import Job
from geoscope.settings import Settings
from geoscope.twins.ingest.documents import dataset_title
from geoscope.twins.ingest.findings import Aside, Findings
from geoscope.twins.ingest.outlines import cube_outline
from geoscope.twins.ingest.plan import Batch, Plan, PlannedRepository, checked_keys
from geoscope.twins.ingest.reading import FieldReader, look_at
from geoscope.twins.ingest.repositories import Repositories
from geoscope.twins.ingest.sources import Input, find_input
from geoscope.twins.ingest.wish import Wish

MOST_TOLD = 1000
REPORT_EVERY_S = 0.5

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
        self._decoders = wish.decoders or os.process_cpu_count() or 1
        self._repositories = Repositories(settings, wish)
        self._stack = ExitStack()
        self._plan: Plan | None = None
        self._fingerprint = ""
        self._reader: FieldReader | None = None
        self._open: tuple[str, GrowingCube, CubeOutline, Place] | None = None

    def __enter__(self) -> "Ingest":
        return self

    def __exit__(self, *about: Any) -> None:  # noqa: ANN401 (passed on)
        self._stack.__exit__(*about)

    def run(self, job: Job) -> Json:
        """Ingest, and return what became of the fields.

        Raises
        ------
        InvalidInputError
            If nothing can be stored, or the files change meanwhile.
        """
        job.report(0, 1, "Looking at the files")
        looked = job.step("Look at the files", partial(self._look, job))
        outcome = _Outcome(looked)
        if self._wish.dry_run:
            return outcome.to_json()
        progress = _Progress(job, looked["fields"], looked["bytes"])
        for number in range(looked["batches"]):
            title = f"Store part {number + 1} of {looked['batches']}"
            stored = job.step(title, partial(self._store, looked["fingerprint"], number, progress))
            progress.done(stored["read"], stored["bytes"])
            outcome.add(stored)
        for number in range(len(looked["repositories"])):
            title = f"Complete repository {number + 1} of {len(looked['repositories'])}"
            job.step(title, partial(self._complete, looked["fingerprint"], number))
        outcome.require_something()
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
            "batches": len(plan.batches),
            "fields": plan.fields,
            "bytes": plan.decoded_bytes,
            "repositories": [
                summary | self._known(repository)
                for summary, repository in zip(plan.to_json(), plan.repositories, strict=True)
            ],
            "set_aside": [each._asdict() for each in findings.set_aside[:MOST_TOLD]],
            "count_aside": findings.count_aside,
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
        for name in {each.name for each in repository.variables.values()} & {each.name for each in cube.variables}:
            keys = cube.checksums(name)
            numbers = [number for number, each in repository.variables.items() if each.name == name]
            rows = repository.rows[np.isin(columns["kind"][repository.rows], numbers)]
            there += sum(_key(name, columns, int(row))[1:] in keys for row in rows)
        return {"address": place.address, "is_new": False, "present": there}

    def _store(self, fingerprint: str, number: int, progress: "_Progress") -> Json:
        """Store one batch by one commit, and register it."""
        plan = self._required(fingerprint)
        batch = plan.batches[number]
        repository = batch.repository
        cube, outline, place = self._cube(repository)
        before = plan.findings.count_aside
        rows: dict[FieldKey, int] = {}
        names = sorted(
            {plan.findings.sources[each].name for each in np.unique(plan.columns["source"][batch.rows])}
        )
        try:
            report = cube.write(
                self._fields(batch, plan, rows, progress),
                message=f"Ingest of {len(batch.rows)} fields from {len(names)} files",
                metadata={"software": f"geoscope {__version__}", "sources": names[:20]},
                replace=self._wish.replace,
            )
        except BaseException:
            self._open = None  # it may have been left in the middle
            raise
        if report.stored:
            self._repositories.register(repository, cube, outline, place)
        aside = (
            plan.findings.set_aside[before - plan.findings.count_aside :]
            if (plan.findings.count_aside > before)
            else []
        )
        told = [each._asdict() for each in aside]
        for kept in (*report.conflicts, *report.refused):
            told.append(_aside(plan, rows.get(kept.key), kept.reason)._asdict())
        return {
            "repository": repository.id,
            "version": report.version,
            "read": len(batch.rows),
            "bytes": len(batch.rows) * repository.field_bytes,
            "stored": len(report.stored),
            "duplicates": len(report.duplicates),
            "conflicts": len(report.conflicts),
            "set_aside": told[:MOST_TOLD],
            "count_aside": plan.findings.count_aside - before + len(report.refused) + len(report.conflicts),
        }

    def _fields(
        self, batch: Batch, plan: Plan, rows: dict[FieldKey, int], progress: "_Progress"
    ) -> Iterator[Field]:
        if self._reader is None:
            largest = max(each.field_bytes for each in plan.repositories)
            reader = FieldReader(self._settings, plan.findings, self._decoders, largest)
            self._reader = self._stack.enter_context(reader)
        for found in self._reader.read(batch, plan.columns):
            field = Field(found.variable.name, found.time, found.level, found.values)
            rows[field.key] = found.row
            progress.tell(batch.repository)
            del found
            yield field
            del field

    def _complete(self, fingerprint: str, number: int) -> str:
        """Bring a cube's copy for time series up to date, and register it."""
        repository = self._required(fingerprint).repositories[number]
        cube, outline, place = self._cube(repository)
        if not len(cube.times):
            return "empty"
        version = cube.settle(everything=True)
        if version is None:
            return "complete"
        self._repositories.register(repository, cube, outline, place)
        return version

    def _cube(self, repository: PlannedRepository) -> tuple[GrowingCube, CubeOutline, Place]:
        """Return the cube of a repository; the one that was used last stays open."""
        if self._open is None or self._open[0] != repository.id:
            self._open = None
            place = self._repositories.place(repository)
            title = self._wish.title or dataset_title(repository.mars)
            outline = cube_outline(repository, self._wish.max_error, title)
            self._open = repository.id, self._repositories.open(place, outline), outline, place
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
            tell = _Telling(job) if job else None
            findings: Findings = look_at(self._settings, self._input.sources, self._decoders, tell)
            self._plan = Plan(findings, self._keys, self._wish.collection)
            self._fingerprint = self._input.fingerprint
        return self._plan


class _Telling:
    """Tells a job how many files were looked at, now and then."""

    def __init__(self, job: Job) -> None:
        self._job, self._latest = job, 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._latest > REPORT_EVERY_S:
            self._latest = time.monotonic()
            self._job.report(0, 1, f"Looking at the files: {done} of {total}")


class _Progress:
    """Tells a job how far the storing is: fields, bytes, and how long the rest may take."""

    def __init__(self, job: Job, fields: int, size: int) -> None:
        self._job, self._fields, self._size = job, fields, size
        self._begun = self._told = time.monotonic()
        self._done = self._in_batch = 0
        self._bytes = self._batch_bytes = self._kept_bytes = 0

    def tell(self, repository: PlannedRepository) -> None:
        """Count a field that was read."""
        self._in_batch += 1
        self._batch_bytes += repository.field_bytes
        if time.monotonic() - self._told > REPORT_EVERY_S:
            self._told = time.monotonic()
            self._say(repository.id)

    def done(self, fields: int, size: int) -> None:
        """Count a whole batch, also one that was stored before a restart."""
        if not self._in_batch:
            self._kept_bytes += size
        self._done, self._bytes = self._done + fields, self._bytes + size
        self._in_batch = self._batch_bytes = 0
        self._say("Storing")

    def _say(self, where: str) -> None:
        read = self._bytes + self._batch_bytes
        seconds = time.monotonic() - self._begun
        speed = (read - self._kept_bytes) / max(seconds, 0.001)
        left = (self._size - read) / speed if speed > 0 else 0.0
        words = (
            f"{where}: {self._done + self._in_batch:,} of {self._fields:,} fields, "
            f"{read / 1e9:.2f} of {self._size / 1e9:.2f} GB"
        )
        if seconds > 2 and left > 0:
            words += f", {speed / 1e6:.0f} MB/s, {_duration(left)} left"
        self._job.report(round(999 * read / max(self._size, 1)), 1000, words)


class _Outcome:
    """What became of all fields."""

    def __init__(self, looked: Json) -> None:
        self._looked = looked
        self._counts: Counter[str] = Counter()
        self._set_aside: list[Json] = list(looked["set_aside"])
        self._counts["set_aside"] = looked["count_aside"]
        self._versions: dict[str, str] = {}

    def add(self, stored: Json) -> None:
        """Count a batch."""
        for name in ("stored", "duplicates", "conflicts"):
            self._counts[name] += stored[name]
        self._counts["set_aside"] += stored["count_aside"]
        self._set_aside += stored["set_aside"]
        self._versions[stored["repository"]] = stored["version"]

    @property
    def words(self) -> str:
        """All of it in one line."""
        return (
            f"{self._counts['stored']:,} fields stored, {self._counts['duplicates']:,} were there, "
            f"{self._counts['set_aside']:,} set aside"
        )

    def require_something(self) -> None:
        """Raise an error if nothing could be stored and nothing was there."""
        if not self._counts["stored"] and not self._counts["duplicates"]:
            told = "; ".join(
                f"{each['file']}, byte {each['offset']}: {each['reason']}" for each in self._set_aside[:3]
            )
            raise InvalidInputError(f"Nothing could be stored: {self._counts['set_aside']} set aside. {told}")

    def to_json(self) -> Json:
        """Return the outputs of the process."""
        return {
            "stored": self._counts["stored"],
            "duplicates": self._counts["duplicates"],
            "conflicts": self._counts["conflicts"],
            "set_aside_count": self._counts["set_aside"],
            "set_aside": self._set_aside[:MOST_TOLD],
            "files": self._looked["files"],
            "ignored": self._looked["ignored"],
            "fields": self._looked["fields"],
            "bytes": self._looked["bytes"],
            "repositories": [
                each | {"version": self._versions.get(f"{each['collection']}/{each['item']}", "")}
                for each in self._looked["repositories"]
            ],
        }


def _key(name: str, columns: dict[str, Any], row: int) -> FieldKey:
    level = float(columns["level"][row])
    return FieldKey(name, np.datetime64(int(columns["time"][row]), "s"), None if np.isnan(level) else level)


def _aside(plan: Plan, row: int | None, reason: str) -> Aside:
    if row is None:
        return Aside("", 0, 0, reason)
    columns = plan.columns
    source = plan.findings.sources[int(columns["source"][row])]
    return Aside(source.name, int(columns["offset"][row]), int(columns["length"][row]), reason)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
