"""Newline-delimited JSON, from a file or from standard input."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geoscope.catalogue.loading.chunks import CHUNK_BYTES, Chunk, Give, Position, Problem
from geoscope.catalogue.loading.compression import open_bytes
from geoscope.catalogue.loading.threads import give_from_thread

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
        for number, line in enumerate(self.body.split(b"\n"), start=self.first):
            if document := line.strip(_AROUND_A_DOCUMENT):
                yield f"line {number}", document


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
        size = self._path.stat().st_size if self._path is not None and self._path.is_file() else None
        with open_bytes(self._path) as (content, raw):
            _skip(content, offset)
            for block in _blocks(content):
                offset += block.length
                share = min(1.0, raw.tell() / size) if size else None
                end = {"offset": offset, "line": line + block.lines}
                if block.body is None:
                    too_long = Problem(f"line {line}", f"It is longer than {MAX_LINE_BYTES} bytes.")
                    yield Chunk(Lines(b"", line), end, share, (too_long,))
                else:
                    yield Chunk(Lines(block.body.removeprefix(_BYTE_ORDER_MARK), line), end, share)
                line += block.lines


@dataclass(frozen=True)
class _Block:
    """Some whole lines; one line that is too long to be kept has no body."""

    body: bytes | None
    length: int
    lines: int


def _blocks(content: BinaryIO) -> Iterator[_Block]:
    rest = b""
    while read := content.read(CHUNK_BYTES):
        rest += read
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield _Block(rest[:cut], cut, rest.count(b"\n", 0, cut))
            rest = rest[cut:]
        elif len(rest) > MAX_LINE_BYTES:
            skipped, after = _skip_line(content)
            yield _Block(None, len(rest) + skipped, 1)
            rest = after
    if rest:
        yield _Block(rest, len(rest), rest.count(b"\n") + 1)


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
