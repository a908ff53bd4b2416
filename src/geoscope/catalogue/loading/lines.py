"""Newline-delimited JSON, from a file or from standard input."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from geoscope.catalogue.loading.chunks import CHUNK_BYTES, Chunk, Give, Position, Problem
from geoscope.catalogue.loading.compression import open_bytes
from geoscope.catalogue.loading.threads import give_from_thread
from geoscope.errors import InvalidInputError

# A stored document has at most a mebibyte; escapes and white space may make it several times as long.
MAX_LINE_BYTES = 8 * 1024**2

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_AROUND_A_DOCUMENT = b" \t\r\x1e"  # GeoJSON text sequences have a record separator before each (RFC 8142)


@dataclass(frozen=True)
class Lines:
    """Whole lines, counted from `first`."""

    body: bytes
    first: int

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield each line that is not empty."""
        body = self.body.removeprefix(_BYTE_ORDER_MARK)
        for number, line in enumerate(body.split(b"\n"), start=self.first):
            if document := line.strip(_AROUND_A_DOCUMENT):
                yield f"line {number}", document


@dataclass(frozen=True)
class LinesOfFile:
    """Whole lines that stand in a file as they are: they are read where they are checked."""

    path: Path
    offset: int
    length: int
    first: int

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield each line that is not empty.

        Raises
        ------
        InvalidInputError
            If the file is not there any more.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                body = file.read(self.length)
        except OSError as error:
            raise InvalidInputError(f"{self.path} cannot be read to its end: {error}.") from error
        yield from Lines(body, self.first).read()


class LineSource:
    """A file of newline-delimited JSON, compressed or not, or standard input.

    Parameters
    ----------
    path : Path or None
        None: standard input.
    name, revision : str
        As of `Source`.
    """

    def __init__(self, path: Path | None, name: str, revision: str = "") -> None:
        self._path = path
        self.name = name
        self.revision = revision

    async def read(self, after: Position | None, give: Give) -> None:
        """Give the lines after a position."""
        await give_from_thread(self._chunks(after or {"offset": 0, "line": 1}), give)

    def _chunks(self, after: Position) -> Iterator[Chunk]:
        offset, line = after["offset"], after["line"]
        # Not a pipe, and by its own name: `/dev/stdin` is another one in another process.
        file = self._path.resolve() if self._path is not None and self._path.is_file() else None
        size = file.stat().st_size if file is not None else None
        with open_bytes(self._path) as (content, raw):
            _skip(content, offset)
            for block in _blocks(content):
                share = min(1.0, raw.tell() / size) if size else None
                end = {"offset": offset + block.length, "line": line + block.lines}
                if block.body is None:
                    too_long = Problem(f"line {line}", f"It is longer than {MAX_LINE_BYTES} bytes.")
                    yield Chunk(Lines(b"", line), end, share, (too_long,))
                elif file is not None and content is raw:
                    yield Chunk(LinesOfFile(file, offset, block.length, line), end, share)
                else:
                    yield Chunk(Lines(bytes(block.body), line), end, share)
                offset, line = end["offset"], end["line"]


class _Block(NamedTuple):
    """Some whole lines, which are there until the next are asked for; one that is too long has no body."""

    body: memoryview | None
    length: int
    lines: int


def _blocks(content: BinaryIO) -> Iterator[_Block]:
    buffer = bytearray(MAX_LINE_BYTES + CHUNK_BYTES)
    view = memoryview(buffer)
    filled = 0
    while read := cast("io.BufferedIOBase", content).readinto(view[filled : filled + CHUNK_BYTES]):
        filled += read
        cut = buffer.rfind(b"\n", 0, filled) + 1
        if cut:
            yield _Block(view[:cut], cut, buffer.count(b"\n", 0, cut))
            rest = filled - cut
            view[:rest] = view[cut:filled]
            filled = rest
        elif filled > MAX_LINE_BYTES:
            skipped, after = _skip_line(content)
            yield _Block(None, filled + skipped, 1)
            filled = len(after)
            view[:filled] = after
    if filled:
        yield _Block(view[:filled], filled, buffer.count(b"\n", 0, filled) + 1)


def _skip_line(content: BinaryIO) -> tuple[int, bytes]:
    """Read to the end of a line; return how many bytes that were, and what has been read behind it."""
    skipped = 0
    while read := content.read(CHUNK_BYTES):
        cut = read.find(b"\n") + 1
        if cut:
            return skipped + cut, read[cut:]
        skipped += len(read)
    return skipped, b""


def _skip(content: BinaryIO, count: int) -> None:
    if content.seekable():
        content.seek(count)  # forwards through compressed data, too
        return
    while count and (read := content.read(min(count, CHUNK_BYTES))):
        count -= len(read)
