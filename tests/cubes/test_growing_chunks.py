"""Chunks that are written past zarr are those that zarr reads, in cubes of any age."""

import dataclasses
import subprocess
import sys
import time
import weakref

import icechunk
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec

from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing import batch, block_copy, skeleton
from geoscope.cubes.growing.chunks import ChunkedArray, send
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.growing.outline import CubeOutline, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.layout import CHUNK_STEPS, series_chunks
from geoscope.errors import InvalidInputError
from growing_cubes import day, opened

GRID = HealpixGrid(6)
TEMPERATURE = VariableOutline("2t", {"units": "K"})


def outline(grid, *, block_steps=CHUNK_STEPS):
    return CubeOutline(grid, grid_coordinates(grid), (TEMPERATURE,), None, {}, block_steps=block_steps)


def fields(grid, days):
    rng = np.random.default_rng(days[0])
    return [Field("2t", day(at), None, rng.normal(280, 5, grid.shape).astype("float32")) for at in days]


def stored_keys(store, path):
    return sorted(key for key in zarr.core.sync.sync(_listed(store, path)) if not key.endswith("zarr.json"))


async def _listed(store, path):
    return [key async for key in store.list_prefix(path)]


def test_chunks_that_do_not_divide_the_grid_are_filled_up(tmp_path):
    store = zarr.storage.MemoryStore()
    codec = BloscCodec(cname="lz4", shuffle="bitshuffle")
    group = zarr.create_group(store)
    array = group.create_array(
        "a", shape=(2, 7, 5), chunks=(1, 3, 2), dtype="float32", fill_value=np.nan, compressors=[codec]
    )
    values = np.arange(35, dtype="float32").reshape(1, 7, 5)
    send(store, ChunkedArray(array).pack((1, 0, 0), values))
    np.testing.assert_array_equal(array[1:], values)
    assert np.isnan(array[0]).all()


def test_a_cube_as_it_was_packed_before_is_gone_on_with(monkeypatch):
    storage = icechunk.in_memory_storage()
    before = BloscCodec(typesize=4, cname="zstd", clevel=1, shuffle="bitshuffle")
    with monkeypatch.context() as then:
        then.setattr(skeleton, "packing", lambda _: before)
        GrowingCube.open_or_create(storage, outline(GRID, block_steps=3))
    written = fields(GRID, range(5))
    cube = GrowingCube.open_or_create(storage, outline(GRID, block_steps=3))
    cube.write(written, message="five days")
    cube.settle(everything=True)
    store = open_version(storage)
    assert zarr.open_group(store, mode="r")["2t"].compressors == (before,)
    for group in (None, "series"):
        np.testing.assert_array_equal(opened(store, group)["2t"], [field.values for field in written])


def test_what_is_packed_in_another_way_is_refused():
    array = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="float32", compressors=[GzipCodec()])
    with pytest.raises(InvalidInputError, match="not packed as a growing cube"):
        ChunkedArray(array)


def test_missing_maps_take_no_room_and_replace_what_was_there():
    storage = icechunk.in_memory_storage()
    cube = GrowingCube.open_or_create(storage, outline(GRID))
    cube.write(fields(GRID, range(2)), message="two days")
    missing = Field("2t", day(1), None, np.full(GRID.shape, np.nan, "float32"))
    cube.write([missing], message="none", replace=True)
    store = open_version(storage)
    assert stored_keys(store, "2t") == ["2t/c/0/0"]
    assert stored_keys(store, "levels/5/2t") == ["levels/5/2t/c/0/0"]
    assert np.isnan(opened(store)["2t"][1]).all()


def test_a_field_given_twice_in_one_write_is_there_with_its_last_values():
    storage = icechunk.in_memory_storage()
    cube = GrowingCube.open_or_create(storage, outline(GRID))
    first, second = fields(GRID, [0]), fields(GRID, [0])
    second = [dataclasses.replace(second[0], values=second[0].values + 1)]
    report = cube.write([*first, *second, *fields(GRID, [1])], message="twice", replace=True)
    assert len(report.stored) == 2
    np.testing.assert_array_equal(opened(open_version(storage))["2t"][0], second[0].values)


@pytest.mark.parametrize("rows", [5, 7, 1000])
def test_series_are_copied_part_by_part_whatever_fits_into_memory(monkeypatch, rows):
    grid = HealpixGrid(6)
    storage = icechunk.in_memory_storage()
    cube = GrowingCube.open_or_create(storage, outline(grid, block_steps=4))
    written = fields(grid, range(9))
    # A map that is not there: the memory of its parts held another before.
    written[2].values[:] = np.nan
    cube.write(written, message="nine days")
    monkeypatch.setattr(block_copy, "COLUMN_BYTES", rows * 4 * 4 * 256)
    monkeypatch.setattr(block_copy, "LOT_BYTES", 4 * 4 * 1000)
    cube.settle(everything=True)
    held = opened(open_version(storage), "series")["2t"]
    np.testing.assert_array_equal(held, [field.values for field in written])


def test_series_of_large_grids_have_wider_chunks():
    assert series_chunks(HealpixGrid(7).shape, CHUNK_STEPS) == (256,)
    assert series_chunks(HealpixGrid(10).shape, CHUNK_STEPS) == (1024,)


def test_fields_that_could_not_be_stored_are_let_go(monkeypatch):
    """Whoever gives fields may wait for their memory: then nobody would hear of the error."""

    def fails(*_):
        raise OSError("the disk is full")

    cube = GrowingCube.open_or_create(icechunk.in_memory_storage(), outline(GRID))
    monkeypatch.setattr(batch, "PARCEL_FIELDS", 1)
    monkeypatch.setattr(batch, "send", fails)

    def given():
        for at in range(9):
            (field,) = fields(GRID, [at])
            values = weakref.ref(field.values)
            yield field
            del field
            until = time.monotonic() + 10
            while values() is not None:
                assert time.monotonic() < until, "nobody lets go of the field"
                time.sleep(0.01)

    with pytest.raises(OSError, match="disk is full"):
        cube.write(given(), message="nine days")


GROWS = """
import sys
import icechunk, numpy as np
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.outline import CubeOutline, VariableOutline
from geoscope.cubes.healpix import HealpixGrid

grid = HealpixGrid(8)
outline = CubeOutline(grid, grid_coordinates(grid, with_places=False), (VariableOutline("t", {}),), None, {})
storage = icechunk.local_filesystem_storage(sys.argv[1])
cube = GrowingCube.open_or_create(storage, outline)
noise = np.random.default_rng(0).normal(280, 5, grid.shape).astype("float32")
first = 0
for count in (20, 40, 200):
    hours = range(first, first + count)
    start = np.datetime64("2020-01-01T00", "h")
    cube.write((Field("t", start + hour, None, noise + np.float32(hour)) for hour in hours), message="hours")
    first += count
    # Of this program alone: the peak that getrusage tells begins with that of the process which started it.
    print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


def test_memory_does_not_grow_with_what_is_written(tmp_path):
    """200 fields are 630 MB; 16 MB of them are on their way at a time."""
    done = subprocess.run(
        [sys.executable, "-c", GROWS, tmp_path / "cube"], capture_output=True, text=True, check=True
    )
    peaks = [int(line) * 1024 for line in done.stdout.split()]
    assert peaks[2] - peaks[1] < 150e6
    assert peaks[2] < 1e9
