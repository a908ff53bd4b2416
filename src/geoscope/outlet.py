"""A file that is written to, and taken from piece by piece: what a library writes becomes a stream."""

import io


class Outlet(io.RawIOBase):
    """Where an archive is written to, and taken from piece by piece."""

    def __init__(self) -> None:
        self._pieces = bytearray()

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than any buffer
        """Take bytes."""
        self._pieces += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._pieces)
        self._pieces.clear()
        return taken
