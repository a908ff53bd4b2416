"""A cut as a job: the same answer as the query's, also when it was ended in the middle and begun again."""

import asyncio
import json
import os
import shutil
import time

import pytest
from obstore.store import MemoryStore

from geoscope import recurring
from geoscope.cuts import cutting, job, products
from geoscope.cuts.job import Wish, cut_out, remove_leftovers
from geoscope.cuts.products import PREFIX, expiry_of, new_product
from geoscope.errors import GeoscopeError, InvalidInputError, TooLargeError, UnavailableError
from geoscope.settings import Settings
from local_holdings import LocalHoldings

AREA = "/edr/collections/closed-form/instances/one/area"
PARAMETERS = {"coords": "POLYGON((0 0,45 0,45 45,0 45,0 0))", "f": "CSV"}
INPUTS = {"collection": "closed-form", "instance": "one", "query": "area", "parameters": PARAMETERS}


class KeptSteps:
    """Runs steps as the job worker does: what has ended is kept as JSON and not run again."""

    owner = "karl"

    def __init__(self):
        self.kept, self.told = {}, []
        self.ends_after = None

    def step(self, title, work):
        if title not in self.kept:
            if self.ends_after is not None and len(self.kept) >= self.ends_after:
                raise KeyboardInterrupt
            self.kept[title] = json.dumps(work())
        return json.loads(self.kept[title])

    def report(self, done, total, message):
        self.told.append((done, total, message))


@pytest.fixture
def bucket(monkeypatch):
    bucket = MemoryStore()
    monkeypatch.setattr(products, "_bucket", lambda *_: bucket)
    return bucket


@pytest.fixture
def settings(tmp_path, level_cubes, monkeypatch):
    monkeypatch.setattr(job, "Holdings", lambda _settings: LocalHoldings(*level_cubes))
    monkeypatch.setattr(cutting, "BLOCK_VALUES", 40_000)
    monkeypatch.setattr(job, "BLOCK_VALUES", 40_000)
    return Settings(data_dir=tmp_path / "data")


def stored(bucket, result):
    path = result["href"].partition("/edr/products/")[2]
    return bytes(bucket.get(f"{PREFIX}{path}").bytes())


@pytest.mark.parametrize("form", ["CSV", "CoverageJSON"])
def test_result_is_what_the_query_answers(bucket, settings, level_client, form):
    steps = KeptSteps()
    inputs = INPUTS | {"parameters": PARAMETERS | {"f": form}}
    result = cut_out(steps, settings, inputs)
    answer = level_client.get(AREA, params=inputs["parameters"])
    assert stored(bucket, result) == answer.content
    assert result["bytes"] == len(answer.content)
    assert result["values"] == 225 * 400 * 5
    assert len(steps.told) > 5
    assert not list((settings.data_dir / "cuts").iterdir())


def test_mean_over_a_region_is_made_by_a_job_too(bucket, settings, level_client):
    inputs = INPUTS | {"parameters": PARAMETERS | {"aggregate": "mean"}}
    steps = KeptSteps()
    result = cut_out(steps, settings, inputs)
    answer = level_client.get(AREA, params=inputs["parameters"])
    assert stored(bucket, result) == answer.content
    assert result["values"] == 400 * 5
    assert result["href"].endswith("/closed-form-one-area-mean.csv")
    # As many parts as for all cells: what is read makes the work.
    whole = KeptSteps()
    cut_out(whole, settings, INPUTS)
    assert len(steps.told) == len(whole.told)
    small = settings.model_copy(update={"cuts": settings.cuts.model_copy(update={"max_job_values": 10_000})})
    with pytest.raises(TooLargeError, match="This would be 450,000 values"):
        cut_out(KeptSteps(), small, inputs)


@pytest.mark.parametrize("ends_after", [1, 3, 7])
def test_job_that_was_ended_in_the_middle_goes_on_with_what_it_has_read(
    bucket, settings, level_client, ends_after, monkeypatch
):
    steps = KeptSteps()
    steps.ends_after = ends_after
    with pytest.raises(KeyboardInterrupt):
        cut_out(steps, settings, INPUTS)
    before = dict(steps.kept)
    steps.ends_after = None
    result = cut_out(steps, settings, INPUTS)
    assert {title: steps.kept[title] for title in before} == before
    assert stored(bucket, result) == level_client.get(AREA, params=PARAMETERS).content


def test_job_whose_files_are_gone_says_so_and_stores_nothing_wrong(bucket, settings):
    steps = KeptSteps()
    steps.ends_after = 4
    with pytest.raises(KeyboardInterrupt):
        cut_out(steps, settings, INPUTS)
    for file in (settings.data_dir / "cuts").rglob("*.npy"):
        file.unlink()
    steps.ends_after = None
    with pytest.raises(GeoscopeError, match="gone from the disk"):
        cut_out(steps, settings, INPUTS)
    assert not bucket.list().collect()


def test_disk_that_fills_up_is_told_and_nothing_is_left_on_it(bucket, settings, small_disk):
    disk = small_disk("size=12m")
    full = settings.model_copy(update={"data_dir": disk})
    steps = KeptSteps()
    with pytest.raises(UnavailableError, match="no room"):  # for a table of 450,000 values
        cut_out(steps, full, INPUTS)
    inputs = INPUTS | {"parameters": PARAMETERS | {"f": "NetCDF4"}}
    steps.ends_after = 1
    with pytest.raises(KeyboardInterrupt):
        cut_out(steps, full, inputs)
    (disk / "of others").write_bytes(bytes(shutil.disk_usage(disk).free - 1024**2))
    steps.ends_after = None
    with pytest.raises(UnavailableError, match="no room"):
        cut_out(steps, full, inputs)
    assert not list((disk / "cuts").iterdir())


def test_path_with_times_of_its_own_is_cut_as_a_job_too(bucket, settings, level_client):
    parameters = {"coords": "LINESTRINGZM(170 0 1000 1577880000,-170 20 300 1578139200)", "f": "CSV"}
    result = cut_out(KeptSteps(), settings, INPUTS | {"query": "trajectory", "parameters": parameters})
    answer = level_client.get(AREA.replace("area", "trajectory"), params=parameters)
    assert stored(bucket, result) == answer.content


def test_too_large_a_job_is_refused(settings, monkeypatch):
    small = settings.model_copy(update={"cuts": settings.cuts.model_copy(update={"max_job_values": 1000})})
    with pytest.raises(TooLargeError, match="a job may have 1,000"):
        cut_out(KeptSteps(), small, INPUTS)
    monkeypatch.setattr(job, "MOST_OF_STEP", 4 * 225 - 1)
    with pytest.raises(TooLargeError, match="One time of this would be 900 values"):
        cut_out(KeptSteps(), settings, INPUTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"query": "everything"},
        {"query": "locations"},
        {"location": "FRA"},
        {"parameters": {"coords": 5}},
        {"parameters": "coords"},
        {"parameters": {"coords": "POINT(1 1)"}},
        {"parameters": {}},
        {"collection": 7},
    ],
)
def test_inputs_that_cannot_be_read_are_refused(changes):
    with pytest.raises(InvalidInputError):
        Wish.parse(INPUTS | changes)


def test_expired_products_and_old_leftovers_are_removed(bucket, settings, monkeypatch):
    lasting, over = new_product(1.0), new_product(-1.0)
    for product in (lasting, over):
        bucket.put(f"{PREFIX}{product}/a.csv", b"1")
    abandoned, young = settings.data_dir / "cuts" / "abandoned", settings.data_dir / "cuts" / "young"
    for folder in (abandoned, young):
        folder.mkdir(parents=True)
    long_ago = time.time() - 10 * 86_400
    os.utime(abandoned, (long_ago, long_ago))
    assert remove_leftovers(settings) == 1
    assert [found["path"] for found in bucket.list().collect()] == [f"{PREFIX}{lasting}/a.csv"]
    assert [folder.name for folder in (settings.data_dir / "cuts").iterdir()] == ["young"]
    assert expiry_of("../../etc/passwd") is None


def test_sweeping_outlives_a_platform_whose_keys_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recurring, "FIRST_AFTER_S", 0.0)

    async def sweep():
        settings = Settings(data_dir=tmp_path)
        async with recurring.asked_now_and_then(settings, "remove-expired-cuts", "service:cuts", "any", 0.01):
            await asyncio.sleep(0.2)

    asyncio.run(sweep())


def test_products_that_are_none_are_not_found(level_client):
    for product in (new_product(-1.0), "1-2", "9999999999-" + "a" * 43 + "x"):
        answer = level_client.get(f"/edr/products/{product}/a.csv")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
