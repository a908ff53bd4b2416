"""How far the loading of the demo data is, asked of the workflows service."""

from dataclasses import dataclass

from geoscope.errors import GeoscopeError
from geoscope.portal.explorer.data_half import DataHalf

DEMO_PROCESS = "load-demo"


@dataclass(frozen=True)
class Progress:
    """How a job stands."""

    percent: int
    message: str


def demo_progress(data: DataHalf) -> Progress | None:
    """Return how far the demo is, or None if it is not being loaded (or nobody can tell)."""
    try:
        jobs = data.get("jobs", parameters={"limit": 20}, as_administrator=True)["jobs"]
    except GeoscopeError:
        return None
    for job in jobs:
        if job.get("processID") == DEMO_PROCESS and job.get("status") in ("accepted", "running"):
            return Progress(job.get("progress") or 0, job.get("message") or "")
    return None
