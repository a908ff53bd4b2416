"""A cube that grows: an Icechunk repository to which fields are appended, a commit at a time."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import icechunk
import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.cubes.growing import settling
from geoscope.cubes.growing.batch import Batch
from geoscope.cubes.growing.checksums import MISSING
from geoscope.cubes.growing.fields import Field, Version, WriteReport
from geoscope.cubes.growing.history import versions_of
from geoscope.cubes.growing.joining import create_or_join
from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.growing.repository import BRANCH, create_repository, open_repository, told_in_our_words
from geoscope.cubes.growing.snapshot import Snapshot
from geoscope.cubes.metadata import open_metadata
from geoscope.errors import ConflictError

# How often a commit is tried while others commit as well.
TRIES = 20


class GrowingCube:
    """A cube that is written, step by step; others read it with `Cube` or any Icechunk and Zarr client.

    What it holds was read when it was opened or last written by this object.

    Attributes
    ----------
    repository : icechunk.Repository
        Where it lies.
    """

    def __init__(self, repository: icechunk.Repository, grid: Grid) -> None:
        self.repository = repository
        self._grid = grid
        self._snapshot = self._read()

    @classmethod
    def open(cls, storage: icechunk.Storage) -> Self:
        """Open a cube that is there.

        Raises
        ------
        NotFoundError
            If there is none.
        UnavailableError
            If the storage does not answer.
        """
        repository = open_repository(storage)
        with told_in_our_words():
            store = repository.readonly_session(BRANCH).store
            Snapshot(store)
            return cls(repository, detect_grid(open_metadata(store)))

    @classmethod
    def open_or_create(cls, storage: icechunk.Storage, outline: CubeOutline) -> Self:
        """Open a cube, or make it; variables and levels that it has not are added.

        Raises
        ------
        InvalidInputError
            If the cube that is there is another one: its grid, its `mars:` attributes, or how one of the
            variables is stored.
        UnavailableError
            If the storage does not answer.
        """
        outline.check()
        repository = create_repository(storage)
        for _ in range(TRIES):
            with told_in_our_words():
                session = repository.writable_session(BRANCH)
                message = create_or_join(session, outline)
                if not message or _commits(session, message, {"steps": len(Snapshot(session.store).times)}):
                    break
        else:
            raise _busy()
        return cls(repository, outline.grid)

    @property
    def grid(self) -> Grid:
        """The horizontal grid."""
        return self._grid

    @property
    def times(self) -> NDArray[np.datetime64]:
        """The steps, datetime64[s] in UTC, rising."""
        return self._snapshot.times.astype("datetime64[s]")

    @property
    def settled(self) -> int:
        """For how many of the steps there are series."""
        return self._snapshot.settled

    @property
    def levels(self) -> Levels | None:
        """The level axis."""
        return self._snapshot.levels

    @property
    def variables(self) -> tuple[VariableOutline, ...]:
        """The variables, in order of their names."""
        return tuple(self._snapshot.variable(name) for name in self._snapshot.names)

    def checksums(self, variable: str) -> dict[tuple[np.datetime64, float | None], int]:
        """Return the checksums of a variable's fields that are there, by time and level."""
        if variable not in self._snapshot.names:
            return {}
        with told_in_our_words():
            known = self._snapshot.checksums(variable)
            has_levels = self._snapshot.variable(variable).has_levels
        levels = self._snapshot.levels
        names = levels.values.tolist() if has_levels and levels else [None]
        times = self.times
        return {
            (times[step], names[level]): int(known[step, level])
            for step, level in np.argwhere(known != MISSING).tolist()
        }

    def write(
        self,
        fields: Iterable[Field],
        *,
        message: str,
        metadata: Mapping[str, Any] | None = None,
        replace: bool = False,
    ) -> WriteReport:
        """Store fields as one new version: all of them or, if this ends early, none.

        Fields of new times after the last step become new steps. Fields of steps that are there fill gaps.
        What is there with the same values is skipped; what is there with other values is set aside or, with
        `replace`, replaced.

        Parameters
        ----------
        fields : iterable of Field
            In any order; taken one by one, so that only a few are in memory. New steps in order cost least.
        message : str
            What is done, for people.
        metadata : mapping, optional
            Of the version: source, software, keys; JSON.
        replace : bool
            Whether other values take the place of those that are there.

        Returns
        -------
        WriteReport
            What became of each field.

        Raises
        ------
        UnavailableError
            If the storage does not answer; nothing was stored then.
        ConflictError
            If others commit all the time.
        """
        report = WriteReport()
        with told_in_our_words():
            batch: Batch | None = None
            for _ in range(TRIES):
                session = self.repository.writable_session(BRANCH)
                following = Batch(session, self._grid, replace=replace, report=report)
                # Somebody else committed first: what they stored too is sorted out, the rest goes on.
                following.write(fields if batch is None else batch.written())
                batch = following
                if not batch.stored:
                    report.version = session.snapshot_id
                    break
                steps = batch.finish()
                if _commits(session, message, {**(metadata or {}), "steps": steps}):
                    report.version = session.snapshot_id
                    break
            else:
                raise _busy()
            report.stored = list(batch.stored)
        self._snapshot = self._read()
        if settling.is_due(self._snapshot):
            self.settle()
        return report

    def settle(self, *, everything: bool = False) -> str | None:
        """Extend the copy for time series by what the maps hold, as a version of its own.

        Parameters
        ----------
        everything : bool
            Whether to go on to the last step, and to take in what was filled in or replaced late; else only
            whole blocks of steps are added. Until then readers find the rest in the maps.

        Returns
        -------
        str or None
            The version; None if there was nothing to do.
        """
        with told_in_our_words():
            for _ in range(TRIES):
                session = self.repository.writable_session(BRANCH)
                base = session.snapshot_id
                if not settling.settle(session, everything=everything):
                    return None
                while not _commits(session, "Settled", {"steps": len(self._at(base).times)}):
                    if not self._rebased(session, base):
                        break
                else:
                    self._snapshot = self._read()
                    return str(session.snapshot_id)
            raise _busy()

    def versions(self) -> list[Version]:
        """Return the states that can be opened, the newest first."""
        return versions_of(self.repository)

    def _rebased(self, session: icechunk.Session, base: str) -> bool:
        """Bring a session of `settle` up to what others committed; not if they changed what it had read."""
        try:
            session.rebase(icechunk.ConflictDetector())
        except icechunk.RebaseFailedError:
            return False
        before, after = self._at(base), Snapshot(session.store)
        settled = after.settled
        return before.names == after.names and all(
            np.array_equal(before.checksums(name)[:settled], after.checksums(name)[:settled])
            for name in before.names
        )

    def _at(self, version: str) -> Snapshot:
        return Snapshot(self.repository.readonly_session(snapshot_id=version).store)

    def _read(self) -> Snapshot:
        with told_in_our_words():
            return Snapshot(self.repository.readonly_session(BRANCH).store)


def _commits(session: icechunk.Session, message: str, metadata: dict[str, Any]) -> bool:
    """Commit, if nobody else has done so since the session began."""
    try:
        session.commit(message, metadata)
    except icechunk.ConflictError:
        return False
    return True


def _busy() -> ConflictError:
    return ConflictError("Others write to the cube all the time.", "Try again in a moment.")
