"""The real atmosphere model, installed once per machine, and a platform without its pages to run it on."""

import os
from pathlib import Path

import numpy as np
import pytest

from bare_platform import environment_of, running_catalogue, running_object_store
from geoscope.errors import UnavailableError
from geoscope.settings import LiveTwinSettings, Settings, current_settings
from geoscope.twins.live.environment import ModelEnvironment
from geoscope.twins.live.experiment import Experiment
from geoscope.twins.live.model import ModelProcess

# 0.7 GB, and what the model's compiler has made: kept from one run of the tests to the next.
KEPT = Path(os.environ.get("GEOSCOPE_TEST_MODELS", "~/.cache/geoscope-tests/models"))


@pytest.fixture(scope="session")
def live_twin():
    """Settings of a model that is installed."""
    settings = LiveTwinSettings(model_folder=KEPT, nice=0, cores=2)
    try:
        ModelEnvironment(Settings(live_twin=settings)).install(print)
    except UnavailableError as error:
        pytest.skip(f"The atmosphere model cannot be installed here: {error}")
    return settings


def ignore(event):
    """Listen, and do nothing."""


@pytest.fixture(scope="session")
def simulate(live_twin, tmp_path_factory):
    """Run the model for some days, from its beginning or a checkpoint; give values, checkpoint and facts."""

    def simulate(experiment, days, *, checkpoint=None, listen=ignore, model=None):
        folder = tmp_path_factory.mktemp("run")
        task = {
            "outputs": days * experiment.outputs_per_day,
            "from": str(checkpoint) if checkpoint else None,
            "checkpoint": str(folder / "end.checkpoint"),
            "values": str(folder / "values.npz"),
        }
        if model is not None:
            facts = model.run(task, listen)
        else:
            settings = Settings(data_dir=folder, live_twin=live_twin)
            with ModelProcess(settings, experiment.configuration(0), folder / "log") as process:
                facts = process.run(task, listen)
        with np.load(folder / "values.npz") as values:
            return dict(values), folder / "end.checkpoint", facts

    return simulate


@pytest.fixture(scope="session")
def plain():
    """The experiment that all tests compare with: nothing changed, one output a day, no spin-up."""
    return Experiment(spin_up=0, interval=24, days=7)


@pytest.fixture(scope="session")
def control(simulate, plain, live_twin, tmp_path_factory):
    """Values and checkpoint of its first three days, values of the next four, and the model's facts.

    One process goes through all seven: the checkpoint is written, and not read.
    """
    folder = tmp_path_factory.mktemp("control")
    settings = Settings(data_dir=folder, live_twin=live_twin)
    with ModelProcess(settings, plain.configuration(0), folder / "log") as model:
        first, checkpoint, facts = simulate(plain, 3, model=model)
        second, _, _ = simulate(plain, 4, checkpoint=checkpoint, model=model)
    return first, checkpoint, second, facts


@pytest.fixture(scope="session")
def platform(live_twin, tmp_path_factory):
    """Settings whose object store and catalogue run, and that know the model."""
    folder = tmp_path_factory.mktemp("live")
    with running_object_store(folder) as settings, running_catalogue(settings):
        yield settings.model_copy(update={"live_twin": live_twin})


@pytest.fixture
def environment(platform, monkeypatch):
    """The variables that give processes the platform's settings; this one has them too."""
    variables = environment_of(platform) | {
        "GEOSCOPE_LIVE_TWIN__MODEL_FOLDER": str(KEPT),
        "GEOSCOPE_LIVE_TWIN__NICE": "0",
        "GEOSCOPE_LIVE_TWIN__CORES": "2",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    current_settings.cache_clear()
    yield variables
    current_settings.cache_clear()
