"""How far a load has come: a checkpoint in the catalogue, and a report of what was refused in a file."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson

from geoscope.catalogue.loading.chunks import Position, Problem


@dataclass(frozen=True)
class Checkpoint:
    """What a load has done so far.

    Parameters
    ----------
    revision : str
        Of the source, when this was written.
    position : Position or None
        Where the source goes on; None before anything was read.
    items, collections, refused : int
        How many were stored, and how many documents were not.
    report_bytes : int
        Length of the report of what was refused.
    """

    revision: str
    position: Position | None = None
    items: int = 0
    collections: int = 0
    refused: int = 0
    report_bytes: int = 0

    def to_bytes(self) -> bytes:
        """Write it down."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """Read what was written down."""
        members: dict[str, Any] = orjson.loads(state)
        return cls(**members)


class Report:
    """A file of JSON lines: which documents were refused, and why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def write(self, problems: Iterable[Problem], after: int) -> int:
        """Write problems behind the first `after` bytes, and return the length of the report.

        They are on the disk when this returns, so that no checkpoint says more than is there.
        """
        lines = [orjson.dumps(asdict(problem), option=orjson.OPT_APPEND_NEWLINE) for problem in problems]
        if not lines and (self._file is None or after):
            return after
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        self._file.truncate(after)
        written = self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        return after + written

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
