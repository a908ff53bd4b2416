"""Simulations as jobs of a real worker: killed in the middle, gone on with, dismissed."""

import json
import os
import subprocess
import sys
import time

import httpx
import numpy as np
import psutil
import pytest
import xarray as xr
import zarr
from fastapi.testclient import TestClient

from bare_platform import DirectJob
from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.sampling import sampling
from geoscope.errors import ConflictError, InvalidInputError, NotFoundError
from geoscope.objects import Place, icechunk_storage
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from geoscope.twins.live.experiment import Experiment
from geoscope.twins.live.folder import SimulationFolder
from geoscope.twins.live.model import PROGRAM
from geoscope.twins.live.simulation import Simulation
from geoscope.workflows.api import create_application

LEVEL = 3
INPUTS = {"spin_up": 0, "interval": 24, "level": LEVEL, "variables": ["2t", "avg_tprate", "t"]}
COLLECTION = "live-twin-control-r1"
ITEMS = {"clte-sfc-standard": {"2t", "avg_tprate"}, "clte-pl-standard": {"t"}}


@pytest.fixture
def jobs(platform, environment):
    """A client of this platform's jobs."""
    token = issue_token(platform, "service:test", frozenset({ADMINISTRATOR}))
    with TestClient(create_application(), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def start_worker(platform, environment):
    started = []
    log_path = platform.data_dir / "logs" / "job-worker.log"

    def start():
        with log_path.open("ab") as log:
            command = [sys.executable, "-m", "geoscope.workflows.worker"]
            started.append(subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def ask(jobs, **inputs):
    asked = jobs.post("/processes/run-twin/execution", json={"inputs": INPUTS | inputs})
    assert asked.status_code == 201, asked.text
    return asked.headers["location"]


def watch(jobs, address, condition, timeout_s=600):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        job = jobs.get(address).json()
        if condition(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"The job did not get there within {timeout_s} s: {job}")


def has_ended(job):
    return job["status"] not in ("accepted", "running")


def models():
    """Return the processes of models of this test's user that belong to nobody else's tests."""
    mine = psutil.Process().children(recursive=True)
    return [each for each in mine if runs_model(each)]


def runs_model(process):
    try:
        return str(PROGRAM) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def cube_of(settings, item, collection=COLLECTION):
    place = Place("public-twins", f"{collection}/{item}")
    return GrowingCube.open(icechunk_storage(settings, place, read_s3_keys(settings, "data-apis")))


def stored(settings, item, variable):
    """Return all values of a variable as their readers see them."""
    store = cube_of(settings, item).repository.readonly_session("main").store
    with xr.open_zarr(store, consolidated=False, chunks=None) as dataset:
        return dataset[variable].values


def document(settings, path):
    return httpx.get(f"{settings.internal.data_apis_url}/stac/collections/{path}", trust_env=False).json()


def test_killed_worker_and_killed_model_lose_no_day_and_store_none_twice(
    jobs, start_worker, platform, control
):
    worker = start_worker()
    address = ask(jobs, days=7)
    # Kill the model in its first segment, then the worker while it goes on from the same checkpoint.
    watch(jobs, address, lambda job: job["message"].startswith("Simulated"))
    (model,) = models()
    model.kill()
    watch(jobs, address, lambda _job: models() and models()[0].pid != model.pid)
    second = models()[0]
    worker.kill()
    worker.wait()
    psutil.wait_procs([second], timeout=20)
    assert not second.is_running()
    assert jobs.get(address).json()["status"] == "running"

    worker = start_worker()
    # And the worker again in the second segment, when the first is stored.
    watch(jobs, address, lambda job: job["progress"] > 75)
    worker.kill()
    worker.wait()
    start_worker()
    job = watch(jobs, address, has_ended)
    assert (job["status"], job["progress"]) == ("successful", 100), job
    results = jobs.get(f"{address}/results").json()
    assert results["collection"] == COLLECTION
    assert results["new_days"] == 7

    first, _, later, _ = control
    grid = RectilinearGrid(first["longitudes"], first["latitudes"], ("latitude", "longitude"))
    regridded = sampling(grid, HealpixGrid(LEVEL), "bilinear")
    for item, names in ITEMS.items():
        cube = cube_of(platform, item)
        assert results["items"][item]["steps"] == len(cube.times) == 7
        assert np.all(np.diff(cube.times) == np.timedelta64(1, "D"))
        messages = [version.message for version in cube.versions()]
        assert messages.count("Simulated days 1 to 5") == messages.count("Simulated days 6 to 7") == 1
        for name in names:
            values = np.concatenate([first[name], later[name]])
            expected = regridded.apply(values).astype(np.float32)
            found = stored(platform, item, name)
            if name == "t":
                expected = expected[:, ::-1]  # levels are stored from the top down
            assert found.shape == expected.shape
            assert np.array_equal(found, expected, equal_nan=True), name
    assert not list(SimulationFolder(platform, COLLECTION).path.glob("*.npz"))


def test_more_days_go_on_where_the_simulation_ended(jobs, start_worker, platform):
    before = {item: cube_of(platform, item).versions() for item in ITEMS}
    start_worker()
    address = ask(jobs, days=8)
    job = watch(jobs, address, has_ended)
    assert job["status"] == "successful", job
    assert jobs.get(f"{address}/results").json()["new_days"] == 1
    for item in ITEMS:
        cube = cube_of(platform, item)
        assert len(cube.times) == 8
        new = [version.message for version in cube.versions()][: len(cube.versions()) - len(before[item])]
        assert [message for message in new if message != "Settled"] == ["Simulated day 8"]


def test_the_catalogue_says_where_the_data_comes_from(platform, control):
    facts = control[-1]
    collection = document(platform, COLLECTION)
    item = document(platform, f"{COLLECTION}/items/clte-sfc-standard")
    properties = item["properties"]
    assert properties["processing:software"]["jcm"] == facts["versions"]["jcm"]
    assert properties["processing:software"]["jaxlib"] == facts["versions"]["jaxlib"]
    for digest in facts["inputs_sha256"].values():
        assert digest in properties["processing:lineage"]
    assert "nothing is changed" in properties["processing:lineage"]
    assert "seed 1" in properties["processing:lineage"]
    assert properties["geoscope:experiment"]["sst_offset"] == 0
    assert properties["mars:dataset"] == "geoscope-live"
    assert properties["mars:class"] == "rd"
    assert properties["cube:variables"]["2t"]["attrs"]["mars:param"] == "167"
    assert "not a forecast" in collection["description"]
    assert properties["geoscope:experiment_sha256"] == collection["geoscope:experiment_sha256"]
    cube = cube_of(platform, "clte-sfc-standard")
    assert [each["id"] for each in properties["geoscope:versions"]] == [each.id for each in cube.versions()]
    store = cube.repository.readonly_session("main").store
    attributes = zarr.open_group(store, mode="r").attrs
    assert attributes["processing:lineage"] == properties["processing:lineage"]
    assert json.loads(attributes["processing:software"]) == properties["processing:software"]


def test_other_conditions_do_not_go_into_the_same_name(platform, environment):
    other = Experiment(**INPUTS | {"days": 8, "name": "control", "co2": 560})
    with pytest.raises(ConflictError, match="is another simulation"):
        Simulation(platform, other).run(DirectJob())


def test_a_simulation_that_is_there_is_not_run_again(platform, environment):
    outcome = Simulation(platform, Experiment(**INPUTS | {"days": 8})).run(DirectJob())
    assert outcome["new_days"] == 0
    assert outcome["items"]["clte-sfc-standard"]["steps"] == 8


def test_without_its_folder_a_simulation_begins_anew_and_stores_nothing_twice(platform, environment):
    SimulationFolder(platform, COLLECTION).remove()
    versions = len(cube_of(platform, "clte-pl-standard").versions())
    outcome = Simulation(platform, Experiment(**INPUTS | {"days": 8})).run(DirectJob())
    assert outcome["items"]["clte-pl-standard"]["steps"] == 8
    assert len(cube_of(platform, "clte-pl-standard").versions()) == versions


def test_only_one_job_runs_a_simulation(platform, environment):
    with (
        SimulationFolder(platform, COLLECTION).alone(),
        pytest.raises(ConflictError, match="Another job runs this simulation"),
    ):
        Simulation(platform, Experiment(**INPUTS | {"days": 9})).run(DirectJob())


def test_a_dismissed_job_ends_its_model_at_once(jobs, start_worker, platform):
    start_worker()
    address = ask(jobs, days=3000, name="long")
    watch(jobs, address, lambda _job: bool(models()))
    (model,) = models()
    assert jobs.delete(address).status_code == 200
    psutil.wait_procs([model], timeout=30)
    assert not model.is_running()
    assert jobs.get(address).json()["status"] == "dismissed"
    assert document(platform, "live-twin-long-r1").get("code") == "NotFound"
    log = (platform.data_dir / "logs" / "job-worker.log").read_text()
    assert "Traceback" not in log.rpartition("run-twin")[2]


def test_limits_and_a_missing_model_are_told_before_anything_is_done(platform, environment, tmp_path):
    few = platform.model_copy(update={"live_twin": platform.live_twin.model_copy(update={"max_days": 10})})
    with pytest.raises(InvalidInputError, match="more than this platform allows"):
        Simulation(few, Experiment(days=11))
    without = platform.model_copy(
        update={"live_twin": platform.live_twin.model_copy(update={"model_folder": tmp_path})}
    )
    with pytest.raises(NotFoundError) as caught:
        Simulation(without, Experiment(name="nowhere")).run(DirectJob())
    assert "geoscope twins install-model" in caught.value.remedy
    assert not (platform.data_dir / "live-twins" / "live-twin-nowhere-r1").exists()
    current_settings.cache_clear()
