"""Files that may be compressed, by gzip or Zstandard: read as what is inside them."""

import gzip
import io
import sys
import zlib
from collections.abc import Buffer, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import zstandard

from geoscope.errors import InvalidInputError

_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

# Four bytes of Zstandard may stand for 128 KiB: what so many can become still fits into memory.
_COMPRESSED_BYTES_AT_ONCE = 2048


class Opened(NamedTuple):
    """A file: what is inside it, and the file itself, whose position tells how much has been read."""

    content: BinaryIO
    raw: BinaryIO


@contextmanager
def open_bytes(path: Path | None) -> Iterator[Opened]:
    """Open a file, or standard input if there is no path, and unpack what is read from it.

    Raises
    ------
    InvalidInputError
        If it cannot be read, now or later inside the context: it is not there, broken, or ends too soon.
    """
    name = "Standard input" if path is None else str(path)
    try:
        with open(sys.stdin.fileno(), "rb", closefd=False) if path is None else path.open("rb") as raw:
            first = raw.peek(4)[:4]
            if first.startswith(_GZIP):
                yield Opened(cast("BinaryIO", gzip.GzipFile(fileobj=raw)), raw)
            elif first == _ZSTANDARD:
                yield Opened(cast("BinaryIO", io.BufferedReader(_ZstandardFile(raw))), raw)
            else:
                yield Opened(raw, raw)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise InvalidInputError(f"{name} cannot be read to its end: {error}.") from error


class _ZstandardFile(io.RawIOBase):
    """What is inside Zstandard frames; unlike the library's reader it tells when the last is not whole."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_inside_frame = False
        self._input = b""
        self._unpacked = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        while not self._unpacked:
            self._input = self._input or self._packed.read(_COMPRESSED_BYTES_AT_ONCE)
            if not self._input:
                if self._is_inside_frame:
                    raise EOFError("the compressed data ends too soon")
                return 0
            self._unpacked = self._frame.decompress(self._input)
            self._is_inside_frame = not self._frame.eof
            self._input = self._frame.unused_data
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._unpacked))
        view[:count] = self._unpacked[:count]
        self._unpacked = self._unpacked[count:]
        return count
