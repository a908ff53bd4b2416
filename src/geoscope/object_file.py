"""An object of the object store as a file that can be read from any place."""

import io

import obstore
from obstore.store import S3Store

# Headers and tables of contents lie close together: one request serves many small reads.
BUFFER_BYTES = 512 * 1024


class _Ranges(io.RawIOBase):
    """Reads ranges of an object; nothing is kept."""

    def __init__(self, store: S3Store, key: str, size: int) -> None:
        self._store, self._key, self._size = store, key, size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a place before the start of the file")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # (typeshed: collections.abc.Buffer)
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        found = obstore.get_range(self._store, self._key, start=self._place, length=wanted)
        buffer[:wanted] = memoryview(found)
        self._place += wanted
        return wanted


def open_object(store: S3Store, key: str) -> io.BufferedReader:
    """Open an object for reading.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    size = obstore.head(store, key)["size"]
    return io.BufferedReader(_Ranges(store, key, size), BUFFER_BYTES)
