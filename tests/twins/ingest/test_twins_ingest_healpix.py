"""Ingest with `healpix`: fields of any grid come to nested HEALPix, and the store says from where and how."""

import healpy
import numpy as np
import pytest
import xarray as xr
from grib_files import climate, smooth, write_grib
from test_twins_ingest import item_of, opened
from test_twins_ingest_grids import GAUSSIAN, ROTATED, ingest

from geoscope.errors import InvalidInputError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.twins.ingest.process import INGEST_TWIN_OBJECTS
from xpublish_tile import drawn

LEVEL = 5
NSIDE = 2**LEVEL


def centres(nside):
    """Longitudes and latitudes of nested cells, by healpy."""
    longitude, latitude = healpy.pix2ang(nside, np.arange(12 * nside**2), nest=True, lonlat=True)
    return longitude, latitude


@pytest.mark.parametrize(
    ("name", "messages", "sample"),
    [
        ("latitudes and longitudes 96x48", [dict(GAUSSIAN)], "regular_gg_sfc_grib2"),
        (
            "reduced gaussian n32",
            [{"dataDate": 20200101, "paramId": 167, "bitsPerValue": 24, "values": "smooth"}],
            "reduced_gg_sfc_grib2",
        ),
    ],
)
def test_a_global_grid_comes_to_all_cells(platform, job, tmp_path, name, messages, sample):
    path = write_grib(tmp_path / "one.grib", messages, sample)
    outcome = ingest(platform, job, path, collection=f"healpix-{name[:3]}", healpix=LEVEL)
    about = outcome["repositories"][0]
    assert (outcome["stored"], about["grid"], about["keys"]["resolution"]) == (1, "h32", "h32")
    assert about["geoscope:regridded_by"] == "bilinear"
    with opened(platform, outcome) as cube:
        assert cube.attrs["geoscope:regridded_by"] == "bilinear"
        assert cube.attrs["geoscope:regridded_from"] == about["geoscope:regridded_from"]
        assert cube["crs"].attrs["grid_mapping_name"] == "healpix"
        # What interpolating between rows of some 3 degrees costs a field that bends by 10 K a radian squared.
        assert np.abs(cube["2t"][0] - smooth(*centres(NSIDE))).max() < 0.01
    _, item = item_of(platform, outcome)
    assert item["properties"]["geoscope:regridded_from"].startswith(name)
    assert item["bbox"] == [-180, -90, 180, 90]
    assert "-h32-" in item["id"]
    again = ingest(platform, job, path, collection=f"healpix-{name[:3]}", healpix=LEVEL)
    assert (again["stored"], again["duplicates"]) == (0, 1)


def test_a_coarser_level_gets_means_that_keep_the_integral(platform, job, earth_data):
    source = earth_data / "grib" / "test4_tz_pl_global.grib"
    exact = ingest(platform, job, source, collection="means-source")
    means = ingest(platform, job, source, collection="means-healpix", healpix=3)
    assert (means["stored"], means["warnings"]) == (4, [])
    with opened(platform, exact) as one, opened(platform, means) as two:
        assert two.attrs["geoscope:regridded_by"] == "conservative"
        assert two["t"].attrs["cell_methods"].endswith("area: mean")
        edges = np.clip(np.append(one["latitude"] + 0.5, -90.5), -90, 90)
        weights = -np.diff(np.sin(np.radians(edges)))
        integral = (one["t"].mean("longitude") * xr.DataArray(weights, dims="latitude")).sum("latitude") / 2
        assert np.allclose(two["t"].mean("cells"), integral, rtol=1e-6)


def test_a_region_keeps_to_its_own_cells(platform, job, tmp_path):
    path = write_grib(tmp_path / "rotated.grib", [dict(ROTATED)], "rotated_ll_sfc_grib2")
    outcome = ingest(platform, job, path, collection="healpix-region", healpix=7)
    with opened(platform, outcome) as cube:
        ids = cube["cell_ids"].values
        assert 0 < len(ids) < 12 * 128**2 / 20
        longitude, latitude = healpy.pix2ang(128, ids, nest=True, lonlat=True)
        values = cube["2t"][0].values
        inner = np.hypot(latitude - 50.75, (longitude - 18) * np.cos(np.radians(latitude))) < 12
        assert inner.sum() > 1000
        assert np.isfinite(values).all()
        assert np.abs(values - smooth(longitude, latitude))[inner].max() < 0.01
    _, item = item_of(platform, outcome)
    west, south, east, north = item["bbox"]
    assert -30 < west < east < 60
    assert 30 < south < north < 70
    # A later day goes into the same cells.
    later = write_grib(tmp_path / "later.grib", [ROTATED | {"step": 24}], "rotated_ll_sfc_grib2")
    grown = ingest(platform, job, later, collection="healpix-region", healpix=7)
    assert (grown["stored"], grown["repositories"][0]["item"]) == (1, outcome["repositories"][0]["item"])


def test_a_curvilinear_and_a_projected_grid_come_to_healpix(platform, job, earth_data):
    folder = earth_data / "netcdf" / "iris"
    outcome = ingest(
        platform,
        job,
        folder / "toa_brightness_stereographic.nc",
        collection="healpix-projected",
        healpix=6,
        method="nearest",
    )
    assert outcome["repositories"][0]["geoscope:regridded_from"].startswith("projected 256x160")
    with (
        opened(platform, outcome) as cube,
        xr.open_dataset(folder / "toa_brightness_stereographic.nc") as file,
    ):
        name = outcome["repositories"][0]["variables"][0]
        there = file[next(iter(file.data_vars))].values
        assert set(np.unique(cube[name].values[np.isfinite(cube[name].values)])) <= set(np.unique(there))


def test_codes_and_directions_are_taken_from_the_nearest_cell(platform, job, tmp_path):
    axes = {
        "time": xr.date_range("2020-01-01", periods=1),
        "latitude": ("latitude", np.arange(89.5, -90, -1.0), {"units": "degrees_north"}),
        "longitude": ("longitude", np.arange(0.5, 360, 1.0), {"units": "degrees_east"}),
    }
    rng = np.random.default_rng(3)
    shape = (1, 180, 360)
    cover = rng.choice([1, 7, 9], shape).astype(np.float32)
    wind = rng.choice([1, 359], shape).astype(np.float32)
    area = np.ones(shape, np.float32)
    dims = ("time", "latitude", "longitude")
    dataset = xr.Dataset(
        {
            "cover": (dims, cover, {"flag_values": [1, 7, 9], "flag_meanings": "a b c"}),
            "wind": (dims, wind, {"units": "degree", "standard_name": "wind_from_direction"}),
            "area": (dims, area, {"units": "m2", "cell_methods": "area: sum"}),
            "t": (dims, area * 280, {"units": "K"}),
        },
        axes,
    )
    dataset.to_netcdf(tmp_path / "codes.nc", engine="h5netcdf")
    outcome = ingest(platform, job, tmp_path / "codes.nc", collection="codes", healpix=4)
    assert (outcome["stored"], outcome["set_aside_count"]) == (3, 1)
    assert "sums over cells" in outcome["set_aside"][0]["reason"]
    with opened(platform, outcome) as cube:
        assert set(np.unique(cube["cover"])) == {1, 7, 9}
        assert set(np.unique(cube["wind"])) == {1, 359}
        assert cube["cover"].attrs["geoscope:regridded_by"] == "nearest"
        assert cube["t"].attrs["geoscope:regridded_by"] == "conservative"
        assert np.allclose(cube["t"], 280)


def test_others_who_want_the_places_of_cells_find_them(environment, platform, job, tmp_path):
    """xpublish-tiles draws no store of HEALPix that has ids alone."""
    longitude, latitude = centres(4)
    path = write_grib(tmp_path / "climate.grib2", [climate(20200101, 280 + latitude / 10)])
    outcome = ingest(platform, job, path, collection="healpix-places")
    with opened(platform, outcome) as cube:
        np.testing.assert_allclose(cube["latitude"], latitude, atol=1e-9)
        np.testing.assert_allclose((cube["longitude"] - longitude + 180) % 360 - 180, 0, atol=1e-9)
        assert {"cell_ids", "latitude", "longitude"} <= {*cube["2t"].coords}
    address = outcome["repositories"][0]["address"]
    assert drawn(address, "2t", **environment).startswith(b"\x89PNG")


def test_healpix_of_the_wanted_level_stays_and_of_a_deeper_one_is_averaged(platform, job, tmp_path):
    values = np.arange(12 * 16.0)
    path = write_grib(tmp_path / "deep.grib2", [climate(20200101, values, bitsPerValue=24)])
    same = ingest(platform, job, path, collection="same-level", healpix=2)
    assert same["repositories"][0]["keys"]["resolution"] == "high"
    with opened(platform, same) as cube:
        assert "geoscope:regridded_by" not in cube.attrs
    coarser = ingest(platform, job, path, collection="coarser-level", healpix=1)
    with opened(platform, coarser) as cube:
        assert np.allclose(cube["2t"][0], values.reshape(-1, 4).mean(axis=1), atol=1e-4)


def test_what_cannot_be_is_refused_and_what_is_of_no_use_is_warned_of(platform, job, tmp_path):
    path = write_grib(tmp_path / "one.grib", [dict(GAUSSIAN)], "regular_gg_sfc_grib2")
    fine = ingest(platform, job, path, healpix=8, dry_run=True)
    assert "far finer" in fine["warnings"][0]
    assert "Level 4 is about as fine" in fine["warnings"][0]
    with pytest.raises(InvalidInputError, match="Conservative regridding is for cells that are not finer"):
        ingest(platform, job, path, healpix=8, method="conservative")
    with pytest.raises(ValueError, match="say also to which level"):
        ingest(platform, job, path, method="nearest")

    cells = {"longitude": ("cells", [0.0, 10.0, 21.0, 4.0]), "latitude": ("cells", [50.0, 48.0, 41.0, 60.0])}
    for name, unit in (("longitude", "degrees_east"), ("latitude", "degrees_north")):
        cells[name] += ({"units": unit, "standard_name": name},)
    mesh = xr.Dataset(
        {"t": (("time", "cells"), np.ones((1, 4), np.float32), {"coordinates": "latitude longitude"})},
        {"time": xr.date_range("2020-01-01", periods=1), **cells},
    )
    mesh.to_netcdf(tmp_path / "mesh.nc", engine="h5netcdf")
    with pytest.raises(InvalidInputError, match="places without order, from which bilinear is not possible"):
        ingest(platform, job, tmp_path / "mesh.nc", healpix=3, method="bilinear")
    nearest = ingest(platform, job, tmp_path / "mesh.nc", healpix=3, collection="mesh-healpix")
    assert nearest["repositories"][0]["geoscope:regridded_by"] == "nearest"


def test_fields_regridded_otherwise_do_not_mix(platform, job, tmp_path):
    first = write_grib(tmp_path / "1.grib", [dict(GAUSSIAN)], "regular_gg_sfc_grib2")
    second = write_grib(tmp_path / "2.grib", [GAUSSIAN | {"step": 24}], "regular_gg_sfc_grib2")
    ingest(platform, job, first, collection="one-method", healpix=3, method="nearest")
    with pytest.raises(InvalidInputError, match="geoscope:regridded_by 'nearest', not 'conservative'"):
        ingest(platform, job, second, collection="one-method", healpix=3)


def test_objects_are_regridded_too(environment, platform, job, tmp_path):
    path = write_grib(tmp_path / "one.grib", [dict(GAUSSIAN)], "regular_gg_sfc_grib2")
    open_bucket(platform, "public-twins", read_s3_keys(platform, "jobs")).put("in/g.grib", path.read_bytes())
    job.owner = "ada"
    inputs = {"sources": ["s3://public-twins/in"], "collection": "adas-healpix", "healpix": 2}
    outcome = INGEST_TWIN_OBJECTS.run(job, inputs)
    assert (outcome["stored"], outcome["repositories"][0]["grid"]) == (1, "h4")
    assert {"healpix", "method"} <= {*INGEST_TWIN_OBJECTS.inputs}
