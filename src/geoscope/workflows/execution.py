"""How a process runs as a durable job: each step is kept when it ends, and never run again."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from dbos import DBOS, PortableWorkflowError, StepOptions
from dbos import error as dbos_error

from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.processes import installed_processes
from geoscope.workflows.database import PROGRESS

# A part of the platform that is just starting answers within this: 1 + 2 + 4 + 8 + 16 s.
UNAVAILABLE_RETRIES = StepOptions(
    retries_allowed=True,
    max_attempts=6,
    interval_seconds=1.0,
    backoff_rate=2.0,
    should_retry=lambda error: isinstance(error, UnavailableError),
)

log = logging.getLogger(__name__)


class DurableJob:
    """What a process sees of the job that runs it (see `geoscope.processes.Job`)."""

    @property
    def owner(self) -> str:
        """The subject who asked for the job."""
        return DBOS.authenticated_user or ""

    def step[Result](self, title: str, work: Callable[[], Result]) -> Result:
        """Run one step, or take the result that it left before a crash."""

        def run() -> Result:
            result = _explained(work)
            # The same value now as after a restart, when it comes back from JSON.
            kept: Result = orjson.loads(orjson.dumps(result))
            return kept

        try:
            return DBOS.run_step(StepOptions(**UNAVAILABLE_RETRIES, name=title), run)
        except dbos_error.DBOSMaxStepRetriesExceeded as error:
            raise error.errors[-1] from error

    def report(self, done: int, total: int, message: str) -> None:
        """Keep how far the work is, for those who watch the job; a step of a dismissed job ends here."""
        percent = min(100, max(0, round(100 * done / total))) if total > 0 else 0
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        DBOS.set_event(PROGRESS, {"percent": percent, "message": message, "at": now})
        # Between steps the engine looks for itself.
        if DBOS.step_id is not None and _is_dismissed():
            raise dbos_error.DBOSWorkflowCancelledError("The job was dismissed.")


def _is_dismissed() -> bool:
    status = DBOS.get_workflow_status(DBOS.workflow_id or "")
    return status is not None and status.status == "CANCELLED"


def run_process(process_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Run a process to its end; the worker registers this as the one workflow that there is."""
    job_id = DBOS.workflow_id
    log.info("Job %s: %s", job_id, process_id)
    started = time.monotonic()
    process = installed_processes().get(process_id)
    if process is None:
        raise GeoscopeError(f"The process {process_id!r} is not installed where the job worker runs.")
    outputs = _explained(lambda: process.run(DurableJob(), inputs))
    log.info("Job %s: done in %.1f s", job_id, time.monotonic() - started)
    return dict(outputs)


def _explained[Result](work: Callable[[], Result]) -> Result:
    """Run it; an error that has no words for the user gets some, and keeps its traceback for the log."""
    try:
        return work()
    except (GeoscopeError, PortableWorkflowError):
        raise
    except Exception as error:
        raise GeoscopeError(
            f"The work stopped at an error that nobody foresaw ({type(error).__name__}).",
            "The operator finds it in the log of the job worker.",
        ) from error
