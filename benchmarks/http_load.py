"""Load from clients that keep their connections, and do as little as possible besides waiting."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """How one server did: requests per second, and each answer's time in milliseconds."""

    requests_per_s: float
    samples_ms: tuple[float, ...]

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.samples_ms)

    @property
    def p95_ms(self) -> float:
        return statistics.quantiles(self.samples_ms, n=20, method="inclusive")[-1]


def load(port: int, paths: Sequence[str], clients: int) -> Load:
    """Ask for each path once, with so many clients side by side."""
    return asyncio.run(_load(port, list(paths), clients))


async def _load(port: int, waiting: list[str], clients: int) -> Load:
    samples_ms: list[float] = []
    count, started = len(waiting), time.perf_counter()
    await asyncio.gather(*(_client(port, waiting, samples_ms) for _ in range(clients)))
    return Load(count / (time.perf_counter() - started), tuple(samples_ms))


async def _client(port: int, waiting: list[str], samples_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    while waiting:
        request = f"GET {waiting.pop()} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        started = time.perf_counter()
        writer.write(request)
        await _answer(reader)
        samples_ms.append((time.perf_counter() - started) * 1000)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200 "), head
    _, _, rest = head.partition(b"content-length:")
    return await reader.readexactly(int(rest.partition(b"\r\n")[0]))
