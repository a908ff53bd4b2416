"""Keeps one part alive: start it when what it needs is ready, probe it, restart it with back-off, stop it."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

import anyio
import psutil
from anyio.abc import Process

from geoscope.runtime import child
from geoscope.runtime.log_files import LogFile, log_path
from geoscope.runtime.plan import FileProbe, Part
from geoscope.runtime.probes import is_well
from geoscope.runtime.state import Condition, PartState

FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 30.0
# After this long without a fall, the next fall counts as the first again.
STEADY_AFTER_S = 30.0
STARTING_PROBE_EVERY_S = 0.1
STEADY_PROBE_EVERY_S = 5.0
# A part that stops answering gets this many chances before it is started anew.
MISSED_PROBES = 6


class PartKeeper:
    """The life of one part.

    Parameters
    ----------
    part : Part
        What to run.
    folder : Path
        The data folder; the part's log goes there.
    on_change : callable
        Called after each change of `state`.
    """

    def __init__(self, part: Part, folder: Path, on_change: Callable[[], None]) -> None:
        self.part = part
        self.state = PartState(
            name=part.name, title=part.title, since=datetime.now(UTC), address=part.address
        )
        self.failures = 0
        self.was_ready = False
        self._log = LogFile(log_path(folder, part.name))
        self._on_change = on_change
        self._changed = anyio.Event()
        self._process: Process | None = None
        self._ended = anyio.Event()
        self._stopping = anyio.Event()
        self._restart_wanted = False

    async def keep(self, needed: list["PartKeeper"]) -> None:
        """Run the part again and again until it is stopped."""
        for keeper in needed:
            await keeper.wait_until_ready()
        while not self._stopping.is_set():
            started = anyio.current_time()
            code = await self._run_once()
            if self._stopping.is_set():
                break
            if self._restart_wanted:
                self._restart_wanted = False
                continue
            if anyio.current_time() - started > STEADY_AFTER_S:
                self.failures = 0
            self.failures += 1
            self._become(Condition.BACKING_OFF, error=_how_it_ended(code))
            await anyio.sleep(min(FIRST_BACK_OFF_S * 2 ** (self.failures - 1), LONGEST_BACK_OFF_S))
        self._become(Condition.STOPPED)

    async def wait_until_ready(self) -> None:
        """Wait until the part is up."""
        while self.state.condition is not Condition.READY:
            await self._changed.wait()

    async def stop(self) -> None:
        """End the part: SIGTERM to its process group, SIGKILL to what is left after its grace."""
        self._stopping.set()
        if self._process is None:
            return
        self._become(Condition.STOPPING)
        await self._end_process()
        self._become(Condition.STOPPED)

    async def restart(self) -> None:
        """End the process and wait until its successor is ready."""
        self._restart_wanted = True
        self._become(Condition.STOPPING)
        await self._end_process()
        await self.wait_until_ready()

    def kill(self) -> None:
        """End the part at once."""
        self._signal(signal.SIGKILL)

    def last_words(self, count: int = 12) -> list[str]:
        """Return the newest lines of the part's log."""
        return self._log.last_lines(count)

    async def _run_once(self) -> int:
        """Start the process, watch it, and return its exit code (negative: the signal that ended it)."""
        self._ended = anyio.Event()
        if isinstance(self.part.probe, FileProbe):
            self.part.probe.path.unlink(missing_ok=True)
        process = await anyio.open_process(
            [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), *self.part.command],
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=os.environ | self.part.environment,
            start_new_session=True,
        )
        self._process = process
        self.state.pid = process.pid
        with suppress(psutil.Error):
            self.state.process_started = psutil.Process(process.pid).create_time()
        self._become(Condition.STARTING)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_log, process)
                tasks.start_soon(self._watch)
                code = await process.wait()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                self._signal(signal.SIGKILL)
                await process.wait()
                self._process = None
                self.state.pid = None
                self._ended.set()
        self._log.say(_how_it_ended(code))
        return code

    async def _keep_log(self, process: Process) -> None:
        if process.stdout is not None:
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                async for piece in process.stdout:
                    self._log.feed(piece)

    async def _watch(self) -> None:
        """Become ready when the probe says so; end the process when it never does, or stops doing so."""
        deadline = anyio.current_time() + self.part.start_timeout_s
        while not await is_well(self.part, thoroughly=True):
            if anyio.current_time() > deadline:
                await self._give_up(f"did not answer within {self.part.start_timeout_s:.0f} s")
                return
            await anyio.sleep(STARTING_PROBE_EVERY_S)
        self.was_ready = True
        self._become(Condition.READY)
        missed = 0
        while missed < MISSED_PROBES:
            await anyio.sleep(STEADY_PROBE_EVERY_S)
            missed = 0 if await is_well(self.part) else missed + 1
        await self._give_up("stopped answering")

    async def _give_up(self, reason: str) -> None:
        self._log.say(f"The part {reason}; it is started anew.")
        self.state.last_error = f"It {reason}."
        self._signal(signal.SIGTERM)
        await anyio.sleep(self.part.stop_grace_s)
        self._signal(signal.SIGKILL)

    async def _end_process(self) -> None:
        ended = self._ended  # the next process brings an event of its own
        self._signal(signal.SIGTERM)
        with anyio.move_on_after(self.part.stop_grace_s):
            await ended.wait()
        if not ended.is_set():
            self._log.say("The part did not stop in time and is killed.")
            self._signal(signal.SIGKILL)
            await ended.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the part's whole process group, grandchildren too."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _become(self, condition: Condition, *, error: str | None = None) -> None:
        self.state.condition = condition
        self.state.since = datetime.now(UTC)
        if error is not None:
            self.state.last_error = error
            self.state.restarts += 1
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        self._on_change()


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def end_leftovers(pids: dict[int, float]) -> None:
    """End processes that a killed supervisor left behind.

    Parameters
    ----------
    pids : dict of int to float
        Process ids with the time at which each was created (seconds since the epoch), so that a process that
        got the number since is let alone.
    """
    leftovers = []
    for pid, created in pids.items():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1.0:
                leftovers += [process, *process.children(recursive=True)]
    for process in leftovers:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(leftovers, timeout=10)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
