"""A platform in a folder of its own, driven by its command line as a new user would."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from geoscope.runtime.state import RunState, read_state
from geoscope.settings import Settings

# Below the range from which platforms choose the ports behind their edges.
EDGE_PORTS = range(10_000, 20_000)


@dataclass
class Platform:
    """A platform in a folder of its own, driven by its command line."""

    data_dir: Path
    port: int
    s3_port: int
    process: subprocess.Popen | None = None
    output: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def s3_url(self) -> str:
        return f"http://127.0.0.1:{self.s3_port}"

    @property
    def state(self) -> RunState | None:
        return read_state(self.data_dir)

    @property
    def settings(self) -> Settings:
        """The settings with the addresses of the running parts."""
        return self.state.settings(Settings(data_dir=self.data_dir))

    def pid(self, part: str) -> int:
        return next(each.pid for each in self.state.parts if each.name == part)

    def restarts(self, part: str) -> int:
        return next(each.restarts for each in self.state.parts if each.name == part)

    def start(self, *options: str, wait_for: str = "Press Ctrl-C") -> list[str]:
        """Run `geoscope up` and return what it printed until it said the words."""
        self.begin(*options)
        return self.wait_for(wait_for)

    def begin(self, *options: str) -> None:
        self.output = []
        self.process = subprocess.Popen(
            self.command("up", "--port", str(self.port), "--s3-port", str(self.s3_port), *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | self.environment,
        )

    def wait_for(self, words: str) -> list[str]:
        for line in self.process.stdout:
            self.output.append(line)
            if words in line:
                return self.output
        pytest.fail("The platform ended: " + "".join(self.output))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        command = self.command(*arguments)
        environment = os.environ | self.environment
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=environment
        )
        if check and done.returncode != 0:
            pytest.fail(f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def command(self, *arguments: str) -> list[str]:
        verb, *rest = arguments
        words = [verb, rest.pop(0)] if verb in ("service", "catalogue", "twins") else [verb]
        return [sys.executable, "-m", "geoscope", *words, "--data-dir", str(self.data_dir), *rest]

    def end(self, timeout_s: float = 30) -> int:
        """Ask the platform to stop as Ctrl-C does, and return its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            self.process.communicate(timeout=timeout_s)
        finally:
            self.process.kill()
        return self.process.returncode

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this folder, orphans too."""
        found = []
        for process in psutil.process_iter(["environ"]):
            environment = process.info["environ"] or {}
            if environment.get("GEOSCOPE_DATA_DIR") == str(self.data_dir) and process.status() != "zombie":
                found.append(process)
        return found


def until(condition, timeout_s: float = 30.0, what: str = "the condition"):
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout_s} s"
        time.sleep(0.05)
    return result


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=20).is_success
    except httpx.HTTPError:
        return False
