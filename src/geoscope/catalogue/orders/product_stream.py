"""The bytes of a product on their way: checked against what its item says, packed and measured."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from geoscope.catalogue.orders.models import SourceFile
from geoscope.catalogue.orders.sources import Source, SourceError
from geoscope.outlet import Outlet

TELL_EVERY_S = 0.5


class File(NamedTuple):
    """A file of a product: what is known of it, and where its bytes come from."""

    about: SourceFile
    source: Source

    @property
    def size(self) -> int | None:
        """In bytes, if anybody knows."""
        return self.about.size if self.source.size is None else self.source.size


def expected_size(files: Sequence[File]) -> int | None:
    """Return the size of a product in bytes, or None if nobody knows; an archive is a little larger."""
    sizes = [file.size for file in files]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def checked(file: File) -> Iterator[bytes]:
    """Yield a file as it comes.

    Raises
    ------
    SourceError
        At its end, if it is not what its item says (`file:size`, `file:checksum`).
    """
    about, size, digest = file.about, 0, hashlib.sha256()
    for chunk in file.source.chunks():
        size += len(chunk)
        digest.update(chunk)
        yield chunk
    if about.size is not None and size != about.size:
        raise SourceError(f"{about.name} has {size} bytes; its item says {about.size}.")
    if about.sha256 is not None and digest.hexdigest() != about.sha256:
        raise SourceError(f"{about.name} is not what its item says: its SHA-256 is {digest.hexdigest()}.")


def zipped(files: Iterable[File]) -> Iterator[bytes]:
    """Yield a zip archive of files, uncompressed as data mostly is already; errors as of `checked`."""
    outlet = Outlet()
    with ZipFile(outlet, "w", ZIP_STORED) as archive:
        for file in files:
            with archive.open(ZipInfo(file.about.name), "w", force_zip64=True) as member:
                for chunk in checked(file):
                    member.write(chunk)
                    yield outlet.take()
    yield outlet.take()


class Meter:
    """Measures a stream.

    Parameters
    ----------
    tell : callable
        Called with the bytes so far, at most twice a second; what it raises ends the stream.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of what has passed, in hexadecimal digits."""
        return self._digest.hexdigest()

    def passed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks as they are."""
        told = 0.0
        for chunk in chunks:
            now = time.monotonic()
            if now - told >= TELL_EVERY_S:
                told = now
                self._tell(self.size + len(chunk))
            self.size += len(chunk)
            self._digest.update(chunk)
            yield chunk
