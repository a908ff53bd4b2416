"""`geoscope jobs`: what it shows and ends, against the real service and a real worker."""

import json
import socket
import sys
import threading

import pytest
import uvicorn

from geoscope.access import issue_token
from geoscope.cli.main import main
from geoscope.workflows.api import create_application
from running import until


@pytest.fixture
def url(settings, sample_processes):
    """The address of the workflows service, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_application(), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def jobs(settings, url, tmp_path, monkeypatch, capsys):
    """Run `geoscope jobs` as somebody who has no sign-in kept: exit code, output, problems."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words, user="ada", roles=()):
        monkeypatch.setenv("GEOSCOPE_TOKEN", issue_token(settings, user, frozenset(roles)))
        monkeypatch.setattr(sys, "argv", ["geoscope", "jobs", *words, "--url", url])
        with pytest.raises(SystemExit) as ended:
            sys.exit(main())
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def ask(client, headers, tmp_path):
    def ask(process="count", user="ada", **inputs):
        inputs = {"diary": str(tmp_path / "diary"), "steps": 1} | inputs if process == "count" else inputs
        principal = headers(user, "counter", "administrator")
        answer = client.post(f"/processes/{process}/execution", json={"inputs": inputs}, headers=principal)
        return answer.json()["jobID"]

    return ask


def test_everybody_lists_their_own_jobs_and_an_administrator_all(jobs, ask):
    own = [ask(steps=1), ask(steps=2)]
    other = ask(user="bob", steps=3)
    code, output, problems = jobs("list", "--json")
    assert (code, [each["jobID"] for each in json.loads(output)]) == (0, own[::-1]), problems
    assert [each["jobID"] for each in json.loads(jobs("list", "--limit", "1", "--json")[1])] == own[1:]
    everybody = json.loads(jobs("list", "--json", roles=["administrator"])[1])
    assert [each["jobID"] for each in everybody] == [other, *own[::-1]]
    # A job's id is whole on a terminal of 80 columns: it is there to be copied.
    table = jobs("list")[1]
    assert own[0] in table
    assert "count" in table
    assert jobs("list", user="carl")[1] == "There is no job.\n"


def test_only_jobs_of_a_state_are_listed(jobs, ask):
    waiting, cancelled = ask(steps=1), ask(steps=2)
    assert jobs("cancel", cancelled)[0] == 0
    assert [each["jobID"] for each in json.loads(jobs("list", "--status", "accepted", "--json")[1])] == [
        waiting
    ]
    assert jobs("list", "--status", "failed")[1] == "There is no such job.\n"
    code, _output, problems = jobs("list", "--status", "asleep")
    assert code == 2
    assert "accepted" in problems


def test_a_job_under_way_is_shown_and_cancelled(jobs, ask, worker, tmp_path):
    worker.start()
    job = ask(steps=200, pause_s=0.1)
    shown = until(lambda: (told := jobs("show", job)[1]).count("Step ") and told)
    assert shown.startswith("count: running, ")
    code, output, problems = jobs("cancel", job)
    assert (code, output) == (0, "count: Dismissed.\n"), problems
    done = (tmp_path / "diary").read_text().splitlines()
    shown = json.loads(jobs("show", job, "--json")[1])
    assert (shown["status"], "results" in shown) == ("dismissed", False)
    # A job that was asked for later begins: nothing of the cancelled one is in its way.
    later = ask(steps=1, diary=str(tmp_path / "other"))
    until(lambda: json.loads(jobs("show", later, "--json")[1])["status"] == "successful")
    assert len((tmp_path / "diary").read_text().splitlines()) <= len(done) + 1


def test_a_job_that_has_ended_shows_its_results_and_is_forgotten_only_by_that_word(jobs, ask, worker, ended):
    worker.start()
    job = ask(steps=2)
    ended(job)
    assert json.loads(jobs("show", job, "--json")[1])["results"] == {"numbers": [0, 1]}
    assert "numbers: [0,1]" in jobs("show", job)[1]
    code, _output, problems = jobs("cancel", job)
    assert code == 1
    assert "ended already (successful)" in problems
    assert "--forget" in problems
    assert jobs("cancel", job, "--forget")[:2] == (0, "count: The job and its results are gone.\n")
    assert "There is no job" in jobs("show", job)[2]


def test_a_failed_job_says_why(jobs, ask, worker, ended):
    worker.start()
    job = ask("refuse")
    ended(job)
    assert jobs("show", job)[1].startswith("refuse: failed. The area is empty.")


def test_nobody_cancels_the_job_of_somebody_else_but_an_administrator(jobs, ask):
    job = ask(user="bob")
    code, _output, problems = jobs("cancel", job)
    assert code == 1
    assert "administrator" in problems
    assert json.loads(jobs("show", job, "--json")[1])["status"] == "accepted"
    assert jobs("cancel", job, roles=["administrator"])[0] == 0
    assert json.loads(jobs("show", job, "--json")[1])["status"] == "dismissed"


@pytest.mark.parametrize("word", ["show", "cancel"])
@pytest.mark.parametrize(
    "job",
    ["0f2a4e1c-7b77-4c57-9a0e-2f6d8a1b3c5d", "../processes", "?limit=1", "x" * 3000],
    ids=["unknown", "path", "query", "long"],
)
def test_a_job_that_is_not_there_is_named(jobs, word, job):
    code, output, problems = jobs(word, job)
    assert (code, output) == (1, "")
    assert "There is no job" in problems
