"""A relay in front of the object store that counts what is read through it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
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
    counter, loop = Counter(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_serve(address, counter), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", counter
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _serve(address: str, counter: Counter) -> asyncio.Server:
    target = urlsplit(address)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer, counter))

    return await asyncio.start_server(relay, "127.0.0.1", 0)


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
