"""What is written as a cube is read back as it was: by xarray, as a series, and as a map."""

import asyncio
from pathlib import Path

import iris_sample_data
import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import LocalStore, MemoryStore

from geoscope.cubes.cache import FieldCache
from geoscope.cubes.cube import Cube
from geoscope.cubes.writing import write_cube
from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError

VARIABLES = {
    "uk-met-office-scenarios/a1b": "air_temperature",
    "ostia-sea-surface-temperature/monthly-2006-2010": "surface_temperature",
    "nemo-ocean/monthly-2015": "tos",
    "toa-brightness-temperature/seviri-2016-05-16": "toa_brightness_temperature",
    "rotated-pole": "air_pressure_at_sea_level",
}


@pytest.fixture(params=VARIABLES)
def written(request, sources, tmp_path):
    """A real dataset, the name of its variable, and the store that it was written to."""
    store = LocalStore(tmp_path / "cube.zarr")
    write_cube(sources[request.param], store)
    return sources[request.param], VARIABLES[request.param], store


def small_cube(**variables):
    axes = {
        "time": ("time", xr.date_range("2000-01-01", periods=3)),
        "latitude": ("latitude", [10.0, 20.0], {"units": "degrees_north"}),
        "longitude": ("longitude", [0.0, 10.0, 20.0], {"units": "degrees_east"}),
    }
    return xr.Dataset(variables, axes)


def write_and_open(dataset):
    store = MemoryStore()
    write_cube(dataset, store)
    return asyncio.run(Cube.open(store))


def test_xarray_reads_the_same_values_coordinates_and_attributes(written):
    dataset, name, store = written
    with xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all") as back:
        assert set(back.variables) == set(dataset.variables)
        for variable in dataset.variables:
            xr.testing.assert_equal(back[variable].variable, dataset[variable].variable)
            for key, value in dataset[variable].attrs.items():
                assert np.array_equal(
                    back[variable].attrs.get(key, back[variable].encoding.get(key)), value
                ), key
        grid_mapping = dataset[name].attrs.get("grid_mapping") or dataset[name].encoding.get("grid_mapping")
        assert back[name].encoding.get("grid_mapping") == grid_mapping


def test_series_is_what_xarray_selects(written):
    dataset, name, store = written

    async def read():
        cube = await Cube.open(store)
        for cell in range(0, int(np.prod(cube.grid.shape)), max(int(np.prod(cube.grid.shape)) // 7, 1)):
            place = dict(zip(cube.grid.dimensions, np.unravel_index(cell, cube.grid.shape), strict=True))
            expected = np.atleast_1d(dataset[name].isel(place).values)
            assert np.array_equal(await cube.series(name, cell), expected, equal_nan=True)
            part = slice(cube.step_count // 3, cube.step_count)
            assert np.array_equal(await cube.series(name, cell, part), expected[part], equal_nan=True)

    asyncio.run(read())


def test_field_is_what_xarray_selects(written):
    dataset, name, store = written

    async def read():
        cube = await Cube.open(store)
        for step in {0, cube.step_count // 2, cube.step_count - 1}:
            time = {cube.times.dimension: step} if cube.times.dimension else {}
            expected = dataset[name].isel(time).transpose(*cube.grid.dimensions).values
            assert np.array_equal(await cube.field(name, step), expected, equal_nan=True)

    asyncio.run(read())


def test_data_are_sharded_and_compressed(written):
    _, name, store = written
    array = zarr.open_array(store, path=name, mode="r")
    assert array.metadata.zarr_format == 3
    assert array.shards is not None
    assert all(shard % chunk == 0 for shard, chunk in zip(array.shards, array.chunks, strict=True))
    (compressor,) = array.compressors
    assert str(compressor.cname) == "zstd"


def test_writing_again_replaces_the_whole_cube(sources):
    store = MemoryStore()
    write_cube(sources["nemo-ocean/monthly-2015"], store)
    write_cube(sources["uk-met-office-scenarios/a1b"], store)
    cube = asyncio.run(Cube.open(store))
    assert list(cube.variables) == ["air_temperature"]
    assert not [key for key in store._store_dict if key.startswith("tos/")]


def test_packed_integers_stay_packed_and_are_read_as_xarray_does():
    stored = np.array([[[0, 1, -32768], [3, 4, 5]]] * 3, np.int16)
    packed = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 273.15, "_FillValue": np.int16(-32768)}
    values = np.where(stored == -32768, np.nan, stored * 0.01 + 273.15)
    dataset = small_cube(sst=(("time", "latitude", "longitude"), values, {"units": "K"}))
    dataset["sst"].encoding = packed
    store = MemoryStore()
    write_cube(dataset, store)
    assert zarr.open_array(store, path="sst", mode="r").dtype == np.int16
    cube = asyncio.run(Cube.open(store))
    with xr.open_zarr(store, consolidated=True, chunks=None) as back:
        assert np.allclose(asyncio.run(cube.field("sst", 1)), back["sst"][1], equal_nan=True, rtol=1e-6)
    assert np.isnan(asyncio.run(cube.series("sst", 2))).all()


def test_dimensions_may_stand_in_any_order():
    values = np.arange(18.0).reshape(3, 2, 3)
    dataset = small_cube(t=(("longitude", "latitude", "time"), values.transpose(2, 1, 0), {"units": "K"}))
    cube = write_and_open(dataset)
    assert np.array_equal(asyncio.run(cube.field("t", 1)), values[1])
    assert np.array_equal(asyncio.run(cube.series("t", 4)), values[:, 1, 1])


def test_levels_are_read_and_other_dimensions_are_refused_with_the_reason():
    values = np.arange(36.0).reshape(3, 2, 2, 3)
    dataset = small_cube(
        deep=(("time", "depth", "latitude", "longitude"), values),
        flat=(("time", "height", "latitude", "longitude"), values[:, :1]),
        members=(("time", "number", "latitude", "longitude"), values),
    ).assign_coords(
        depth=("depth", [5.0, 10.0], {"units": "m", "positive": "down", "standard_name": "depth"}),
        number=("number", [0, 1], {"standard_name": "realization"}),
    )
    cube = write_and_open(dataset)
    assert np.array_equal(asyncio.run(cube.field("flat", 2)), values[2, 0])
    assert np.array_equal(asyncio.run(cube.field("deep", 1, 1)), values[1, 1])
    assert np.array_equal(asyncio.run(cube.series("deep", 4, level=1)), values[:, 1, 1, 1])
    levels = cube.variables["deep"].levels
    assert (levels.values.tolist(), levels.unit, levels.positive) == ([5.0, 10.0], "m", "down")
    assert cube.variables["flat"].levels is None
    with pytest.raises(InvalidInputError, match="dimension 'number' of 2 entries"):
        asyncio.run(cube.field("members", 0))


@pytest.mark.parametrize("most_kept", [8 * 1024**2, 500])
def test_cells_are_read_in_any_order_over_steps_and_levels(monkeypatch, most_kept):
    monkeypatch.setattr("geoscope.cubes.reading.MOST_KEPT_VALUES", most_kept)
    source = xr.open_dataset(Path(iris_sample_data.path) / "hybrid_height.nc", engine="netcdf4").load()
    potential = source["air_potential_temperature"]
    days = xr.date_range("2000-01-01", periods=20, use_cftime=False)
    source = source.drop_vars("time").assign(
        air_potential_temperature=potential.drop_vars("time") + xr.DataArray(np.arange(20.0), {"time": days})
    )
    source["air_potential_temperature"].attrs = potential.attrs
    cube = write_and_open(source)
    cells = np.random.default_rng(1).choice(100 * 100, 300)
    steps, levels = slice(3, 17), slice(4, 15)
    found = asyncio.run(cube.read("air_potential_temperature", cells, steps, levels))
    expected = source["air_potential_temperature"].transpose("time", "model_level_number", ...)
    expected = expected.values[steps, levels].reshape(14, 11, -1)[:, :, cells]
    assert np.array_equal(found, expected.astype("float32"))


def test_variable_without_time_repeats_its_value():
    dataset = small_cube(
        t=(("time", "latitude", "longitude"), np.zeros((3, 2, 3))),
        height=(("latitude", "longitude"), np.arange(6.0).reshape(2, 3)),
    )
    cube = write_and_open(dataset)
    assert asyncio.run(cube.series("height", 4)).tolist() == [4.0, 4.0, 4.0]


def test_unknown_variable_is_refused_with_those_that_there_are(sources):
    cube = write_and_open(sources["uk-met-office-scenarios/a1b"])
    with pytest.raises(InvalidInputError, match=r"no variable 'rain'. There are: air_temperature\."):
        cube.variable("rain")


def test_broken_shard_is_an_error_and_never_a_value(sources, tmp_path):
    store = LocalStore(tmp_path / "cube.zarr")
    write_cube(sources["uk-met-office-scenarios/a1b"], store)
    cube = asyncio.run(Cube.open(store))
    (shard,) = (
        path for path in (tmp_path / "cube.zarr" / "air_temperature" / "c").rglob("*") if path.is_file()
    )
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UnavailableError, match="'air_temperature' cannot be read now"):
        asyncio.run(cube.series("air_temperature", 0))


def test_store_without_a_finished_cube_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        asyncio.run(Cube.open(LocalStore(tmp_path / "nothing.zarr")))
    store = MemoryStore()
    zarr.create_group(store, zarr_format=3)
    with pytest.raises(NotFoundError, match="no finished cube"):
        asyncio.run(Cube.open(store))


def test_fields_are_read_once_by_many_who_ask_at_once():
    readings = []

    async def read():
        readings.append(1)
        await asyncio.sleep(0.01)
        return np.zeros(10, np.float32)

    async def ask():
        cache = FieldCache(1000)
        asking = [asyncio.ensure_future(cache.get("key", read)) for _ in range(5)]
        await asyncio.sleep(0)
        asking[0].cancel()
        answers = await asyncio.gather(*asking[1:])
        assert all(answer is answers[0] for answer in answers)
        assert await cache.get("key", read) is answers[0]

    asyncio.run(ask())
    assert len(readings) == 1


def test_field_cache_stays_within_its_bytes_and_drops_the_oldest():
    async def fill():
        cache = FieldCache(100)
        readings = []

        async def get(key, size):
            async def read():
                readings.append(key)
                return np.zeros(size, np.float32)

            return await cache.get(key, read)

        for key in ("a", "b", "a", "c", "a", "b"):
            await get(key, 10)
            assert cache.held_bytes <= 100
        await get("huge", 1000)
        assert cache.held_bytes <= 100
        return readings

    assert asyncio.run(fill()) == ["a", "b", "c", "b", "huge"]


def test_failed_reading_is_tried_again():
    async def ask():
        cache = FieldCache(1000)

        async def fail():
            raise OSError("gone")

        async def read():
            return np.ones(1, np.float32)

        with pytest.raises(OSError, match="gone"):
            await cache.get("key", fail)
        assert (await cache.get("key", read))[0] == 1

    asyncio.run(ask())
