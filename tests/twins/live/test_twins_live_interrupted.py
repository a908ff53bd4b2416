"""`geoscope twins run`, interrupted by Ctrl-C: the model ends at once, and the same command goes on."""

import os
import signal
import subprocess

import httpx
import pytest
from test_twins_live_job import runs_model

from running import until

COMMAND = (
    *("twins", "run", "--days", "10", "--spin-up", "0", "--interval", "24", "--level", "3"),
    *("--variable", "2t", "--name", "stopped"),
)
ITEM = "stac/collections/live-twin-stopped-r1/items/clte-sfc-standard"


@pytest.fixture(scope="module")
def whole(new_platform, live_twin):
    """A whole platform, which knows the model."""
    platform = new_platform()
    platform.environment |= {
        "GEOSCOPE_LIVE_TWIN__MODEL_FOLDER": str(live_twin.model_folder),
        "GEOSCOPE_LIVE_TWIN__NICE": "0",
        "GEOSCOPE_LIVE_TWIN__CORES": "2",
    }
    platform.start("--no-demo")
    return platform


def begin(platform):
    """Start the command in a process group of its own."""
    return subprocess.Popen(
        platform.command(*COMMAND),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | platform.environment,
    )


def steps(platform):
    found = httpx.get(f"{platform.url}/{ITEM}")
    return found.json()["properties"]["geoscope:versions"][0]["steps"] if found.is_success else 0


def models(platform):
    return [each for each in platform.processes() if runs_model(each)]


@pytest.mark.timeout(900)
def test_ctrl_c_ends_the_model_and_keeps_what_was_stored(whole):
    process = begin(whole)
    until(lambda: steps(whole) > 0, 300, "the first days")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "what was stored until now stays; the same command goes on" in said
    assert "Traceback" not in said
    until(lambda: not models(whole), 30, "the end of the model")
    kept = steps(whole)
    assert 0 < kept < 10

    again = begin(whole)
    told, said = again.communicate(timeout=400)
    assert again.returncode == 0, said
    assert steps(whole) == 10
    assert int(told.split()[-1]) <= 10 - kept
    assert not models(whole)
