"""A platform without its pages, for the demo to be loaded into."""

import httpx
import pytest

from bare_platform import DirectJob, environment_of, running_catalogue, running_object_store
from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.demo.datasets import COLLECTIONS, TWINS
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys


@pytest.fixture
def job():
    return DirectJob()


@pytest.fixture(scope="session")
def object_store_settings(tmp_path_factory):
    """Settings whose object store runs; every bucket of the platform is there."""
    with running_object_store(tmp_path_factory.mktemp("platform")) as settings:
        yield settings


@pytest.fixture(scope="session")
def platform(object_store_settings):
    """Settings whose object store and catalogue run."""
    with running_catalogue(object_store_settings) as settings:
        yield settings


@pytest.fixture
def empty_platform(platform):
    """The platform without any demo data."""
    token = issue_token(platform, "service:test", frozenset({ADMINISTRATOR}))
    keys = read_s3_keys(platform, "jobs")
    for collection in (*COLLECTIONS, *TWINS):
        bucket = open_bucket(platform, "public-twins" if collection in TWINS else "demo", keys)
        address = f"{platform.internal.data_apis_url}/stac/collections/{collection.id}"
        httpx.delete(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        paths = [found["path"] for page in bucket.list(f"{collection.id}/") for found in page]
        bucket.delete(paths)
    return platform


@pytest.fixture
def environment(platform):
    return environment_of(platform)
