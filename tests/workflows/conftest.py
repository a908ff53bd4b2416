"""A job worker in a process of its own, and a stranger's package of processes that it discovers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from geoscope.access import issue_token
from geoscope.secrets import ensure_secrets
from geoscope.settings import Settings, current_settings
from geoscope.workflows.api import create_application

SAMPLE_PROCESSES = '''
import time
from pathlib import Path

from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.processes import Process


def count(job, inputs):
    """Leave one line in a file for each time that a step is run."""
    steps = inputs["steps"]
    kept = []
    for number in range(steps):
        job.report(number, steps, f"Step {number}")
        kept.append(job.step(f"Count {number}", lambda: one(number, inputs)))
    return {"numbers": kept}


def one(number, inputs):
    with Path(inputs["diary"]).open("a") as diary:
        diary.write(f"{number}\\n")
    time.sleep(inputs.get("pause_s", 0))
    return number


def refuse(job, inputs):
    def work():
        raise InvalidInputError("The area is empty.", "Give another one.")

    job.step("Look", work)


def break_down(job, inputs):
    job.step("Look", lambda: {}["the-secret-password"])


def come_late(job, inputs):
    def work():
        path = Path(inputs["diary"])
        path.open("a").write("tried\\n")
        if len(path.read_text().splitlines()) < 2:
            raise UnavailableError("The catalogue does not answer.")
        return "here"

    return {"answer": job.step("Ask", work)}


DIARY = {"diary": {"title": "File", "schema": {"type": "string"}}}
STEPS = {"steps": {"title": "Steps", "schema": {"type": "integer"}}}
PAUSE = {"pause_s": {"title": "Pause", "minOccurs": 0, "schema": {"type": "number"}}}
COUNT = Process("count", "Count", "Counts.", "1", count, "counter", DIARY | STEPS | PAUSE)
REFUSE = Process("refuse", "Refuse", "Refuses.", "1", refuse)
BREAK_DOWN = Process("break-down", "Break down", "Breaks down.", "1", break_down)
COME_LATE = Process("come-late", "Come late", "Comes late.", "1", come_late, inputs=DIARY)
'''

ENTRY_POINTS = """[geoscope.processes]
count = sample_processes:COUNT
refuse = sample_processes:REFUSE
break-down = sample_processes:BREAK_DOWN
come-late = sample_processes:COME_LATE
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """The settings of a new installation, in this process and in those that it starts."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    monkeypatch.setenv("GEOSCOPE_DATA_DIR", str(data_dir))
    settings = Settings(data_dir=data_dir)
    ensure_secrets(settings)
    current_settings.cache_clear()
    yield settings
    current_settings.cache_clear()


@pytest.fixture
def sample_processes(tmp_path, monkeypatch):
    """An installed distribution with processes, as a stranger would publish it."""
    site = tmp_path / "site"
    metadata = site / "sample_processes-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-processes\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "sample_processes.py").write_text(SAMPLE_PROCESSES)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield site
    sys.modules.pop("sample_processes", None)


def wait_for(condition, timeout_s=60.0):
    """Return the first truthy answer."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not come true within {timeout_s} s")


class Worker:
    """A job worker in a process of its own."""

    def __init__(self, settings: Settings, log_path: Path) -> None:
        self.ready_file = settings.data_dir / "run" / "job-worker.ready"
        self.log_path = log_path
        self.process: subprocess.Popen | None = None

    def start(self, *, wait: bool = True) -> None:
        environment = os.environ | {"DBOS__VMID": "job-worker-0"}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "geoscope.workflows.worker"], env=environment, stderr=log, stdout=log
            )
        if wait:
            wait_for(self.is_ready)

    def is_ready(self) -> bool:
        assert self.process is not None
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(self.ready_file.read_text()) == self.process.pid
        return False

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)

    @property
    def log(self) -> str:
        return self.log_path.read_text()


@pytest.fixture
def make_worker(settings, tmp_path):
    """Make workers that are killed at the end."""
    made = []

    def make(name="worker"):
        made.append(Worker(settings, tmp_path / f"{name}.log"))
        return made[-1]

    yield make
    for worker in made:
        worker.kill()


@pytest.fixture
def worker(make_worker):
    return make_worker()


@pytest.fixture
def client(settings, sample_processes):
    with TestClient(create_application()) as client:
        yield client


@pytest.fixture
def headers(settings):
    """Make the headers of a principal."""

    def make(subject="ada", *roles):
        return {"Authorization": f"Bearer {issue_token(settings, subject, frozenset(roles))}"}

    return make


@pytest.fixture(name="wait_for")
def wait_for_fixture():
    return wait_for


@pytest.fixture
def ended(client):
    """Wait until a job has ended, and return how it stands."""

    def wait(job_id):
        def look():
            job = client.get(f"/jobs/{job_id}").json()
            return job if job["status"] in ("successful", "failed", "dismissed") else None

        return wait_for(look)

    return wait
