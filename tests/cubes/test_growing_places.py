"""Cubes on HEALPix tell the places of their cells to those who ask; to open and read them costs nothing."""

import asyncio
import tracemalloc

import healpy
import icechunk
import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore, WrapperStore

from geoscope.cubes.cube import Cube
from geoscope.cubes.describe import describe
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing import skeleton
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.growing.names import GRID_DIGEST
from geoscope.cubes.growing.outline import VariableOutline
from geoscope.cubes.growing.places import write_places
from geoscope.cubes.growing.skeleton import grid_digest
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.metadata import open_metadata
from geoscope.errors import InvalidInputError
from growing_cubes import TEMPERATURE, WIND, fields_on, opened, outline_on

PLACES = {"latitude", "longitude"}


@pytest.fixture
def storage():
    return icechunk.in_memory_storage()


def outline_of_ids(grid, **changes):
    return outline_on(grid, grid_coordinates=grid_coordinates(grid, with_places=False), **changes)


class NotingStore(WrapperStore):
    """A store that notes what is read."""

    def __init__(self, store):
        super().__init__(store)
        self.keys = []

    def _with_store(self, store):
        again = type(self)(store)
        again.keys = self.keys
        return again

    @property
    def supports_consolidated_metadata(self):
        return self._store.supports_consolidated_metadata

    async def get(self, key, *arguments, **options):
        self.keys.append(key)
        return await super().get(key, *arguments, **options)

    async def get_partial_values(self, prototype, key_ranges):
        key_ranges = list(key_ranges)
        self.keys += [key for key, _ in key_ranges]
        return await super().get_partial_values(prototype, key_ranges)


@pytest.mark.parametrize(
    "grid", [HealpixGrid(7), HealpixGrid(7, np.arange(3001, 9000))], ids=["whole", "region"]
)
def test_all_groups_tell_where_cells_are(storage, grid):
    GrowingCube.open_or_create(storage, outline_of_ids(grid))
    for group, level in ((None, 7), ("series", 7), ("levels/6", 6), ("levels/5", 5)):
        dataset = opened(open_version(storage), group)
        longitude, latitude = healpy.pix2ang(2**level, dataset["cell_ids"].values, nest=True, lonlat=True)
        np.testing.assert_allclose(dataset["latitude"], latitude, atol=1e-9)
        np.testing.assert_allclose((dataset["longitude"] - longitude + 180) % 360 - 180, 0, atol=1e-9)
        assert {*PLACES, "cell_ids"} <= {*dataset["2t"].coords} & {*dataset["u"].coords}
        assert dataset["latitude"].attrs["units"] == "degrees_north"


def test_whoever_opens_and_reads_a_cube_reads_no_places(storage):
    grid = HealpixGrid(6)
    growing = GrowingCube.open_or_create(storage, outline_of_ids(grid))
    growing.write(fields_on(grid, range(5)), message="five days")
    store = NotingStore(open_version(storage))

    async def read():
        cube = await Cube.open(store)
        await cube.series("u", 77, level=1)
        await cube.field("2t", 4)
        await (await cube.coarser(5)).field("2t", 2)
        return cube.grid

    assert asyncio.run(read()) == grid
    dataset = open_metadata(store)
    assert detect_grid(dataset) == grid
    describe(dataset)
    assert any(key.startswith("cell_ids/c/") for key in store.keys)
    assert any(key.startswith("levels/5/2t/c/") for key in store.keys)

    def chunks_of_places():
        return [key for key in store.keys if "/c/" in key and PLACES & {*key.split("/")}]

    assert not chunks_of_places()
    dataset["latitude"].load()
    assert chunks_of_places()


@pytest.mark.parametrize("in_the_digest", [False, True])
def test_cubes_of_before_go_on(storage, monkeypatch, in_the_digest):
    """Some had no places, others had them in the digest of their grid."""
    grid = HealpixGrid(6)
    with monkeypatch.context() as patch:
        if not in_the_digest:
            patch.setattr(skeleton, "write_places", lambda *_: None)
        growing = GrowingCube.open_or_create(storage, outline_of_ids(grid, variables=(TEMPERATURE,)))
    if in_the_digest:
        session = growing.repository.writable_session("main")
        digest = grid_digest(grid_coordinates(grid))
        zarr.open_group(session.store, mode="r+").update_attributes({GRID_DIGEST: digest})
        session.commit("as it was before")
    growing = GrowingCube.open_or_create(storage, outline_on(grid, variables=(TEMPERATURE, WIND)))
    fields = list(fields_on(grid, range(2)))
    assert len(growing.write(fields, message="two days").stored) == len(fields)
    dataset = opened(open_version(storage))
    assert PLACES & {*dataset["u"].coords} == (PLACES if in_the_digest else set())
    assert "coordinates" not in dataset["u"].attrs, "a coordinate is named that is not there"
    with pytest.raises(InvalidInputError, match="another grid"):
        GrowingCube.open_or_create(storage, outline_on(HealpixGrid(7)))


def test_the_digest_of_a_grid_is_that_of_cubes_of_before():
    for ids, digest in (
        (None, "4de714385ae793b8994a962694475742"),
        (np.r_[10:20, 30:50], "6c562382829426e2dc137ce09bb900f2"),
    ):
        storage, grid = icechunk.in_memory_storage(), HealpixGrid(6, ids)
        for outline in (outline_on(grid), outline_of_ids(grid)):
            GrowingCube.open_or_create(storage, outline)
        assert opened(open_version(storage)).attrs[GRID_DIGEST] == digest


def test_places_of_many_cells_are_computed_a_chunk_at_a_time():
    """Those of level 9 are 50 MB."""
    grid = HealpixGrid(9)
    groups = [zarr.create_group(MemoryStore()) for _ in range(2)]
    tracemalloc.start()
    try:
        write_places(groups, grid)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 24e6, "they are packed"
    assert peak < 50e6
    cells = np.arange(12 * 4**9)
    longitude, latitude = healpy.pix2ang(2**9, cells, nest=True, lonlat=True)
    for group in groups:
        np.testing.assert_allclose(group["latitude"][:], latitude, rtol=0, atol=1e-12)
        np.testing.assert_allclose((group["longitude"][:] - longitude + 180) % 360 - 180, 0, atol=1e-12)
        assert -180 <= group["longitude"][:].min() < group["longitude"][:].max() < 180


def test_no_variable_takes_the_place_of_the_places(storage):
    grid = HealpixGrid(3)
    taken = VariableOutline("latitude", {"units": "K"})
    with pytest.raises(InvalidInputError, match="used twice: latitude"):
        GrowingCube.open_or_create(storage, outline_of_ids(grid, variables=(taken,), levels=None))
