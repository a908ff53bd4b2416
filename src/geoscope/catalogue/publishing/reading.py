"""Having a file read by a process of its own, within limits of time and memory."""

import base64
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from geoscope.catalogue.publishing.descriptions import Description
from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.settings import Settings

MAX_ANSWER_BYTES = 8 * 1024**2

# GDAL opens what it is given, and nothing beside it or elsewhere; one thread each keeps memory in bounds.
READER_ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_CACHEMAX": "64",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{nothing}",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class FileReaders:
    """Processes that read files, one for each kind, started when first needed; to be entered with `with`.

    Parameters
    ----------
    settings : Settings
        Says how long and how much memory the reading of a file may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[str, _ReaderProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.end()

    def describe(self, kind: str, bucket: str, key: str, named_time: str | None = None) -> Description:
        """Return what a file says of itself.

        Parameters
        ----------
        kind : str
            `geotiff`, `netcdf`, `zarr` or `grib`.
        bucket, key : str
            Where the file, or the root of a Zarr group, is.
        named_time : str or None
            Its time as its name says it, RFC 3339.

        Raises
        ------
        InvalidInputError
            If it cannot be read, in words for its owner.
        UnavailableError
            If the object store does not answer.
        """
        answer = self._ask(kind, {"do": "describe", "bucket": bucket, "key": key, "named_time": named_time})
        return Description.from_json(answer)

    def draw(self, kind: str, bucket: str, key: str) -> bytes | None:
        """Return a thumbnail of a file as WebP, or None if there is nothing to be seen; errors as above."""
        answer = self._ask(kind, {"do": "draw", "bucket": bucket, "key": key})
        return base64.b64decode(answer["picture"]) if answer["picture"] else None

    def _ask(self, kind: str, task: Mapping[str, Any]) -> dict[str, Any]:
        if kind not in self._processes:
            self._processes[kind] = _ReaderProcess(kind, self._settings)
        try:
            answer = self._processes[kind].ask(task)
        except BaseException:
            self._processes.pop(kind).end()
            raise
        if answer.get("unavailable"):
            raise UnavailableError("The object store does not answer as it should.")
        if "problem" in answer:
            raise InvalidInputError(str(answer["problem"]), str(answer.get("remedy", "")))
        return answer


class _ReaderProcess:
    """One process that reads files of one kind."""

    def __init__(self, kind: str, settings: Settings) -> None:
        self._time_limit_s = settings.catalogue.publishing.reader_timeout_s
        environment = {
            "GEOSCOPE_DATA_DIR": str(settings.data_dir),
            "GEOSCOPE_INTERNAL__OBJECT_STORE_URL": settings.internal.object_store_url,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "geoscope.catalogue.publishing.reader_process", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment | READER_ENVIRONMENT,
        )

    def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Give it a task and return the answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("the process was started with pipes")
        deadline = time.monotonic() + self._time_limit_s
        try:
            self._process.stdin.write(orjson.dumps(task) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if not selector.select(deadline - time.monotonic()):
                    raise InvalidInputError(
                        f"To read it takes longer than {self._time_limit_s:g} seconds.",
                        "Split it, or write it with chunks and overviews (a cloud-optimized file).",
                    )
                part = os.read(self._process.stdout.fileno(), 1024**2)
                if not part:
                    raise self._ended()
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise InvalidInputError("It says more of itself than a catalogue can hold.")
        document: dict[str, Any] = orjson.loads(bytes(answer))
        return document

    def end(self) -> None:
        """End it at once; it holds nothing that could be lost."""
        self._process.kill()
        self._process.communicate()

    def _ended(self) -> InvalidInputError:
        return InvalidInputError(
            "The program that read it stopped at it.", "It is broken, or needs more memory than is allowed."
        )
