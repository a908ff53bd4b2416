"""Keeping a process small that handles many large arrays."""

import ctypes
import gc
from collections.abc import Callable
from typing import Any

# glibc's numbers of its own settings (malloc.h).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
# Arrays of this size are given back as soon as they are freed; to do so with chunks, too, takes half as much
# CPU time again, to get their pages anew each time.
LARGE_BYTES = 2 * 1024**2
ARENAS = 1


def give_back_large_arrays() -> None:
    """Have the C library give back large arrays at once, in this process, from now on.

    Else it keeps what was freed, in pieces, for each thread that ever asked: an ingest after the other makes
    a worker larger.
    """
    if (set_option := _glibc("mallopt")) is not None:
        set_option(_MMAP_THRESHOLD, LARGE_BYTES)
        set_option(_ARENA_MAX, ARENAS)


def give_back_freed_memory() -> None:
    """Return to the system what was freed and kept so far."""
    if (trim := _glibc("malloc_trim")) is not None:
        trim(0)


def give_back_memory() -> None:
    """Return to the system what nobody needs any more; takes some tenths of a second.

    Datasets refer to themselves in circles: with them large arrays would wait for Python's own collection.
    """
    gc.collect()
    give_back_freed_memory()


def _glibc(name: str) -> Callable[..., Any] | None:
    """Return a function of glibc; None where the C library is another one."""
    return getattr(ctypes.CDLL(None), name, None)
