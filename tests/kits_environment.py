"""Clients whose libraries crash beside ours, or want older ones, in an environment of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REQUIREMENTS = (
    "earthkit-data>=1.3",
    "earthkit-regrid>=0.5.1",
    "covjsonkit>=0.2.26",
    "polytope-client>=0.7.10",
)


def install_kits():
    """Install them once for all runs, and return their Python."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "geoscope-tests"
    environment, stamp = cache / "kits", cache / "kits" / "requirements"
    python = environment / "bin" / "python"
    if stamp.exists() and stamp.read_text() == "\n".join(REQUIREMENTS):
        return python
    uv = shutil.which("uv") or str(Path(__file__).parents[1] / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("uv is not there: `pip install uv`, or scripts/setup")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment],
        [uv, "pip", "install", "--quiet", "--python", python, *REQUIREMENTS],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"the clients cannot be installed here: {done.stderr[-500:]}")
    stamp.write_text("\n".join(REQUIREMENTS))
    return python
