"""What long work looks like to the job worker: a process, its steps, and how it tells of its progress.

A process is announced by the entry-point group `geoscope.processes`. `geoscope.workflows` lists it at
`/processes` (OGC API Processes) and runs it as a durable job: after a crash it goes on at the step it had
reached, so each step must be safe to run twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol

ENTRY_POINT_GROUP = "geoscope.processes"

type Json = Mapping[str, Any]


class Job(Protocol):
    """What a running process may ask of the platform."""

    @property
    def owner(self) -> str:
        """The subject who asked for the job."""
        ...

    def step[Result](self, title: str, work: Callable[[], Result]) -> Result:
        """Run one step; once it has ended, a restarted job takes its kept result instead of running it again.

        Parameters
        ----------
        title : str
            What is being done, as the user reads it.
        work : callable
            The work; its result must be JSON. Safe to run twice: a crash in the middle runs it again.
        """
        ...

    def report(self, done: int, total: int, message: str) -> None:
        """Tell how far the work is, in steps or whatever else can be counted."""
        ...


@dataclass(frozen=True)
class Process:
    """Long work that can be asked for by name.

    The same inputs are the same work, done once while it waits or runs; of a `personal` process only if the
    same principal asks.
    """

    id: str
    title: str
    summary: str
    version: str
    run: Callable[[Job, Json], Json]
    role: str | None = "administrator"
    inputs: Json = field(default_factory=dict)
    outputs: Json = field(default_factory=dict)
    personal: bool = False


def installed_processes() -> dict[str, Process]:
    """Return every announced process by its id."""
    found: list[Process] = [point.load() for point in entry_points(group=ENTRY_POINT_GROUP)]
    return {process.id: process for process in sorted(found, key=lambda process: process.id)}
