"""Jobs run by a real worker in a process of its own, killed and stopped as it happens in life."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from running import until


@pytest.fixture
def ask(client, headers):
    def ask(process, **inputs):
        principal = headers("ada", "administrator")
        response = client.post(f"/processes/{process}/execution", json={"inputs": inputs}, headers=principal)
        return response.json()["jobID"]

    return ask


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def test_a_job_that_waited_runs_when_the_worker_comes(client, worker, ask, ended, tmp_path):
    job_id = ask("count", diary=str(tmp_path / "diary"), steps=3)
    worker.start()
    job = ended(job_id)
    assert (job["status"], job["progress"]) == ("successful", 100)
    assert job["created"] <= job["started"] <= job["finished"]
    assert client.get(f"/jobs/{job_id}/results").json() == {"numbers": [0, 1, 2]}
    assert lines(tmp_path / "diary") == ["0", "1", "2"]


def test_a_killed_worker_goes_on_at_the_step_it_had_reached(client, worker, ask, ended, wait_for, tmp_path):
    diary = tmp_path / "diary"
    worker.start()
    job_id = ask("count", diary=str(diary), steps=6, pause_s=0.4)
    wait_for(lambda: len(lines(diary)) == 3)
    worker.kill()
    while_down = client.get(f"/jobs/{job_id}").json()
    assert while_down["status"] == "running"
    assert while_down["progress"] == pytest.approx(100 * 2 / 6, abs=1)
    assert while_down["message"] == "Step 2"
    worker.start()
    assert ended(job_id)["status"] == "successful"
    assert lines(diary) == ["0", "1", "2", "2", "3", "4", "5"]
    assert client.get(f"/jobs/{job_id}/results").json() == {"numbers": [0, 1, 2, 3, 4, 5]}


def test_a_stopped_worker_ends_at_once_and_its_job_goes_on_later(worker, ask, ended, wait_for, tmp_path):
    diary = tmp_path / "diary"
    worker.start()
    job_id = ask("count", diary=str(diary), steps=3, pause_s=0.5)
    wait_for(lambda: lines(diary) == ["0", "1"])
    assert worker.stop() == 0
    assert not worker.ready_file.exists()
    worker.start()
    assert ended(job_id)["status"] == "successful"
    assert lines(diary) == ["0", "1", "1", "2"]


def test_a_dismissed_job_stops_before_its_next_step_without_an_alarm(
    client, headers, worker, ask, ended, wait_for, tmp_path
):
    diary = tmp_path / "diary"
    worker.start()
    job_id = ask("count", diary=str(diary), steps=50, pause_s=0.2)
    wait_for(lambda: len(lines(diary)) >= 2)
    client.delete(f"/jobs/{job_id}", headers=headers("ada", "administrator"))
    after = ask("count", diary=str(tmp_path / "other"), steps=1)
    assert ended(after)["status"] == "successful"
    assert client.get(f"/jobs/{job_id}").json()["status"] == "dismissed"
    assert len(lines(diary)) < 10
    assert "Traceback" not in worker.log
    assert "ERROR" not in worker.log


def test_a_failed_job_says_why_in_the_words_of_the_error(client, worker, ask, ended):
    worker.start()
    job_id = ask("refuse")
    job = ended(job_id)
    assert job["status"] == "failed"
    assert job["message"] == "The area is empty. Give another one."
    results = client.get(f"/jobs/{job_id}/results")
    assert (results.status_code, results.json()["detail"]) == (500, job["message"])


def test_an_unforeseen_error_tells_the_user_nothing_of_the_inside(worker, ask, ended):
    worker.start()
    job = ended(ask("break-down"))
    assert job["status"] == "failed"
    assert "KeyError" in job["message"]
    assert "secret-password" not in job["message"]
    until(lambda: "the-secret-password" in worker.log, what="all of it in the log, for the operator")


def test_a_part_that_does_not_answer_yet_is_asked_again(client, worker, ask, ended, tmp_path):
    worker.start()
    job_id = ask("come-late", diary=str(tmp_path / "diary"))
    assert ended(job_id)["status"] == "successful"
    assert client.get(f"/jobs/{job_id}/results").json() == {"answer": "here"}
    assert lines(tmp_path / "diary") == ["tried", "tried"]


def test_a_second_worker_of_the_same_name_is_refused(make_worker):
    worker, second = make_worker("first"), make_worker("second")
    worker.start()
    second.start(wait=False)
    assert second.process.wait(timeout=20) == 1
    assert "runs already on this data folder" in second.log
    assert worker.is_ready()


def test_an_idle_worker_is_small_and_opens_no_port(worker):
    worker.start()
    process = psutil.Process(worker.process.pid)
    assert process.memory_info().rss < 120e6
    assert process.net_connections() == []


def test_looking_for_processes_loads_no_heavy_library():
    code = (
        "import sys, geoscope.workflows.worker\n"
        "from geoscope.processes import installed_processes\n"
        "assert 'load-demo' in installed_processes()\n"
        "print(sorted({'xarray', 'zarr', 'numpy', 'pystac', 'httpx'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
