"""Keeping a process small that handles many large arrays."""

import ctypes


def give_back_memory() -> None:
    """Return to the system what was freed: the C library keeps it, in pieces, for each thread."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
