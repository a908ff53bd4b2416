"""Keeps the parts of a plan alive: started in order of need, restarted with back-off, stopped in reverse."""

import os
from datetime import UTC, datetime

import anyio
from anyio.abc import TaskGroup

from geoscope.errors import SetupError
from geoscope.runtime.keeper import PartKeeper
from geoscope.runtime.plan import Plan
from geoscope.runtime.state import RunState, write_state

# A part that was never ready and failed this often will not come up by trying again.
HOPELESS_FAILURES = 3
CATCH_UP_EVERY_S = 5.0


class Supervisor:
    """One supervised tree of processes.

    Parameters
    ----------
    plan : Plan
        The parts, each after those that it needs.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._folder = plan.settings.data_dir
        self._started = datetime.now(UTC)
        self._stop = anyio.Event()
        self._changed = anyio.Event()
        self._hurry = False
        self._state_is_behind = False
        self.keepers = {part.name: PartKeeper(part, self._folder, self._note_change) for part in plan.parts}

    @property
    def state(self) -> RunState:
        """The tree as it is now."""
        settings = self.plan.settings
        return RunState(
            pid=os.getpid(),
            address=settings.public_url,
            s3_address=settings.s3_url,
            started=self._started,
            parts=[keeper.state for keeper in self.keepers.values()],
        )

    async def run(self) -> None:
        """Start everything, keep it alive until `stop` is called, then stop everything in reverse order."""
        async with anyio.create_task_group() as tasks:
            for keeper in self.keepers.values():
                needed = [self.keepers[name] for name in keeper.part.after]
                tasks.start_soon(keeper.keep, needed)
            tasks.start_soon(self._catch_up)
            await self._stop.wait()
            await self._stop_all(tasks)

    async def wait_until_ready(self) -> None:
        """Wait until every part is up.

        Raises
        ------
        SetupError
            If a part that never came up keeps failing, with the last lines that it printed.
        """
        while not self.state.ready:
            for keeper in self.keepers.values():
                if keeper.failures >= HOPELESS_FAILURES and not keeper.was_ready:
                    raise SetupError(
                        f"{keeper.part.title} does not start: {keeper.state.last_error}",
                        "\n".join(["Its last words:", *keeper.last_words()]),
                    )
            changed = self._changed
            with anyio.move_on_after(0.2):
                await changed.wait()

    async def restart(self, name: str) -> None:
        """Stop one part and let it start again at once; return when it is ready."""
        await self.keepers[name].restart()

    def stop(self) -> None:
        """Ask for the end; asked twice, nobody is waited for."""
        self._hurry = self._stop.is_set()
        self._stop.set()
        if self._hurry:
            for keeper in self.keepers.values():
                keeper.kill()

    async def _stop_all(self, tasks: TaskGroup) -> None:
        """Stop each part after all those that need it; parts that do not need each other stop together."""
        remaining = dict(self.keepers)
        while remaining:
            needed = {name for keeper in remaining.values() for name in keeper.part.after}
            free = [keeper for name, keeper in remaining.items() if name not in needed]
            async with anyio.create_task_group() as stopping:
                for keeper in free:
                    stopping.start_soon(keeper.stop)
                    del remaining[keeper.part.name]
        tasks.cancel_scope.cancel()

    def _note_change(self) -> None:
        self._write_state()
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _write_state(self) -> None:
        """Write the state file; a full disk must not stop the platform, so it may have to wait."""
        try:
            write_state(self._folder, self.state)
        except OSError:
            self._state_is_behind = True
        else:
            self._state_is_behind = False

    async def _catch_up(self) -> None:
        while True:
            await anyio.sleep(CATCH_UP_EVERY_S)
            if self._state_is_behind:
                self._write_state()
