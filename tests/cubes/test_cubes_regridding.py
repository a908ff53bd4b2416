"""A regridded dataset keeps what is said of it; real readers of HEALPix read what we write."""

import asyncio

import cf_xarray  # noqa: F401 (gives datasets their accessor)
import numpy as np
import pytest
import xarray as xr
import xdggs
from zarr.storage import LocalStore

from geoscope.cubes.cube import Cube
from geoscope.cubes.describe import describe
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid_coordinates import grid_coordinates, grid_mapping_of
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.healpix_metadata import healpix_attributes
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.regridding import regrid_dataset
from geoscope.cubes.writing import write_cube
from geoscope.errors import InvalidInputError
from xpublish_tile import drawn

SOURCES = {
    "uk-met-office-scenarios/a1b": "air_temperature",
    "nemo-ocean/monthly-2015": "tos",
    "rotated-pole": "air_pressure_at_sea_level",
    "toa-brightness-temperature/seviri-2016-05-16": "toa_brightness_temperature",
}
TARGETS = {
    "healpix": HealpixGrid(5),
    "a region of healpix": HealpixGrid(6, np.arange(2000, 9000)),
    "latitudes": RectilinearGrid(np.arange(0, 360, 3.0), np.arange(-88.5, 90, 3), ("latitude", "longitude")),
    "reduced": ReducedGaussianGrid(np.arange(85, -86, -10.0), np.full(18, 30)),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("method", ["nearest", "bilinear", "conservative"])
def test_real_data_keep_their_words_on_another_grid(sources, name, target, method):
    dataset, grid = sources[name], TARGETS[target]
    regridded = regrid_dataset(dataset, grid, method)
    before, after = dataset[SOURCES[name]], regridded[SOURCES[name]]
    assert detect_grid(regridded) == grid
    for key in ("units", "standard_name", "long_name"):
        assert after.attrs.get(key) == before.attrs.get(key)
    assert after.attrs.get("grid_mapping") == grid_mapping_of(grid)
    assert after.dims[-len(grid.dimensions) :] == grid.dimensions
    assert f"({method})" in regridded.attrs["history"].splitlines()[0]
    assert ("area: mean" in after.attrs.get("cell_methods", "")) == (
        method == "conservative" or "area: mean" in before.attrs.get("cell_methods", "")
    )
    if "time" in dataset.dims:
        xr.testing.assert_identical(regridded["time"].variable, dataset["time"].variable)
    low, high = float(before.min()), float(before.max())
    assert np.isfinite(after).any()
    assert low - 1e-3 <= float(after.min()) <= float(after.max()) <= high + 1e-3
    describe(regridded if "time" in regridded.coords else regridded.assign_coords(time=np.datetime64("2000")))


def test_levels_and_history_are_kept_and_the_source_is_left_alone():
    rng = np.random.default_rng(0)
    dataset = xr.Dataset(
        {
            "t": (("level", "lat", "lon"), rng.normal(size=(2, 18, 36)), {"units": "K"}),
            "kind": (("lat", "lon"), rng.integers(1, 4, (18, 36)), {"flag_values": [1, 2, 3]}),
            "layers": ("level", [1.0, 2.0]),
        },
        {
            "level": ("level", [1000.0, 500.0], {"units": "hPa", "positive": "down"}),
            "lat": ("lat", np.arange(-85, 86, 10.0), {"units": "degrees_north", "bounds": "lat_bnds"}),
            "lon": ("lon", np.arange(0, 360, 10.0), {"units": "degrees_east"}),
            "lat_bnds": (("lat", "two"), np.zeros((18, 2))),
        },
        {"title": "A title", "history": "was made"},
    )
    copy = dataset.copy(deep=True)
    regridded = regrid_dataset(dataset, HealpixGrid(2), "bilinear")
    xr.testing.assert_identical(dataset, copy)
    assert regridded.t.dims == ("level", "cells")
    assert regridded.level.attrs == dataset.level.attrs
    assert regridded.attrs["title"] == "A title"
    assert regridded.attrs["history"].endswith("\nwas made")
    assert set(np.unique(regridded.kind)) == {1, 2, 3}
    assert "lat_bnds" not in regridded.variables
    assert "lat" not in regridded.variables
    back = regrid_dataset(regridded, detect_grid(dataset), "conservative")
    assert back.t.dims == ("level", "lat", "lon")
    assert float(back.t.mean()) == pytest.approx(float(dataset.t.mean()), abs=0.1)


def test_sums_over_cells_and_unknown_methods_are_refused(sources):
    dataset = sources["uk-met-office-scenarios/a1b"]
    with pytest.raises(InvalidInputError, match="'cubic'"):
        regrid_dataset(dataset, HealpixGrid(2), "cubic")
    dataset = dataset.copy()
    dataset["air_temperature"] = dataset.air_temperature.assign_attrs(cell_methods="time: mean area: sum")
    with pytest.raises(InvalidInputError, match="sums over cells"):
        regrid_dataset(dataset, HealpixGrid(2), "conservative")


@pytest.fixture(params=[None, np.arange(1000, 3000)], ids=["whole", "region"])
def healpix_cube(request, tmp_path):
    grid = HealpixGrid(5, request.param)
    longitude, latitude = grid.centres()
    dataset = grid_coordinates(grid).assign(
        t=(
            ("time", "cells"),
            np.stack([280 + latitude / 10, 281 + longitude / 100]).astype("float32"),
            {"grid_mapping": "crs", "units": "K", "standard_name": "air_temperature"},
        )
    )
    times = np.array(["2020-01-01", "2020-01-02"], "M8[ns]")
    dataset = dataset.assign_coords(time=("time", times, {"standard_name": "time"}))
    store = LocalStore(tmp_path / "healpix.zarr")
    write_cube(dataset, store)
    return grid, dataset, store


def test_cubes_on_healpix_are_written_described_and_read(healpix_cube):
    grid, dataset, store = healpix_cube
    cube = asyncio.run(Cube.open(store))
    assert cube.grid == grid
    assert list(cube.variables) == ["t"]
    place = grid.cell_centre(7)
    series = asyncio.run(cube.series("t", int(grid.locate(*place))))
    np.testing.assert_array_equal(series, dataset.t.values[:, 7])
    np.testing.assert_array_equal(asyncio.run(cube.field("t", 1)), dataset.t.values[1])
    described = describe(dataset)
    assert described.dimensions["cells"]["description"] == "Cells of nested HEALPix, level 5 (nside 32)"
    assert described.bbox[1] < described.bbox[3]


def test_plain_xarray_and_xdggs_read_our_healpix(healpix_cube):
    grid, _, store = healpix_cube
    for decode_coords in (True, "all"):
        with xr.open_zarr(store, chunks=None, decode_coords=decode_coords) as dataset:
            assert detect_grid(dataset) == grid
    with xr.open_zarr(store, chunks=None) as dataset:
        # cf-xarray gives every Dataset its accessor `cf`.
        assert dataset.cf["air_temperature"].attrs["units"] == "K"
        assert dataset.cf.grid_mapping_names == {"healpix": ["crs"]}
        decoded = xdggs.decode(dataset)
        assert decoded.dggs.grid_info.level == grid.level
        assert decoded.dggs.grid_info.indexing_scheme == "nested"
        centres = decoded.dggs.cell_centers()
        longitude, latitude = grid.centres()
        np.testing.assert_allclose(centres.latitude, latitude, atol=1e-9)
        np.testing.assert_allclose((centres.longitude - longitude + 180) % 360 - 180, 0, atol=1e-9)
        place = grid.cell_centre(11)
        selected = decoded.dggs.sel_latlon([place[1]], [place[0]])
        np.testing.assert_array_equal(selected.t.values[:, 0], dataset.t.values[:, 11])


@pytest.mark.parametrize("healpix_cube", [np.arange(1000, 3000)], ids=["region"], indirect=True)
def test_xpublish_tiles_draws_our_healpix(healpix_cube):
    picture = drawn(healpix_cube[2].root, "t")
    assert picture.startswith(b"\x89PNG")


def test_words_of_xdggs_and_of_climate_models_are_understood():
    values = ("cells", np.zeros(192))
    on_coordinate = {"grid_name": "healpix", "level": 2, "indexing_scheme": "nested"}
    as_xdggs = xr.Dataset({"t": values}, {"cell_ids": ("cells", np.arange(192), on_coordinate)})
    assert detect_grid(as_xdggs) == HealpixGrid(2)
    crs = {"grid_mapping_name": "healpix", "healpix_nside": 4, "healpix_order": "nest"}
    as_climate_models = xr.Dataset({"t": ("cell", np.zeros(192)), "crs": ((), 0, crs)})
    assert detect_grid(as_climate_models) == HealpixGrid(2, dimension="cell")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"indexing_scheme": "ring"}, "'ring' order"),
        ({"inverse_flattening": 298.25}, "ellipsoid"),
        ({"refinement_level": 31}, "levels 0 to 29"),
        ({"refinement_level": 1}, "not within 0 to 47"),
    ],
)
def test_healpix_that_is_not_ours_is_refused_with_a_reason(changed, what):
    attributes = healpix_attributes(2)
    dataset = xr.Dataset(
        {"t": ("cells", np.zeros(192), {"grid_mapping": "crs"})},
        {
            "cell_ids": ("cells", np.arange(192), attributes.coordinate),
            "crs": ((), 0, attributes.grid_mapping | changed),
        },
    )
    with pytest.raises(InvalidInputError, match=what):
        detect_grid(dataset)


@pytest.mark.parametrize("name", SOURCES)
def test_a_grid_is_recognised_by_the_coordinates_made_of_it(sources, name):
    grid = detect_grid(sources[name])
    coordinates = grid_coordinates(grid)
    mapping = grid_mapping_of(grid)
    attributes = {"grid_mapping": mapping} if mapping else {}
    dataset = coordinates.assign(t=(grid.dimensions, np.zeros(grid.shape), attributes))
    again = detect_grid(dataset)
    assert type(again) is type(grid)
    cells = np.arange(0, np.prod(grid.shape), 7)
    np.testing.assert_allclose(again.cell_centre(cells), grid.cell_centre(cells), atol=1e-6)
