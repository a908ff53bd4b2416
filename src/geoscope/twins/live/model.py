"""The model's process as the job sees it: started when it is needed, told what to run, ended with the job."""

import logging
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.settings import Settings
from geoscope.twins.live.environment import ModelEnvironment

# Never imported here: it runs with other libraries.
PROGRAM = Path(__file__).with_name("model_process.py")
# How often the listener is called at least, so that a dismissed job ends soon.
LISTEN_EVERY_S = 1.0
LOG_CHARACTERS = 4000

log = logging.getLogger(__name__)

type Event = dict[str, Any]


class ModelProcess:
    """A model that runs one experiment; to be entered with `with`.

    Parameters
    ----------
    settings : Settings
        Say where the model is, and how much of the machine it may take.
    configuration : dict
        The experiment, as `model_process` reads it.
    log_path : Path
        Where what it says beside its answers goes.
    """

    def __init__(self, settings: Settings, configuration: dict[str, Any], log_path: Path) -> None:
        self._environment = ModelEnvironment(settings)
        self._cores = settings.live_twin.cores or max(1, len(os.sched_getaffinity(0)) // 2)
        self._configuration = configuration
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._hearer: threading.Thread | None = None
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._provenance: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, task: dict[str, Any], listen: Callable[[Event | None], None]) -> dict[str, Any]:
        """Run a segment, and return what the model is: versions, parameters, inputs.

        Parameters
        ----------
        task : dict
            `outputs`, `from`, `checkpoint` and `values`, as `model_process` reads them.
        listen : callable
            Is called for each output, and with None about once a second; what it raises ends the model.

        Raises
        ------
        UnavailableError
            If the process ended before it was done: it can be asked again.
        GeoscopeError
            If the model's values became none.
        """
        try:
            process = self._started()
            _say(process, task)
            while True:
                event = self._next(listen)
                match event["event"]:
                    case "ready":
                        self._provenance = {key: event[key] for key in event if key != "event"}
                    case "output":
                        listen(event)
                    case "failed":
                        raise GeoscopeError(  # noqa: TRY301 (it ends the process like any other error)
                            str(event["problem"]), "Try a smaller change of the conditions."
                        )
                    case _:
                        return self._provenance
        except BaseException:
            self._end()
            raise

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None:
            return self._process
        self._environment.require()
        command = [str(self._environment.python), "-I", "-W", "ignore", str(PROGRAM)]
        with self._log_path.open("wb") as log_file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env=self._variables(),
                start_new_session=True,  # Ctrl-C is for the platform
            )
        self._events = queue.SimpleQueue()
        self._hearer = threading.Thread(target=_hear, args=(self._process.stdout, self._events), daemon=True)
        self._hearer.start()
        _say(self._process, self._configuration)
        return self._process

    def _variables(self) -> dict[str, str]:
        """Return the little of the environment that the model needs; no secrets are among it."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._environment.folder),
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(self._environment.compiled),
            # The hundreds of small parts too, each quick to compile: together they are half of a start.
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "NPROC": str(self._cores),
            "OMP_NUM_THREADS": str(self._cores),
        }

    def _next(self, listen: Callable[[Event | None], None]) -> Event:
        while True:
            try:
                event = self._events.get(timeout=LISTEN_EVERY_S)
            except queue.Empty:
                listen(None)
                continue
            if event is None:
                log.error("The model's process ended. Its last words:\n%s", self._last_words())
                raise UnavailableError("The model's process ended before it was done.")
            return event

    def _last_words(self) -> str:
        return self._log_path.read_bytes().decode(errors="replace")[-LOG_CHARACTERS:]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if self._hearer is not None:
            self._hearer.join()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _say(process: "subprocess.Popen[bytes]", document: dict[str, Any]) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
        process.stdin.flush()
    except BrokenPipeError as error:
        raise UnavailableError("The model's process ended before it was done.") from error


def _hear(answers: IO[bytes] | None, events: "queue.SimpleQueue[Event | None]") -> None:
    try:
        for line in answers or ():
            events.put(orjson.loads(line))
    except ValueError:
        log.exception("The model's process said something that is no event")
    events.put(None)
