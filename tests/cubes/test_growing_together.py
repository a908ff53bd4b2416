"""Writers, readers and accidents at the same time, on a real object store."""

import asyncio
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import icechunk
import numpy as np
import pytest
import zarr

from geoscope.cubes.cube import Cube
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.history import expire, open_version
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import NotFoundError
from geoscope.objects import icechunk_storage
from geoscope.secrets import read_s3_keys
from growing_cubes import day, fields_on, opened, outline_on, values_on

GRID = HealpixGrid(3)

WRITER = """
import sys
import time
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.healpix import HealpixGrid
from geoscope.objects import Place, icechunk_storage
from geoscope.secrets import read_s3_keys
from geoscope.settings import InternalSettings, Settings
from growing_cubes import fields_on, outline_on

folder, url, key, pause_after = sys.argv[1:]
settings = Settings(data_dir=folder, internal=InternalSettings(object_store_url=url))
storage = icechunk_storage(settings, Place("twins", key), read_s3_keys(settings, "jobs"))
cube = GrowingCube.open_or_create(storage, outline_on(HealpixGrid(3)))


def slowly(fields):
    for number, field in enumerate(fields):
        if number == int(pause_after):
            print("in the middle", flush=True)
            time.sleep(60)
        yield field


cube.write(fields_on(cube.grid, range(3)), message="three days")
print("written", flush=True)
cube.write(slowly(fields_on(cube.grid, range(10))), message="ten days")
print("done", flush=True)
"""


def test_a_writer_killed_in_the_middle_leaves_whole_versions_and_another_goes_on(object_store, new_place):
    place = new_place()
    arguments = [object_store.data_dir, object_store.internal.object_store_url, place.key, "25"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""}
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout.readline() == "written\n"
        assert writer.stdout.readline() == "in the middle\n"
        writer.kill()
    storage = icechunk_storage(object_store, place, read_s3_keys(object_store, "jobs"))
    assert opened(open_version(storage)).sizes["time"] == 3
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    report = cube.write(fields_on(GRID, range(10)), message="again")
    assert (len(report.duplicates), len(report.stored)) == (12, 28)
    assert_all_days_are_there(storage, 10)


def test_writers_at_the_same_time_all_get_their_fields_in(storage):
    GrowingCube.open_or_create(storage, outline_on(GRID))
    # Each writes other days, some of them the same, each to an end that all agree on.
    shares = [range(start, 12, 2) for start in (0, 1, 0)]
    reports, start = [], threading.Barrier(len(shares))

    def write(days):
        cube = GrowingCube.open(storage)
        everything = list(fields_on(GRID, days))
        start.wait()
        reports.append(cube.write([*everything, *fields_on(GRID, [12])], message="my share"))

    threads = [threading.Thread(target=write, args=(days,)) for days in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 3
    stored = [key for report in reports for key in report.stored]
    assert len(stored) == len(set(stored))
    # The first has brought the last day: days before it that others bring are too late, and are told of.
    for report in reports:
        told = len(report.stored) + len(report.duplicates) + len(report.refused)
        assert told == 4 * 7
        assert not report.conflicts
        assert all("before the last step" in reason for _, reason in report.refused)
    dataset = opened(open_version(storage))
    assert dataset.sizes["time"] * 4 == len(stored)
    assert (np.diff(dataset["time"].values) > np.timedelta64(0, "s")).all()
    for field in fields_on(GRID, [number for number in range(13) if day(number) in dataset["time"].values]):
        found = dataset[field.variable].sel(time=field.time)
        found = found if field.level is None else found.sel(pressure=field.level)
        np.testing.assert_array_equal(found.values, field.values)


def test_settling_and_writing_at_the_same_time_lose_nothing(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    cube.write(fields_on(GRID, range(3)), message="three days")
    changed = Field("2t", day(1), None, values_on(GRID, 99))
    other = GrowingCube.open(storage)
    session = cube.repository.writable_session("main")
    from geoscope.cubes.growing import settling  # noqa: PLC0415

    assert settling.settle(session, everything=True)
    other.write([changed], message="corrected meanwhile", replace=True)
    with pytest.raises(icechunk.ConflictError):
        session.commit("Settled")
    # Rebased blindly, the series would keep the old values for good: it is noticed.
    assert not cube._rebased(session, cube.versions()[1].id)
    cube.settle(everything=True)
    np.testing.assert_array_equal(opened(open_version(storage), "series")["2t"].values[1], changed.values)


def test_a_reader_sees_the_same_values_whatever_is_written(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    cube.write(fields_on(GRID, range(5)), message="five days")
    store = open_version(storage)
    before = asyncio.run(everything_of(store))
    cube.write([Field("2t", day(1), None, values_on(GRID, 99))], message="corrected", replace=True)
    cube.write(fields_on(GRID, range(5, 11)), message="six more")
    cube.settle(everything=True)
    after = asyncio.run(everything_of(store))
    assert after.keys() == before.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)
    assert asyncio.run(Cube.open(open_version(storage))).step_count == 11


def test_old_versions_are_forgotten_and_the_newest_stays(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    old = cube.write(fields_on(GRID, range(2)), message="two days").version
    cube.write([Field("2t", day(1), None, values_on(GRID, 99))], message="corrected", replace=True)
    newest = cube.versions()[0]
    forgotten = expire(storage, newest.when)
    assert old in forgotten.versions
    assert [version.id for version in GrowingCube.open(storage).versions()] == [newest.id]
    assert opened(open_version(storage)).sizes["time"] == 2
    with pytest.raises(NotFoundError, match="no such version"):
        open_version(storage, "ZZZZZZZZZZZZZZZZZZZZ")


def test_what_was_the_newest_at_a_time_stays_and_a_session_in_the_making_loses_nothing(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    older = cube.write(fields_on(GRID, range(2)), message="two days").version
    then = cube.write([Field("2t", day(1), None, values_on(GRID, 99))], message="corrected", replace=True)
    moment = datetime.now(UTC)
    cube.write(fields_on(GRID, range(2, 4)), message="two more")
    reader = open_version(storage, then.version)
    # Somebody has written a chunk that no version refers to yet.
    session = cube.repository.writable_session("main")
    late = values_on(GRID, 77)
    zarr.open_group(session.store, mode="r+")["2t"][3] = late
    forgotten = expire(storage, moment)
    assert older in forgotten.versions
    assert then.version not in forgotten.versions
    assert not expire(storage, moment).versions
    np.testing.assert_array_equal(opened(reader)["2t"].values[1], values_on(GRID, 99))
    time.sleep(1.1)  # objects have times in seconds
    assert then.version in expire(storage, datetime.now(UTC)).versions
    session.commit("late", {"steps": 4})
    assert [version.steps for version in cube.versions()] == [4, 4]
    found = opened(open_version(storage))["2t"].values
    np.testing.assert_array_equal(found[1], values_on(GRID, 99))
    np.testing.assert_array_equal(found[3], late)


async def everything_of(store):
    cube = await Cube.open(store)
    cells = np.arange(int(np.prod(cube.grid.shape)))
    return {name: await cube.read(name, cells) for name in cube.variables}


def assert_all_days_are_there(storage, days):
    dataset = opened(open_version(storage))
    assert dataset.sizes["time"] == days
    for field in fields_on(GRID, range(days)):
        found = dataset[field.variable].sel(time=field.time)
        found = found if field.level is None else found.sel(pressure=field.level)
        np.testing.assert_array_equal(found.values, field.values)
