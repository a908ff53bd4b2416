"""Installing the model: its own folder, its own versions, and clear words where there is no network."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from geoscope.errors import ConflictError, UnavailableError
from geoscope.settings import LiveTwinSettings, Settings
from geoscope.twins.live.environment import ModelEnvironment

NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture
def elsewhere(tmp_path):
    return ModelEnvironment(Settings(data_dir=tmp_path / "data"))


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No package index answers, and nothing is kept of what was fetched before."""
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, NOWHERE)
    for name in ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


@pytest.mark.parametrize("with_uv", [True, False])
def test_without_a_package_index_it_says_so_and_is_not_there(elsewhere, offline, monkeypatch, with_uv):
    if not with_uv:
        monkeypatch.setattr("shutil.which", lambda _name: None)
    said = []
    with pytest.raises(UnavailableError, match="could not be installed") as caught:
        elsewhere.install(said.append)
    assert "Run the same command again" in caught.value.remedy
    assert said
    assert not elsewhere.is_there


def test_two_cannot_install_it_at_once(elsewhere):
    elsewhere.folder.mkdir(parents=True)
    with (elsewhere.folder / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match="being installed"):
            elsewhere.install(print)


def test_it_lies_in_the_data_folder_unless_told_otherwise(tmp_path):
    own = ModelEnvironment(Settings(data_dir=tmp_path))
    assert own.folder.parent == tmp_path / "models"
    shared = ModelEnvironment(
        Settings(data_dir=tmp_path, live_twin=LiveTwinSettings(model_folder=tmp_path / "shared"))
    )
    assert shared.folder.parent == tmp_path / "shared"
    assert shared.folder.name == own.folder.name


def test_an_installed_model_is_whole_and_is_left_alone(live_twin):
    environment = ModelEnvironment(Settings(live_twin=live_twin))
    assert environment.install(print) is False
    found = subprocess.run(
        [environment.python, "-I", "-c", "import importlib.metadata as m; print(m.version('jcm'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "3.0.0"


def test_the_platform_itself_has_no_part_of_it():
    script = (
        "import sys, geoscope.twins.live.simulation, geoscope.cli.twins_live\n"
        "print([name for name in sys.modules if name in ('jax', 'jcm')])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_requirement_is_exact_and_has_digests():
    folder = Path(__file__).parents[3] / "src/geoscope/twins/live/requirements"
    lines = [line for line in (folder / "requirements.txt").read_text().splitlines() if line.strip()]
    packages = [line for line in lines if not line.startswith(" ")]
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)
    assert any(line.startswith("jcm==3.0.0") for line in packages)
