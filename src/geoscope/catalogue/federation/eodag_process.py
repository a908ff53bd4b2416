"""eodag's own process: started when first asked for, ended when idle, replaced when it hangs or dies."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from geoscope.catalogue.federation.backends import BackendError, CredentialsNeededError
from geoscope.errors import InvalidInputError, NotFoundError

# Beyond every time-out inside of the process: whoever answers no request by then hangs.
PATIENCE_S = 120.0
MAX_LINE_BYTES = 64 * 1024**2

_KILL_AFTER_S = 5.0
_ENDED = "eodag's process has ended; it is started anew."

type Json = dict[str, Any]

# Told of bytes that have come, and in all; answers whether to go on.
type Progress = Callable[[int, int | None], bool]


class ItemMissingError(NotFoundError):
    """The provider has no such item or collection."""


class EodagProcess:
    """Answers requests through a child process.

    Parameters
    ----------
    folder : Path
        Where eodag keeps its configuration; nothing else of the person's own is read.
    idle_s : float
        After how long without a request the process ends.
    patience_s : float
        After how long a request that is not a download is given up, and the process replaced.
    """

    def __init__(self, folder: Path, idle_s: float, patience_s: float = PATIENCE_S) -> None:
        self._folder = folder
        self._idle_s = idle_s
        self.patience_s = patience_s
        self._child: _Child | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id, while it runs."""
        return self._child.process.pid if self._child is not None and self._child.is_alive else None

    async def ask(self, work: str, request: Json, progress: Progress | None = None) -> Json:
        """Return what the process answers.

        Parameters
        ----------
        work : str
            A method of `eodag_gateway.ProviderGateway`.
        request : dict
            `provider`, `definition`, `credentials` and `asked`.
        progress : callable, optional
            Told of a download, which may take as long as it needs.

        Raises
        ------
        BackendError
            If the provider fails, or the process does.
        ItemMissingError, InvalidInputError
            If the provider has no such thing, or refuses the request.
        """
        child = await self._running()
        try:
            async with asyncio.timeout(None if progress else self.patience_s):
                answer = await child.ask({"work": work, **request}, progress)
        except TimeoutError:
            await child.end()
            raise BackendError(f"It did not answer within {self.patience_s:.0f} s.") from None
        if "error" in answer:
            raise _error(*answer["error"])
        result: Json = answer["result"]
        return result

    async def close(self) -> None:
        """End the process."""
        if self._child is not None:
            await self._child.end()

    async def _running(self) -> "_Child":
        async with self._starting:
            if self._child is None or not self._child.is_alive:
                self._folder.mkdir(parents=True, exist_ok=True)
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "geoscope.catalogue.federation.eodag_worker", str(self._folder)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=MAX_LINE_BYTES,
                )
                self._child = _Child(process, self._idle_s)
            return self._child


class _Child:
    """One child process: who waits for which of its answers, and when it was last used."""

    def __init__(self, process: asyncio.subprocess.Process, idle_s: float) -> None:
        self.process = process
        self.is_alive = True
        self._idle_s = idle_s
        self._last_use_s = time.monotonic()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._progress: dict[int, Progress] = {}
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._watch())]

    async def ask(self, request: Json, progress: Progress | None) -> Json:
        """Send a request and return its answer."""
        self._number += 1
        number = self._number
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        if progress is not None:
            self._progress[number] = progress
        try:
            await self._send(orjson.dumps({"number": number, **request}) + b"\n")
            return await future
        finally:
            self._waiting.pop(number, None)
            self._progress.pop(number, None)
            self._last_use_s = time.monotonic()

    async def end(self) -> None:
        """End the process, by force if it does not of itself; whoever waits is told."""
        self.is_alive = False
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(_KILL_AFTER_S):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        await asyncio.wait(self._tasks[:1])

    async def _send(self, line: bytes) -> None:
        if self.process.stdin is None or not self.is_alive:
            raise BackendError(_ENDED)
        try:
            self.process.stdin.write(line)
            await self.process.stdin.drain()
        except OSError as error:
            raise BackendError(_ENDED) from error

    async def _listen(self) -> None:
        """Hand each answer to who waits for it; when the process ends, tell all who wait."""
        try:
            while self.process.stdout is not None and (line := await self.process.stdout.readline()):
                await self._hand_out(orjson.loads(line))
        except (ValueError, KeyError, TypeError):
            # A line that is too long or no JSON: nothing after it can be trusted.
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        finally:
            self.is_alive = False
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(BackendError(_ENDED))

    async def _hand_out(self, answer: Json) -> None:
        number: int = answer["number"]
        if "progress" in answer:
            self._last_use_s = time.monotonic()
            progress = self._progress.get(number)
            if progress is None or not progress(*answer["progress"]):
                with contextlib.suppress(BackendError):
                    await self._send(orjson.dumps({"stop": number}) + b"\n")
        elif (future := self._waiting.get(number)) is not None and not future.done():
            future.set_result(answer)

    async def _watch(self) -> None:
        """End the process when nobody has asked for long."""
        while self.is_alive:
            rest_s = self._last_use_s + self._idle_s - time.monotonic()
            if rest_s <= 0 and not self._waiting:
                await self.end()
                return
            await asyncio.sleep(max(0.05, min(rest_s, 1.0)))
        await self.process.wait()


def _error(kind: str, message: str) -> Exception:
    match kind:
        case "credentials":
            return CredentialsNeededError(f"It asks for credentials, or for others: {message}")
        case "missing":
            return ItemMissingError(message)
        case "refused":
            return InvalidInputError(f"The provider refuses the request: {message}")
    return BackendError(message)
