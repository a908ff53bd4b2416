"""Decoded fields kept in memory, up to a number of bytes; several who ask at once wait for one reading."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

import numpy as np
from numpy.typing import NDArray


class FieldCache:
    """Arrays by key, the least recently used ones dropped first. Belongs to one event loop.

    Parameters
    ----------
    max_bytes : int
        Sum of the sizes of all arrays that are kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._fields: OrderedDict[Hashable, NDArray[np.float32]] = OrderedDict()
        self._readings: dict[Hashable, asyncio.Task[NDArray[np.float32]]] = {}

    async def get(
        self, key: Hashable, read: Callable[[], Awaitable[NDArray[np.float32]]]
    ) -> NDArray[np.float32]:
        """Return the array of a key, reading it if it is not there."""
        field = self._fields.get(key)
        if field is not None:
            self._fields.move_to_end(key)
            return field
        reading = self._readings.get(key)
        if reading is None:
            reading = asyncio.ensure_future(self._read(key, read))
            self._readings[key] = reading
            reading.add_done_callback(lambda _: self._readings.pop(key, None))
        # One who goes away must not end the reading for the others.
        return await asyncio.shield(reading)

    async def _read(
        self, key: Hashable, read: Callable[[], Awaitable[NDArray[np.float32]]]
    ) -> NDArray[np.float32]:
        field = await read()
        field.flags.writeable = False
        if field.nbytes <= self.max_bytes:
            self._fields[key] = field
            self.held_bytes += field.nbytes
        while self.held_bytes > self.max_bytes:
            self.held_bytes -= self._fields.popitem(last=False)[1].nbytes
        return field
