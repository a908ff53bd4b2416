"""A growing cube is read as any other, from the layout that takes less."""

import asyncio

import numpy as np
import pytest

from geoscope.cubes import reading
from geoscope.cubes.cube import Cube
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.pyramid import coarser
from geoscope.errors import NotFoundError
from growing_cubes import PRESSURES, TEMPERATURE, day, fields_on, grids, outline_on, values_on


@pytest.fixture(params=grids())
def grid(request):
    return grids()[request.param]


def arrays_of(grid, fields, days):
    """What a cube should hold: (days, levels or 1, cells) for each variable."""
    size = int(np.prod(grid.shape))
    held = {
        "2t": np.full((days, 1, size), np.nan, "f4"),
        "u": np.full((days, len(PRESSURES.values), size), np.nan, "f4"),
    }
    for field in fields:
        step = int((field.time - day(0)) // np.timedelta64(1, "D"))
        level = 0 if field.level is None else PRESSURES.values.tolist().index(field.level)
        held[field.variable][step, level] = field.values.ravel()
    return held


@pytest.mark.parametrize("prefer", ["maps", "series"])
def test_both_layouts_give_what_was_written(storage, grid, monkeypatch, prefer):
    """Nine days of which eight are settled, one field of them late and one replaced."""
    monkeypatch.setattr(
        "geoscope.cubes.growing.reading._amount",
        lambda parts, _cells: reading.Amount(0, int(parts[0].reader._key[-1] != prefer)),
    )
    growing = GrowingCube.open_or_create(storage, outline_on(grid))
    fields = list(fields_on(grid, range(9)))
    late = fields.pop(6)
    replacing = Field("2t", day(2), None, values_on(grid, 99))
    growing.write(fields, message="nine days, one field missing")
    growing.write([late, replacing], message="late", replace=True)
    held = arrays_of(grid, [*fields, late, replacing], 9)
    cells = np.random.default_rng(1).choice(int(np.prod(grid.shape)), 20)

    async def read():
        cube = await Cube.open(open_version(storage))
        assert cube.grid == grid
        assert cube.times.labels[0] == "2020-01-01T12:00:00Z"
        assert cube.steps_of_chunk("u") == 4
        for name, values in held.items():
            for steps in (None, slice(1, 3), slice(3, 9), slice(8, 9)):
                found = await cube.read(name, cells, steps)
                np.testing.assert_array_equal(found, values[steps or slice(0, 9)][:, :, cells])
            last = values.shape[1] - 1
            np.testing.assert_array_equal(
                await cube.series(name, int(cells[0]), level=last), values[:, last, cells[0]]
            )
            for step in range(9):
                field = await cube.field(name, step, last)
                np.testing.assert_array_equal(field.ravel(), values[step, last])

    asyncio.run(read())
    growing.settle(everything=True)
    assert growing.settled == 9
    asyncio.run(read())


def test_the_layout_is_chosen_by_what_it_takes(storage):
    grid = HealpixGrid(6)
    growing = GrowingCube.open_or_create(
        storage, outline_on(grid, variables=(TEMPERATURE,), levels=None, block_steps=64)
    )
    fields = [Field("2t", day(number), None, values_on(grid, number)) for number in range(64)]
    growing.write(fields, message="64 days")

    async def read():
        cube = await Cube.open(open_version(storage))
        map_bytes, size = 4 * grid.shape[0], grid.shape[0]
        everywhere, here = np.arange(size), np.array([7])
        # All of one day is a map; one place over all days is one chunk of the series.
        assert cube.bytes_of_chunks("2t", everywhere, slice(3, 4)) == map_bytes
        assert cube.bytes_of_chunks("2t", here) < map_bytes * 2
        assert cube.bytes_of_chunks("2t", here) < 64 * map_bytes / 10
        np.testing.assert_array_equal(await cube.series("2t", 7), [field.values[7] for field in fields])

    asyncio.run(read())


def test_each_chunk_is_read_once_and_kept(storage, monkeypatch):
    grid = HealpixGrid(4)
    growing = GrowingCube.open_or_create(storage, outline_on(grid))
    growing.write(fields_on(grid, range(8)), message="eight days")
    asked = []
    read = reading.ArrayReader._read

    async def noted(self, selection):
        asked.append(selection)
        return await read(self, selection)

    monkeypatch.setattr(reading.ArrayReader, "_read", noted)

    async def twice():
        cube = await Cube.open(open_version(storage))
        for _ in range(2):
            await cube.series("2t", 5)
            await cube.series("2t", 6)
            await cube.field("2t", 3)
        assert len(asked) == 2

    asyncio.run(twice())


def test_coarser_levels_are_cubes_of_the_same_data(storage):
    grid = HealpixGrid(7)
    growing = GrowingCube.open_or_create(storage, outline_on(grid, variables=(TEMPERATURE,), levels=None))
    values = values_on(grid, 3)
    growing.write([Field("2t", day(0), None, values)], message="a day")

    async def read():
        cube = await Cube.open(open_version(storage))
        assert cube.coarser_levels == (6, 5)
        six = await cube.coarser(6)
        assert six.grid == HealpixGrid(6)
        np.testing.assert_array_equal(await six.field("2t", 0), coarser(values, grid))
        assert await cube.coarser(6) is six
        assert await cube.fitting(0.1) is cube
        assert await cube.fitting(1.0) is six
        assert (await cube.fitting(90.0)).grid == HealpixGrid(5)
        with pytest.raises(NotFoundError, match="does not keep the level 4"):
            await cube.coarser(4)

    asyncio.run(read())
