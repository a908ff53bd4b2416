"""Room on the disk for what is being written; without it an answer is refused, not broken off."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from geoscope.errors import UnavailableError

NO_ROOM = "There is no room on the platform's disk for a cut of this size now."
# What HDF5 writes when it closes a file, and others meanwhile.
_SPARED_BYTES = 16 * 1024**2


def require_room(target: Path | BinaryIO, size: int) -> None:
    """Refuse to write so many bytes to a file on the disk where there is hardly room for them.

    Raises
    ------
    UnavailableError
        Before the disk is full, which some libraries do not survive.
    """
    if isinstance(target, Path) and shutil.disk_usage(target.parent).free < size + _SPARED_BYTES:
        raise UnavailableError(NO_ROOM)


@contextmanager
def room_needed() -> Iterator[None]:
    """Say of a full disk that it is one.

    Raises
    ------
    UnavailableError
        Instead of the operating system's error, or that of a library which only quotes it.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
            raise UnavailableError(NO_ROOM) from error
        raise
