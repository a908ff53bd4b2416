"""Keeping what was asked for a while, so that many who ask at once or soon after cost one question."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from time import monotonic


class Kept[Value]:
    """Results by key, for a time or until newer ones need their place; who ask at once share one asking."""

    def __init__(self, most: int, lifetime_s: float = float("inf")) -> None:
        self._most = most
        self._lifetime_s = lifetime_s
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[Value]]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        expiry, asking = self._kept.get(key, (0.0, None))
        return asking is not None and monotonic() < expiry and not _has_failed(asking)

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Value]]) -> Value:
        """Return what is kept under a key, or ask and keep it; what failed is asked again."""
        expiry, asking = self._kept.get(key, (0.0, None))
        if asking is None or monotonic() >= expiry or _has_failed(asking):
            asking = asyncio.ensure_future(_call(ask))
            self._kept[key] = monotonic() + self._lifetime_s, asking
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        # One who goes away must not end the asking for the others.
        return await asyncio.shield(asking)


async def _call[Value](ask: Callable[[], Awaitable[Value]]) -> Value:
    return await ask()


def _has_failed(asking: asyncio.Task[object]) -> bool:
    return asking.done() and (asking.cancelled() or asking.exception() is not None)
