"""An FDB, driven in a process of its own: its native libraries do not get on with those of the platform."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from geoscope.errors import GeoscopeError, InvalidInputError, SetupError, UnavailableError

WORKER = Path(__file__).with_name("worker.py")
END_TIMEOUT_S = 10.0

type Json = dict[str, Any]
type FdbRequest = Mapping[str, str | list[str]]


class ListedField(NamedTuple):
    """A field that an FDB holds: its keys, in lower case as FDB keeps them, and the size of its message."""

    keys: dict[str, str]
    size_bytes: int


class Refusal(NamedTuple):
    """A message that an FDB did not take, by its offset in the file."""

    offset: int
    reason: str


class Archived(NamedTuple):
    """What became of the messages of a file."""

    fields: int
    refused: int
    refusals: list[Refusal]


class Retrieved(NamedTuple):
    """What was copied out of an FDB."""

    fields: int
    size_bytes: int


class FdbArchive:
    """An FDB; to be entered with `with`. Belongs to one thread.

    Parameters
    ----------
    configuration : Path or mapping
        FDB's own configuration: its YAML file, or what stands in it.
    python : str, optional
        The Python that has pyfdb; by default the one that runs this.

    Raises
    ------
    SetupError
        If there is no pyfdb.
    """

    def __init__(self, configuration: Path | Json, *, python: str = sys.executable) -> None:
        if python == sys.executable and find_spec("pyfdb") is None:
            raise SetupError("FDB's library is not installed.", "Install Geoscope with its extra `fdb`.")
        self._configuration = (
            configuration.read_text("utf-8") if isinstance(configuration, Path) else configuration
        )
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self._worker = subprocess.Popen(
            [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(in_order=error is None)

    def close(self, *, in_order: bool = True) -> None:
        """End the process.

        Parameters
        ----------
        in_order : bool
            Whether it should have nothing left to do; then how it ends is looked at.

        Raises
        ------
        UnavailableError
            If it ended with an error.
        """
        if not in_order:
            self._worker.kill()
        try:
            self._worker.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.communicate()
        with self._said:
            if in_order and self._worker.returncode != 0:
                raise self._died()

    def archive(self, file: Path) -> Archived:
        """Archive the GRIB messages of a file; readers see them when all are there.

        Archived again under the same keys, a field takes the place of the older one.

        Returns
        -------
        Archived
            With the messages whose keys the FDB's schema does not take, or that cannot be read.
        """
        refusals: list[Refusal] = []
        for answer in self._answers({"do": "archive", "file": str(file)}):
            if refused := answer.get("refused"):
                refusals.append(Refusal(**refused))
            elif end := answer.get("end"):
                return Archived(end["archived"], end["refused"], refusals)
        raise AssertionError  # (the answers end with `end`)

    def list(self, request: FdbRequest) -> Iterator[ListedField]:
        """Yield the fields that fit a request, in the FDB's own order.

        Parameters
        ----------
        request : mapping
            MARS keys; values as lists, `a/b` or `a/to/b`. What is not named may have any value.
        """
        for answer in self._answers({"do": "list", "request": _checked(request)}):
            if keys := answer.get("field"):
                yield ListedField(keys, answer["bytes"])

    def retrieve(
        self, request: FdbRequest, file: Path, progress: Callable[[int, int], None] = lambda *_: None
    ) -> Retrieved:
        """Copy the fields that fit a request into a GRIB file, as they were archived.

        Parameters
        ----------
        request : mapping
            As for `list`.
        file : Path
            Written anew; taken away again if this does not end well.
        progress : callable
            Told after each field how many fields and bytes have been copied.
        """
        try:
            for answer in self._answers({"do": "retrieve", "request": _checked(request), "file": str(file)}):
                if done := answer.get("progress"):
                    progress(done["fields"], done["bytes"])
                elif end := answer.get("end"):
                    return Retrieved(end["fields"], end["bytes"])
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        raise AssertionError  # (the answers end with `end`)

    def _answers(self, task: Json) -> Iterator[Json]:
        """Give a task to the process and yield its answers; the last has `end`.

        An answer that nobody takes would be read as the next task's: then the process is ended.
        """
        source, sink = self._worker.stdin, self._worker.stdout
        if source is None or sink is None:  # pragma: no cover (they are pipes)
            raise AssertionError
        has_ended = False
        try:
            try:
                source.write(orjson.dumps(task | {"config": self._configuration}) + b"\n")
                source.flush()
            except BrokenPipeError:
                pass  # what it said is told below
            for line in sink:
                answer: Json = orjson.loads(line)
                has_ended = "end" in answer or "problem" in answer
                if problem := answer.get("problem"):
                    raise InvalidInputError(f"FDB says: {problem}")
                yield answer
                if has_ended:
                    return
        finally:
            if not has_ended:
                self._worker.kill()
        self._worker.wait()
        raise self._died()

    def _died(self) -> GeoscopeError:
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().rpartition("\n")[2][:300]
        code = self._worker.returncode
        return UnavailableError(f"The process of FDB ended with {code}: {last or 'it said nothing'}")


def new_local_fdb(folder: Path) -> Path:
    """Make the configuration of an FDB in a folder, unless there is one.

    Returns
    -------
    Path
        Its configuration file, for `FdbArchive` and for FDB's own tools.
    """
    configuration, schema, root = folder / "config.yaml", folder / "schema", folder / "fields"
    if configuration.exists():
        return configuration
    root.mkdir(parents=True, exist_ok=True)
    schema.write_bytes((files("geoscope.twins.fdb") / "digital_twins.schema").read_bytes())
    described = {
        "type": "local",
        "engine": "toc",
        "schema": str(schema),
        "spaces": [{"handler": "Default", "roots": [{"path": str(root)}]}],
    }
    whole = configuration.with_suffix(".new")
    whole.write_bytes(orjson.dumps(described, option=orjson.OPT_INDENT_2))  # JSON is YAML
    whole.replace(configuration)
    return configuration


def _checked(request: FdbRequest) -> Json:
    if not request:
        raise InvalidInputError(
            "The request names nothing.", "Name at least a class, such as class=d1,dataset=climate-dt."
        )
    return {key: value if isinstance(value, str) else list(map(str, value)) for key, value in request.items()}
