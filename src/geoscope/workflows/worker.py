"""The job worker: `python -m geoscope.workflows.worker` runs the queue's jobs until it is told to stop.

A job is one durable workflow; each step of its process is kept when it ends. Killed in the middle, the worker
goes on at the step it had reached as soon as a worker of the same executor id is back.
"""

import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from dbos import error as dbos_error

from geoscope.errors import SetupError
from geoscope.settings import Settings, current_settings
from geoscope.workflows.database import APPLICATION, JOBS_VERSION, QUEUE, WORKFLOW, prepare_database
from geoscope.workflows.execution import run_process

HEARTBEAT_S = 2.0
QUEUE_POLL_S = 0.5
JOBS_AT_ONCE = 2

log = logging.getLogger("geoscope.workflows.worker")  # also when it runs as __main__


def main() -> int:
    """Run jobs until SIGTERM or SIGINT."""
    _configure_log()
    settings = current_settings()
    executor = os.environ.get("DBOS__VMID") or "worker-0"
    run_folder = settings.data_dir / "run"
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = _lock(run_folder / f"job-{executor}.lock", executor)
    except SetupError as error:
        log.critical("%s", error)
        return 1

    ready = run_folder / "job-worker.ready"
    ready.unlink(missing_ok=True)  # a killed worker leaves it behind
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _launch(settings, executor)
    log.info("The job worker %s is ready", executor)
    _beat_until(stop, ready)

    # A step may still be running. Each one is safe to run again and every record of it is one transaction, so
    # nothing is waited for: the next start goes on. Unwinding instead would mark the job as failed.
    log.info("The job worker %s stops", executor)
    lock.close()
    logging.shutdown()
    os._exit(0)


def _lock(path: Path, executor: str) -> TextIO:
    """Take the executor's name: a second worker of that name would run its jobs twice."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SetupError(
            f"A job worker named {executor!r} runs already on this data folder.",
            "Stop it first, or give this one another name with DBOS__VMID.",
        ) from error
    return lock


def _launch(settings: Settings, executor: str) -> None:
    address = prepare_database(settings)
    # Before the start, so that the engine finds the queue at its first look and not at the next.
    client = DBOSClient(system_database_url=address, application_name=APPLICATION)
    client.register_queue(QUEUE, worker_concurrency=JOBS_AT_ONCE, polling_interval_sec=QUEUE_POLL_S)
    client.destroy()
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": address,
            "executor_id": executor,
            "application_version": JOBS_VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
            "run_migrations": False,
        }
    )
    _adopt_engine_log()
    DBOS.workflow(name=WORKFLOW)(run_process)
    DBOS.launch()


def _configure_log() -> None:
    """Write what the platform says, and of its libraries only what is wrong, to standard error."""
    form = "%(levelname)s %(message)s"  # the supervisor adds the time
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=form, force=True)
    logging.getLogger("geoscope").setLevel(logging.INFO)


def _adopt_engine_log() -> None:
    """Let what the job engine says go where all the rest goes, in the same form."""
    engine = logging.getLogger("dbos")
    engine.handlers.clear()
    engine.propagate = True
    engine.addFilter(_is_no_dismissal)


def _is_no_dismissal(record: logging.LogRecord) -> bool:
    """Keep out the alarm that the engine raises when it stops a job that somebody dismissed."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, dbos_error.DBOSAwaitedWorkflowCancelledError)


def _beat_until(stop: threading.Event, ready: Path) -> None:
    """Keep a file young that tells the supervisor that this process is well."""
    try:
        while not stop.is_set():
            ready.write_text(f"{os.getpid()}\n")
            stop.wait(HEARTBEAT_S)
    finally:
        ready.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
