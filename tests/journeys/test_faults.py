"""What happens when something goes wrong: ports, folders, killed parts, a killed supervisor, Ctrl-C."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import httpx
import obstore
import pytest

from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from running import answers, until

PARTS = ["object-store", "portal", "data-apis", "job-worker", "edge"]


@pytest.fixture(scope="module")
def victim(new_platform):
    """A platform of its own to be hurt, without demo data."""
    platform = new_platform()
    platform.start("--no-demo")
    yield platform
    platform.end()


@pytest.fixture
def running_victim(victim):
    """The same, started again if a test has ended it."""
    if victim.process.poll() is not None:
        victim.start("--no-demo")
    return victim


def store(platform):
    return open_bucket(platform.settings, "products", read_s3_keys(platform.settings, "jobs"))


def is_well(platform):
    paths = ("/", "/stac", "/data/health", "/processes", "/services")
    return platform.state.ready and all(answers(platform.url + path) for path in paths)


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_back_in_seconds(running_victim, part):
    restarts = running_victim.restarts(part)
    os.kill(running_victim.pid(part), signal.SIGKILL)
    until(lambda: running_victim.restarts(part) > restarts, what="the supervisor's notice")
    until(lambda: is_well(running_victim), timeout_s=30)
    document = json.loads(running_victim.run("status", "--json").stdout)
    told = next(each for each in document["parts"] if each["name"] == part)
    assert (told["state"], told["last_error"]) == ("ready", "ended by SIGKILL")


def test_visitors_wait_at_the_edge_while_a_part_restarts(running_victim):
    os.kill(running_victim.pid("portal"), signal.SIGKILL)
    assert httpx.get(running_victim.url, timeout=30).status_code == 200


def test_no_acknowledged_object_is_lost_when_the_store_is_killed(running_victim):
    bucket = store(running_victim)
    for number in range(200):
        obstore.put(bucket, f"kept/{number}", f"content {number}".encode())
    restarts = running_victim.restarts("object-store")
    os.kill(running_victim.pid("object-store"), signal.SIGKILL)
    until(lambda: running_victim.restarts("object-store") > restarts)
    until(lambda: is_well(running_victim))
    bucket = store(running_victim)
    for number in range(200):
        assert bytes(obstore.get(bucket, f"kept/{number}").bytes()) == f"content {number}".encode()


def test_restart_by_service_id_restarts_its_part(running_victim):
    before = running_victim.pid("data-apis")
    running_victim.run("restart", "catalogue")
    assert running_victim.pid("data-apis") != before
    assert is_well(running_victim)
    wrong = running_victim.run("restart", "catalog", check=False)
    assert wrong.returncode == 1
    assert "data-apis" in wrong.stderr


def test_a_second_start_on_the_same_folder_says_where_the_first_runs(running_victim):
    done = running_victim.run("up", "--port", "1", check=False)
    assert done.returncode == 1
    assert running_victim.url in done.stderr
    assert "geoscope stop" in done.stderr
    assert is_well(running_victim)


def test_a_taken_port_is_told_and_nothing_starts(new_platform):
    platform = new_platform()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", platform.port))
        holder.listen()
        done = platform.run("up", "--port", str(platform.port), check=False)
    assert done.returncode == 1
    assert f"Port {platform.port}" in done.stderr
    assert str(os.getpid()) in done.stderr
    assert platform.processes() == []


def test_a_foreign_folder_is_told_and_left_alone(new_platform):
    platform = new_platform()
    platform.data_dir.mkdir()
    (platform.data_dir / "thesis.tex").write_text("precious")
    done = platform.run("up", check=False)
    assert done.returncode == 1
    assert "belongs to something else" in done.stderr
    assert [path.name for path in platform.data_dir.iterdir()] == ["thesis.tex"]


def test_commands_without_a_running_platform_say_so(new_platform):
    platform = new_platform()
    for command in ("stop", "restart data-apis", "login-link", "demo"):
        done = platform.run(*command.split(), check=False)
        assert done.returncode == 1
        assert "geoscope up" in done.stderr
    assert platform.run("status", check=False).returncode == 3


def test_stop_ends_everything_and_the_next_start_asks_nothing(running_victim):
    bucket = store(running_victim)
    obstore.put(bucket, "kept/over-restart", b"still here")
    running_victim.run("stop")
    assert running_victim.process.wait(timeout=10) == 0
    assert running_victim.processes() == []
    printed = "".join(running_victim.start("--no-demo"))
    assert "Sign in once" not in printed
    assert bytes(obstore.get(store(running_victim), "kept/over-restart").bytes()) == b"still here"


def test_a_killed_supervisor_leaves_nothing_that_blocks_the_next_start(running_victim):
    running_victim.process.kill()
    running_victim.process.wait()
    running_victim.start("--no-demo")
    assert is_well(running_victim)


def test_ctrl_c_in_any_phase_ends_everything_and_the_next_start_goes_on(new_platform):
    platform = new_platform()
    for moment in ("at once", "while the parts start", "when ready"):
        platform.begin("--no-demo")
        if moment == "while the parts start":
            until(lambda: platform.state is not None)
        elif moment == "when ready":
            platform.wait_for("ready at")
        else:
            time.sleep(0.3)
        platform.process.send_signal(signal.SIGINT)
        platform.process.communicate(timeout=30)
        assert platform.processes() == [], moment
    platform.start("--no-demo")
    assert is_well(platform)
    platform.end()


def test_up_in_the_background_returns_when_ready(new_platform):
    platform = new_platform()
    options = ("--port", str(platform.port), "--s3-port", str(platform.s3_port))
    done = platform.run("up", "--detach", "--no-demo", *options)
    assert platform.url in done.stdout
    assert is_well(platform)
    platform.run("stop")
    assert platform.processes() == []


def test_an_interrupted_demo_goes_on_at_the_next_start(new_platform):
    platform = new_platform()
    platform.begin()
    platform.wait_for("ready at")
    jobs = f"{platform.url}/stac/collections"
    until(lambda: httpx.get(jobs).json()["collections"], what="the first collection")
    platform.process.kill()
    platform.process.wait()
    platform.start()
    assert (platform.data_dir / "demo-loaded").exists()
    assert len(httpx.get(jobs).json()["collections"]) == 5
    before = httpx.get(f"{platform.url}/stac/search").json()["features"]
    platform.run("demo")
    assert httpx.get(f"{platform.url}/stac/search").json()["features"] == before
    platform.end()


def test_secrets_stand_in_no_log_and_no_command_line(running_victim):
    secrets = [
        path.read_text().strip()
        for path in (running_victim.data_dir / "secrets").iterdir()
        if path.suffix != ".json" and path.stat().st_size < 200
    ]
    secrets += [read_s3_keys(running_victim.settings, name).secret_key for name in ("platform", "jobs")]
    logs = "".join(
        path.read_text(errors="replace") for path in (running_victim.data_dir / "logs").glob("*.log")
    )
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    for secret in secrets:
        assert secret not in logs
        assert secret not in lines


def test_foreign_host_names_are_refused(running_victim):
    answer = httpx.get(running_victim.url, headers={"Host": "evil.example"})
    assert answer.status_code == 421


def test_a_disk_that_fills_up_stops_nothing_and_all_goes_on_when_there_is_room(new_platform, small_disk):
    disk = small_disk("size=700m")
    platform = new_platform()
    platform.data_dir = disk / "data"
    platform.start("--no-demo")
    with (disk / "fill").open("wb") as fill, contextlib.suppress(OSError):
        while True:
            fill.write(bytes(1024**2))
    refused = platform.run("demo", check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    os.kill(platform.pid("portal"), signal.SIGKILL)
    until(lambda: answers(platform.url), what="the portal")
    (disk / "fill").unlink()
    assert "Demo data loaded" in platform.run("demo").stdout
    assert len(httpx.get(f"{platform.url}/stac/collections").json()["collections"]) == 5
    until(lambda: platform.state.ready, what="the state file")
    platform.end()
