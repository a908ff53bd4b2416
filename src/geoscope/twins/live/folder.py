"""The folder of a simulation: its states to go on from, and how far it is stored."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from geoscope.errors import ConflictError
from geoscope.settings import Settings


class Progress(msgspec.Struct, frozen=True):
    """How far a simulation is: the digest of what it is, and how many days are stored."""

    identity: str
    days: int


class SimulationFolder:
    """Below the data folder, one for each collection; to be used while `alone`.

    Parameters
    ----------
    settings : Settings
        Name the data folder.
    collection : str
        Id of the collection.
    """

    def __init__(self, settings: Settings, collection: str) -> None:
        self.path = settings.data_dir / "live-twins" / collection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it against other jobs; however this process ends, it is free again.

        Raises
        ------
        ConflictError
            If another job has it.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConflictError(
                    "Another job runs this simulation.", "Wait until it has ended, or choose another name."
                ) from error
            yield

    @property
    def model_log(self) -> Path:
        """What the model said beside its answers."""
        return self.path / "model.log"

    def checkpoint(self, day: int) -> Path:
        """Return where the state at the beginning of a day is kept."""
        return self.path / f"day-{day:06d}.checkpoint"

    def values(self, day: int) -> Path:
        """Return where the fields of the segment that begins with a day are kept until they are stored."""
        return self.path / f"day-{day:06d}.npz"

    def progress(self) -> Progress | None:
        """Return how far it is; None if nothing is stored, or the state to go on from is gone."""
        try:
            found = msgspec.json.decode((self.path / "progress.json").read_bytes(), type=Progress)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return found if self.checkpoint(found.days).exists() else None

    def keep_progress(self, progress: Progress) -> None:
        """Keep how far it is, whole or not at all."""
        part = self.path / "progress.part"
        part.write_bytes(msgspec.json.encode(progress))
        part.replace(self.path / "progress.json")

    def forget_before(self, day: int) -> None:
        """Remove what only days before this one needed; they are stored."""
        for pattern in ("day-*.checkpoint", "day-*.npz"):
            for path in self.path.glob(pattern):
                if path.name < f"day-{day:06d}":
                    path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.path, ignore_errors=True)
