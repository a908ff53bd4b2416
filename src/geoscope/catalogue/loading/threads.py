"""Tasks and threads: reading that blocks beside the event loop, and errors as they were raised."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from geoscope.catalogue.loading.chunks import Chunk, Give


async def give_from_thread(chunks: Iterator[Chunk], give: Give) -> None:
    """Give what an iterator yields; each of its steps runs in a thread."""
    while (chunk := await _in_thread(lambda: next(chunks, None))) is not None:
        await give(chunk)


async def _in_thread[Result](work: Callable[[], Result]) -> Result:
    """Do work in a thread that nobody has to wait for, as reading from a pipe may never end."""
    future: Future[Result] = Future()
    threading.Thread(target=_finish, args=(future, work), daemon=True).start()
    return await asyncio.wrap_future(future)


def _finish[Result](future: Future[Result], work: Callable[[], Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 (raised again where the result is awaited)
        future.set_exception(error)
    else:
        future.set_result(result)


@contextmanager
def unwrapped_errors() -> Iterator[None]:
    """Raise the first error of a task group itself, which ends all the others, and not in a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
