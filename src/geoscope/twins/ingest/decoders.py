"""Decoder processes as the ingest sees them: asked, watched, started again when a message kills one."""

import logging
import mmap
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from geoscope.errors import UnavailableError
from geoscope.settings import Settings
from geoscope.twins.ingest.answers import (
    Answer,
    DecodeTask,
    Done,
    Failed,
    FieldFound,
    IndexTask,
    SetAside,
    Source,
    answer_decoder,
)

# A large field takes a second; the first answer also waits for the libraries to load.
ANSWER_TIMEOUT_S = 120.0
END_TIMEOUT_S = 10.0
READ_BYTES = 1024**2
MAX_LINE_BYTES = 256 * 1024**2

# One thread each, as there are several processes; and no pools of memory that nobody gives back.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
# Messages are alike: what one took is kept for the next, else its pages are made anew for each. The peak
# stays what one message takes.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}

log = logging.getLogger(__name__)


class DecoderDiedError(Exception):
    """The process ended, or had to be ended, in the middle of a task."""


class Decoder:
    """One process that reads files of a kind, started when it is first asked; to be entered with `with`.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    kind : str
        `grib` or `gridded`.
    """

    def __init__(self, settings: Settings, kind: str) -> None:
        self._settings, self._kind = settings, kind
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = bytearray()
        self._scratch = os.memfd_create("geoscope-decoder", os.MFD_CLOEXEC)
        self._memory: mmap.mmap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(gently=kind is None)
        os.close(self._scratch)
        self._memory = None  # given back with the last array that lies in it

    @property
    def pid(self) -> int | None:
        """Id of the process that runs now."""
        return self._process.pid if self._process else None

    def make_room(self, scratch_bytes: int) -> None:
        """Give it memory for decoded values, once, before it is asked to decode."""
        os.ftruncate(self._scratch, scratch_bytes)
        self._memory = mmap.mmap(self._scratch, scratch_bytes)

    def answers(self, task: IndexTask | DecodeTask) -> Iterator[Answer]:
        """Give it a task, and yield its answers until it is done.

        Raises
        ------
        DecoderDiedError
            If the process ends meanwhile, or does not answer in time. The next task starts a new one.
        UnavailableError
            If the object store does not answer.
        """
        process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101 (started with pipes)
        is_done = False
        try:
            try:
                process.stdin.write(msgspec.json.encode(task) + b"\n")
                process.stdin.flush()
            except BrokenPipeError as error:
                raise DecoderDiedError from error
            while not is_done:
                answer = answer_decoder.decode(self._line(process))
                is_done = isinstance(answer, Done | Failed)
                if isinstance(answer, Failed) and answer.unavailable:
                    raise UnavailableError(answer.reason)
                if not isinstance(answer, Done):
                    yield answer
        finally:
            # Whoever stops listening in the middle must not take the rest for the answers to the next task.
            if not is_done:
                self._end(gently=False)

    def values(self, place: int, cells: int, dtype: str) -> NDArray[np.floating]:
        """Return decoded values as they lie in the scratch memory."""
        assert self._memory is not None  # noqa: S101 (only asked for what was decoded)
        return np.frombuffer(self._memory, dtype, cells, place)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            "GEOSCOPE_DATA_DIR": str(self._settings.data_dir),
            "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": self._settings.internal.object_store_url,
        }
        self._unread.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "geoscope.twins.ingest.decoder", self._kind, str(self._scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment | ENVIRONMENT | (KEEP_MEMORY if self._kind == "grib" else {}),
            pass_fds=[self._scratch],
        )
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Return the next line of the process; what came after it is kept."""
        assert process.stdout is not None  # noqa: S101 (started with a pipe)
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                is_ready = selector.select(max(0.0, deadline - time.monotonic()))
            part = os.read(process.stdout.fileno(), READ_BYTES) if is_ready else b""
            if not part or len(self._unread) > MAX_LINE_BYTES:
                raise DecoderDiedError
            self._unread += part
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line

    def _end(self, *, gently: bool) -> None:
        """End the process: gently by the end of its input, else at once; it holds nothing to lose."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 (started with pipes)
        assert process.stdout is not None  # noqa: S101 (as above)
        if not gently:
            process.kill()
        process.stdin.close()
        try:
            status = process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        process.stdout.close()
        if gently and status != 0:
            log.warning("A decoder of %s files ended with status %d", self._kind, status)


class DecoderPool:
    """Decoders that are kept from the first look at the files to the last field; to be entered with `with`.

    Each loads its libraries, which takes a second of CPU time.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    size : int
        How many of each kind work at once.
    """

    def __init__(self, settings: Settings, size: int) -> None:
        self.size = size
        self._settings = settings
        self._stack = ExitStack()
        self._decoders: dict[tuple[str, int], Decoder] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        self._decoders.clear()

    def decoder(self, kind: str, number: int) -> Decoder:
        """Return one of a kind, 0 to `size` - 1; each is for one thread at a time."""
        with self._lock:
            if (kind, number) not in self._decoders:
                decoder = self._stack.enter_context(Decoder(self._settings, kind))
                self._decoders[kind, number] = decoder
            return self._decoders[kind, number]


def index(decoder: Decoder, source: Source) -> Iterator[Answer]:
    """Yield what is in a source, past messages that kill the process that reads them.

    Parameters
    ----------
    decoder : Decoder
        Of the source's kind.
    source : Source
        The file or group.
    """
    start, stopped_at = 0, -1
    while True:
        try:
            for answer in decoder.answers(IndexTask(source, start, skip_first=stopped_at == start)):
                if isinstance(answer, FieldFound | SetAside):
                    start = answer.offset + answer.length
                yield SetAside(0, 0, answer.reason) if isinstance(answer, Failed) else answer
        except DecoderDiedError:
            log.warning("A decoder died at %s, after byte %d", source.name, start)
            if source.kind != "grib" or stopped_at == start:
                yield SetAside(start, 0, "The program that reads it stopped here.")
                return
            stopped_at = start
        else:
            return
