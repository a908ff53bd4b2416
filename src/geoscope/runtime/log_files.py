"""One log file a part, rotated, so that no part can fill the disk by talking."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5 * 1024**2
KEPT_FILES = 3
LONGEST_LINE_BYTES = 16 * 1024
FOLLOW_EVERY_S = 0.3


def log_path(folder: Path, name: str) -> Path:
    """Return the log file of a part."""
    return folder / "logs" / f"{name}.log"


class _Forgiving(RotatingFileHandler):
    """Drops a line that cannot be written: a full disk must not stop the platform."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """Let the line go."""


class LogFile:
    """Takes what a part prints, in pieces as they come, and keeps whole lines with their time (UTC)."""

    def __init__(self, path: Path) -> None:
        self._handler = _Forgiving(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        self._open_line = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece of output."""
        *lines, self._open_line = (self._open_line + piece).split(b"\n")
        for line in lines:
            self._keep(line)
        if len(self._open_line) > LONGEST_LINE_BYTES:
            self._keep(self._open_line)
            self._open_line = b""

    def say(self, text: str) -> None:
        """Keep a line of the supervisor's own."""
        self._keep(f"[supervisor] {text}".encode())

    def last_lines(self, count: int) -> list[str]:
        """Return the newest lines of the current file."""
        return tail(Path(self._handler.baseFilename), count)

    def close(self) -> None:
        """Keep what is left and close the file."""
        if self._open_line:
            self._keep(self._open_line)
        self._handler.close()

    def _keep(self, line: bytes) -> None:
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        text = f"{time}Z {line.decode(errors='replace').rstrip()}"
        self._handler.emit(logging.LogRecord("part", logging.INFO, "", 0, text, None, None))


def tail(path: Path, count: int) -> list[str]:
    """Return the last lines of a file; none if it is not there."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 400 * max(count, 1)))
        return file.read().decode(errors="replace").splitlines()[-count:]


def follow(paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield new lines of several files with the name of each, for ever; rotation is noticed."""
    places = {name: _size(path) for name, path in paths.items()}
    while True:
        for name, path in paths.items():
            size = _size(path)
            if size < places[name]:
                places[name] = 0
            if size > places[name]:
                with path.open("rb") as file:
                    file.seek(places[name])
                    piece = file.read(size - places[name])
                whole = piece[: piece.rfind(b"\n") + 1]
                places[name] += len(whole)
                for line in whole.decode(errors="replace").splitlines():
                    yield name, line
        time.sleep(FOLLOW_EVERY_S)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
