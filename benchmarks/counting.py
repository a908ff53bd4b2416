"""A relay in front of the object store that counts what is read through it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from urllib.parse import urlsplit


class Counter:
    """Counts the bytes that a server answers, HTTP's heads included."""

    def __init__(self) -> None:
        self.bytes = 0

    def taken(self) -> int:
        """Return the count since the last call."""
        count, self.bytes = self.bytes, 0
        return count


@contextlib.contextmanager
def counted(address: str) -> Iterator[tuple[str, Counter]]:
    """Relay to a server, and yield the relay's address and its counter."""
    counter = Counter()
    listening: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_relay(address, counter, listening)))
    thread.start()
    port, stop = listening.result()
    try:
        yield f"http://127.0.0.1:{port}", counter
    finally:
        stop()
        thread.join()


async def _relay(address: str, counter: Counter, listening: Future[tuple[int, Callable[[], object]]]) -> None:
    """Listen until told to stop; connections that are still open are closed then."""
    target = urlsplit(address)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer, counter))

    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listening.set_result((port, lambda: loop.call_soon_threadsafe(stopped.set)))
    await stopped.wait()
    server.close()


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, counter: Counter | None = None
) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(2**18):
            if counter is not None:
                counter.bytes += len(piece)
            sink.write(piece)
            await sink.drain()
        sink.close()
