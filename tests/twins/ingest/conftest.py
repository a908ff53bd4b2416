"""A platform without its pages to ingest into, and GRIB files of our own making."""

import pytest

from bare_platform import DirectJob, environment_of, running_catalogue, running_object_store
from geoscope.settings import Settings, current_settings


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """Settings whose object store and catalogue run."""
    with running_object_store(tmp_path_factory.mktemp("twins")) as settings, running_catalogue(settings):
        yield settings


@pytest.fixture
def environment(platform, monkeypatch):
    """The variables that give processes the platform's settings; this one has them too."""
    variables = environment_of(platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    current_settings.cache_clear()
    yield variables
    current_settings.cache_clear()


@pytest.fixture
def job():
    return DirectJob()


@pytest.fixture
def settings(tmp_path):
    """Settings of no platform: enough to read files of this machine."""
    return Settings(data_dir=tmp_path)
