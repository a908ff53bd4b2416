"""Peers whose native libraries crash beside ours, in an environment and in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Timing
from benchmarks.running import Bench
from benchmarks.twin_cubes import SMALL

PEERS = Path(__file__).with_name("peers")


class PeersMissingError(Exception):
    """The environment of the peers cannot be made here."""


def ask_peer(*arguments: object) -> dict:
    """Run a task of `peers/fdb_store.py` and return its answer."""
    done = subprocess.run(
        [_python(), PEERS / "fdb_store.py", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.strip().rpartition("\n")[2])


def filled_fdb(bench: Bench, days: int) -> Path:
    """Return the folder of an FDB with the fields of `twin_cubes.small_cube`; the first call fills it."""
    folder = bench.folder.with_name("fdb")
    ask_peer("fill", folder, 2**SMALL, days)
    return folder


def peer_timing(name: str, answer: dict) -> Timing:
    """Return what a peer measured in its own process."""
    return Timing(name, tuple(1000 * seconds for seconds in answer["seconds"]))


def _python() -> Path:
    """Return the Python of the peers' environment, which is made once for each list of requirements."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "geoscope-bench"
    requirements = PEERS / "requirements.txt"
    environment, stamp = cache / "peers", cache / "peers" / "requirements.txt"
    python = environment / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return python
    uv = shutil.which("uv") or str(PEERS.parents[1] / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        raise PeersMissingError("uv is not there: `pip install uv`, or scripts/setup")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment],
        [uv, "pip", "install", "--quiet", "--python", python, "--requirement", requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PeersMissingError(done.stderr[-1000:])
    stamp.write_bytes(requirements.read_bytes())
    return python
