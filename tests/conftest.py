"""What all tests share: the demo's cubes without a platform, and one platform that has loaded them."""

import gc
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from geoscope.runtime.ports import free_port_pair
from kits_environment import install_kits
from local_holdings import LocalHoldings, read_sources, write_demo
from running import EDGE_PORTS, Platform

# Tests that share servers, by how their names begin: one worker starts these, once, and has all such tests.
# What takes longest stands first, and begins first.
SHARED_SERVERS = {
    "tests/journeys/test_faults.py": "victims",
    "tests/journeys/test_https.py": "victims",
    "tests/journeys/test_catalogue_in_postgresql.py": "victims",
    "tests/journeys/": "platform",
    "tests/twins/live/": "the atmosphere model",
    "tests/twins/ingest/test_twins_ingest.py": "ingest",
    "tests/catalogue/publishing/": "publishing",
    "tests/catalogue/orders/": "orders",
    "tests/storage/": "storage",
    "tests/identity/test_identity_postgresql.py": "accounts in PostgreSQL",
    "tests/identity/test_identity_realms.py": "realms",
    "tests/identity/test_identity_upstream.py": "upstream",
    "tests/identity/": "identity",
    "tests/cubes/test_growing": "growing cubes",
    "tests/demo/": "demo",
    "tests/catalogue/loading/": "loading",
}


def group_of(name):
    """The group that a test is handed out with: those that share servers, or else its file's."""
    groups = (group for begin, group in SHARED_SERVERS.items() if name.startswith(begin))
    return next(groups, name.partition("::")[0])


class SharedServersScheduling(LoadScopeScheduling):
    """Hands out tests by groups, in the order of the collection.

    The plug-in's own marker for groups, of its release 3.8, has no effect with pytest 9.2.
    """

    def _split_scope(self, nodeid):
        return group_of(nodeid)


def pytest_collection_modifyitems(items):
    """Put groups that share servers first, and then the files with the most tests: small ones end evenly."""
    sizes = Counter(group_of(item.nodeid) for item in items)
    first = {group: place for place, group in enumerate(SHARED_SERVERS.values())}
    items.sort(key=lambda item: rank(group_of(item.nodeid), first, sizes))


def pytest_collection_finish():
    """Take the tests themselves out of what Python's own collection goes through, again and again."""
    gc.collect()
    gc.freeze()


def rank(group, first, sizes):
    return first.get(group, len(first)), -sizes[group], group


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False
    return SharedServersScheduling(config, log)


@pytest.fixture(scope="session")
def earth_data():
    """The folder of real Earth data that lies beside the checkout, or where GEOSCOPE_EARTH_DATA says."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GEOSCOPE_EARTH_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"there is no real Earth data in {folder}")
    return folder


@pytest.fixture(scope="session")
def kits():
    """Python with earthkit-data, earthkit-regrid and covjsonkit."""
    return install_kits()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The folder of all demo cubes, and the catalogue's documents of them."""
    folder = tmp_path_factory.mktemp("cubes")
    return folder, write_demo(folder)


@pytest.fixture(scope="session")
def sources():
    """The demo's inputs as xarray reads them."""
    return read_sources()


@pytest.fixture
def holdings(demo):
    """The demo's cubes as the data services see them, without a platform."""
    return LocalHoldings(*demo)


@pytest.fixture(scope="session")
def new_platform(tmp_path_factory):
    """Make platforms that are not started yet; whatever runs is stopped in the end."""
    made = []

    def make() -> Platform:
        port, s3_port = free_port_pair(1, among=EDGE_PORTS)
        made.append(Platform(tmp_path_factory.mktemp("platform") / "data", port, s3_port))
        return made[-1]

    yield make
    for platform in made:
        platform.end()
        for process in platform.processes():
            process.kill()


@pytest.fixture(scope="session")
def platform(new_platform):
    """One platform with the demo data loaded, for every journey of this test process."""
    platform = new_platform()
    platform.start()
    assert (platform.data_dir / "demo-loaded").exists(), "".join(platform.output)
    return platform


@pytest.fixture(scope="session")
def login_link(platform):
    return re.search(r"http\S+/account/login/\S+", "".join(platform.output)).group()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of its own, as small or as read-only as a test wants it."""
    mounted = []

    def mount(options):
        place = tmp_path / "disk"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip("mounting a file system needs a privilege that this user does not have")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)
