"""The supervisor with real processes: order, back-off, restart, stop, and no orphans."""

import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import anyio
import psutil
import pytest

from geoscope.errors import SetupError
from geoscope.runtime.plan import FileProbe, HttpProbe, Part, Plan
from geoscope.runtime.ports import free_ports
from geoscope.runtime.state import Condition, read_state
from geoscope.runtime.supervisor import Supervisor
from geoscope.settings import Settings

pytestmark = pytest.mark.anyio

SERVER = """
import http.server, sys
address, handler = ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
http.server.ThreadingHTTPServer(address, handler).serve_forever()
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def settings(tmp_path):
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    return Settings(data_dir=tmp_path)


def server(name, port, after=(), code=SERVER, **more):
    return Part(
        name=name,
        title=name,
        command=(sys.executable, "-c", code, str(port)),
        after=after,
        probe=HttpProbe(f"http://127.0.0.1:{port}/"),
        stop_grace_s=2.0,
        **more,
    )


@asynccontextmanager
async def running(settings, *parts, ready=True):
    supervisor = Supervisor(Plan(settings, parts))
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervisor.run)
            try:
                if ready:
                    await supervisor.wait_until_ready()
                yield supervisor
            finally:
                supervisor.stop()


def part_state(supervisor, name):
    return next(part for part in supervisor.state.parts if part.name == name)


async def until(condition, timeout_s=20.0):
    with anyio.fail_after(timeout_s):
        while not condition():  # noqa: ASYNC110 (the condition is another process's)
            await anyio.sleep(0.02)


async def test_parts_start_only_when_what_they_need_is_ready(settings, tmp_path):
    ports = free_ports(("first", "second"))
    witness = (
        f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{ports['first']}/')\n" + SERVER
    )
    async with running(
        settings, server("first", ports["first"]), server("second", ports["second"], ("first",), witness)
    ) as supervisor:
        assert part_state(supervisor, "second").restarts == 0
        assert read_state(tmp_path).ready
    stopped = [part.condition for part in supervisor.state.parts]
    assert stopped == [Condition.STOPPED, Condition.STOPPED]


async def test_a_killed_part_comes_back_with_a_new_process(settings):
    async with running(settings, server("web", free_ports(("web",))["web"])) as supervisor:
        first = part_state(supervisor, "web").pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: part_state(supervisor, "web").restarts == 1)
        await supervisor.wait_until_ready()
        state = part_state(supervisor, "web")
        assert state.pid != first
        assert "SIGKILL" in state.last_error


async def test_grandchildren_end_with_their_part(settings, tmp_path):
    code = (
        f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "grandchild")!r}, "w").write(str(child.pid))
"""
        + SERVER
    )
    port = free_ports(("web",))["web"]
    async with running(settings, server("web", port, code=code)) as supervisor:
        grandchild = int((tmp_path / "grandchild").read_text())
        os.kill(part_state(supervisor, "web").pid, signal.SIGKILL)
        await until(
            lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == "zombie"
        )


async def test_restart_returns_when_the_successor_is_ready(settings):
    async with running(settings, server("web", free_ports(("web",))["web"])) as supervisor:
        first = part_state(supervisor, "web").pid
        await supervisor.restart("web")
        state = part_state(supervisor, "web")
        assert (state.condition, state.restarts) == (Condition.READY, 0)
        assert state.pid != first


async def test_a_part_that_ignores_sigterm_is_killed_after_its_grace(settings):
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
    async with running(settings, server("web", free_ports(("web",))["web"], code=code)) as supervisor:
        pid = part_state(supervisor, "web").pid
    assert not psutil.pid_exists(pid)


async def test_parts_stop_in_reverse_order(settings, tmp_path):
    def noting(name):
        return (
            f"""
import signal, sys, time
def end(*_):
    open({str(tmp_path / "order")!r}, "a").write("{name} ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
"""
            + SERVER
        )

    ports = free_ports(("first", "second"))
    async with running(
        settings,
        server("first", ports["first"], code=noting("first")),
        server("second", ports["second"], ("first",), noting("second")),
    ):
        pass
    assert (tmp_path / "order").read_text() == "second first "


async def test_a_hopeless_part_is_reported_with_its_last_words(settings):
    broken = Part(
        "broken", "Broken part", (sys.executable, "-c", "raise SystemExit('no such thing')"),
        probe=HttpProbe("http://127.0.0.1:9/"),
    )  # fmt: skip
    supervisor = Supervisor(Plan(settings, (broken,)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervisor.run)
        with pytest.raises(SetupError, match="Broken part does not start") as caught:
            await supervisor.wait_until_ready()
        supervisor.stop()
    assert "no such thing" in caught.value.remedy


async def test_a_file_probe_wants_a_fresh_file(settings, tmp_path):
    beat = tmp_path / "run" / "beat"
    beat.touch()
    code = f"import pathlib, time; time.sleep(0.5); pathlib.Path({str(beat)!r}).touch(); time.sleep(600)"
    part = Part("beating", "beating", (sys.executable, "-c", code), probe=FileProbe(beat, max_age_s=30))
    started = time.monotonic()
    async with running(settings, part):
        assert time.monotonic() - started > 0.5


def test_children_end_with_a_killed_supervisor(settings, tmp_path):
    port = free_ports(("web",))["web"]
    script = f"""
import anyio
from geoscope.runtime.plan import HttpProbe, Part, Plan
from geoscope.runtime.supervisor import Supervisor
from geoscope.settings import Settings
import sys
part = Part("web", "web", (sys.executable, "-c", {SERVER!r}, "{port}"), probe=HttpProbe("http://127.0.0.1:{port}/"))
anyio.run(Supervisor(Plan(Settings(data_dir={str(tmp_path)!r}), (part,))).run)
"""
    with subprocess.Popen([sys.executable, "-c", script]) as supervisor:
        deadline = time.monotonic() + 30
        while not ((state := read_state(tmp_path)) and state.ready):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        supervisor.kill()
    child = state.parts[0].pid
    while psutil.pid_exists(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)
