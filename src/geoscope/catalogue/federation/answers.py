"""Answers of backends, kept for a while: whoever asks the same gets the same, and a backend is asked once."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast


class _Kept(NamedTuple):
    answer: object
    size_bytes: int
    until_s: float


class AnswerCache:
    """Keeps answers in memory, limited in size and time; a failure is never kept.

    Parameters
    ----------
    max_bytes : int
        Most that is kept; what was not used for longest goes first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, asyncio.Task[object]] = {}

    async def get[Value](
        self,
        key: str,
        lifetime_s: float,
        make: Callable[[], Awaitable[Value]],
        size_bytes: Callable[[Value], int],
    ) -> Value:
        """Return the answer of a key, made if it is not there.

        Who stops waiting does not stop the making: the next who asks finds the answer.
        """
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.until_s:
            self._kept.move_to_end(key)
            # The key says of which kind the answer is.
            return cast("Value", kept.answer)
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, lifetime_s, make, size_bytes))
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        return cast("Value", await asyncio.shield(task))

    async def close(self) -> None:
        """Stop all making."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make[Value](
        self,
        key: str,
        lifetime_s: float,
        make: Callable[[], Awaitable[Value]],
        size_bytes: Callable[[Value], int],
    ) -> Value:
        answer = await make()
        self._keep(key, _Kept(answer, size_bytes(answer), time.monotonic() + lifetime_s))
        return answer

    def _made(self, key: str, task: asyncio.Task[object]) -> None:
        self._making.pop(key, None)
        if not task.cancelled():
            # Nobody may be waiting any more for what has failed.
            task.exception()

    def _keep(self, key: str, kept: _Kept) -> None:
        if previous := self._kept.pop(key, None):
            self._size_bytes -= previous.size_bytes
        if kept.size_bytes > self._max_bytes:
            return
        self._kept[key] = kept
        self._size_bytes += kept.size_bytes
        while self._size_bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size_bytes -= dropped.size_bytes
