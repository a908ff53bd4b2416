"""The demo as a job: the worker is killed in the middle, and the next one ends the work."""

import os
import subprocess
import sys
import time

import httpx
import pytest
from fastapi.testclient import TestClient

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.settings import current_settings
from geoscope.workflows.api import create_application


@pytest.fixture
def jobs(empty_platform, environment, monkeypatch):
    """A client of the jobs of this platform."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    current_settings.cache_clear()
    token = issue_token(empty_platform, "service:test", frozenset({ADMINISTRATOR}))
    with TestClient(create_application(), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client
    current_settings.cache_clear()


@pytest.fixture
def start_worker(empty_platform, environment):
    started = []
    log_path = empty_platform.data_dir / "logs" / "job-worker.log"

    def start():
        with log_path.open("ab") as log:
            command = [sys.executable, "-m", "geoscope.workflows.worker"]
            started.append(subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_killed_in_the_middle_the_demo_is_whole_at_the_end(empty_platform, jobs, start_worker):
    asked = jobs.post("/processes/load-demo/execution", json={"inputs": {}})
    assert asked.status_code == 201
    address = asked.headers["location"]

    first = start_worker()
    reached = watch(jobs, address, lambda job: job["progress"] >= 40)
    first.kill()
    first.wait()
    assert jobs.get(address).json()["status"] == "running"
    assert len(registered(empty_platform)) < 6

    start_worker()
    ended = watch(jobs, address, lambda job: job["status"] not in ("accepted", "running"))
    assert (ended["status"], ended["message"], ended["progress"]) == ("successful", "Done.", 100)
    assert ended["updated"] > reached["updated"]
    assert len(registered(empty_platform)) == 6
    results = jobs.get(f"{address}/results").json()
    assert set(results["items"].values()) == {"stored"}


def watch(jobs, address, condition, timeout_s=120):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        job = jobs.get(address).json()
        if condition(job):
            return job
        time.sleep(0.02)
    raise AssertionError(f"The job did not get there within {timeout_s} s: {job}")


def registered(settings):
    address = f"{settings.internal.data_apis_url}/stac/search?limit=100"
    return httpx.get(address, trust_env=False).json()["features"]
