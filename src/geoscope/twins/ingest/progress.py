"""Telling a job how far an ingest is."""

import time

from geoscope.processes import Job
from geoscope.twins.ingest.plan import PlannedRepository

REPORT_EVERY_S = 0.5


class LookProgress:
    """Tells a job how many files were looked at, now and then."""

    def __init__(self, job: Job) -> None:
        self._job, self._latest = job, 0.0

    def __call__(self, done: int, total: int) -> None:
        """Take how many of all were looked at."""
        if time.monotonic() - self._latest > REPORT_EVERY_S:
            self._latest = time.monotonic()
            self._job.report(0, 1, f"Looking at the files: {done} of {total}")


class StoreProgress:
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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
