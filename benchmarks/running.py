"""A platform for measuring: in a folder of its own, with the demo data."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geoscope.runtime.ports import free_port_pair
from geoscope.runtime.state import RunState, read_state
from geoscope.settings import Settings


class Bench:
    """Starts and stops one platform by its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.s3_port = free_port_pair(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> RunState:
        state = read_state(self.folder)
        assert state is not None
        return state

    @property
    def settings(self) -> Settings:
        return self.state.settings(Settings(data_dir=self.folder))

    def start(self, *options: str) -> float:
        """Return the seconds until it was ready."""
        started = time.perf_counter()
        self._run("up", "--detach", "--port", str(self.port), "--s3-port", str(self.s3_port), *options)
        return time.perf_counter() - started

    def stop(self) -> float:
        """Return the seconds until all was gone."""
        started = time.perf_counter()
        self._run("stop")
        return time.perf_counter() - started

    def load_demo(self) -> None:
        self._run("demo")

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "geoscope", *arguments, "--data-dir", str(self.folder)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def started(folder: Path) -> Iterator[Bench]:
    """Run a platform with the demo data loaded."""
    bench = Bench(folder)
    bench.start("--no-demo")
    try:
        bench.load_demo()
        yield bench
    finally:
        bench.stop()
