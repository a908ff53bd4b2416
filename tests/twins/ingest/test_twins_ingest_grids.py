"""Grids of GRIB that our real files lack: regular Gaussian and rotated, encoded by ecCodes.

The fields are a closed form of the places that ecCodes' own iterator gives; what is read is compared with the
same form at places that PROJ or numpy computed, or the test named.
"""

import asyncio

import numpy as np
import pytest
import xarray as xr
from grib_files import smooth, write_grib
from pyproj import Transformer

from geoscope.cubes.cube import Cube
from geoscope.cubes.growing.history import open_version
from geoscope.objects import Place, icechunk_storage
from geoscope.secrets import read_s3_keys
from geoscope.twins.ingest.ingesting import Ingest
from geoscope.twins.ingest.wish import Wish

DAY = {"dataDate": 20200101, "paramId": 167, "bitsPerValue": 24, "values": "smooth"}
GAUSSIAN = DAY | {
    "N": 24,
    "Ni": 96,
    "Nj": 48,
    "latitudeOfFirstGridPointInDegrees": 87.159,
    "latitudeOfLastGridPointInDegrees": -87.159,
    "longitudeOfFirstGridPointInDegrees": 0,
    "longitudeOfLastGridPointInDegrees": 356.25,
    "iDirectionIncrementInDegrees": 3.75,
}
# A model of Europe: its equator passes through 50.75 N, 18 E.
ROTATED = DAY | {
    "Ni": 40,
    "Nj": 30,
    "latitudeOfFirstGridPointInDegrees": 14.5,
    "latitudeOfLastGridPointInDegrees": -14.5,
    "longitudeOfFirstGridPointInDegrees": -20,
    "longitudeOfLastGridPointInDegrees": 19,
    "iDirectionIncrementInDegrees": 1,
    "jDirectionIncrementInDegrees": 1,
    "latitudeOfSouthernPoleInDegrees": -39.25,
    "longitudeOfSouthernPoleInDegrees": 18,
}
UPWARDS = {
    "jScansPositively": 1,
    "latitudeOfFirstGridPointInDegrees": -14.5,
    "latitudeOfLastGridPointInDegrees": 14.5,
}
# Of 24 bits over some 20 K; and how far a field moves within half a cell of 3.75 degrees.
PACKING, HALF_A_CELL = 1e-4, 0.6


def ingest(platform, job, *sources, **wish):
    with Ingest(platform, Wish(sources=tuple(map(str, sources)), decoders=2, **wish)) as one:
        return one.run(job)


def store_of(platform, outcome):
    place = Place.parse(outcome["repositories"][0]["address"])
    return open_version(icechunk_storage(platform, place, read_s3_keys(platform, "data-apis")))


def values_at(platform, outcome, longitude, latitude):
    """Return the values at places as a reader of the platform finds them; NaN outside."""

    async def read():
        cube = await Cube.open(store_of(platform, outcome))
        cells = cube.grid.locate(longitude, latitude)
        values = (await cube.read("2t", np.maximum(cells, 0), slice(0, 1))).ravel()
        return np.where(cells >= 0, values, np.nan)

    return asyncio.run(read())


@pytest.mark.parametrize("edition", [1, 2])
def test_a_regular_gaussian_grid_has_its_rows_at_the_roots_of_legendre(platform, job, tmp_path, edition):
    path = write_grib(tmp_path / "gaussian.grib", [dict(GAUSSIAN)], f"regular_gg_sfc_grib{edition}")
    outcome = ingest(platform, job, path, collection=f"gaussian-{edition}")
    assert (outcome["stored"], outcome["repositories"][0]["grid"]) == (1, "96x48")
    rows = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(48)[0]))[::-1]
    with xr.open_zarr(store_of(platform, outcome), consolidated=False, chunks=None) as cube:
        assert np.allclose(cube["latitude"], rows, atol=1e-6)
        assert np.allclose(cube["longitude"], 3.75 * np.arange(96), atol=1e-9)
        # ecCodes computes the field at latitudes that a message has rounded to thousandths of a degree.
        longitude, latitude = np.meshgrid(cube["longitude"], cube["latitude"])
        assert np.abs(cube["2t"][0] - smooth(longitude, latitude)).max() < PACKING
    places = np.array([13.4, -58.4, 151.2, -0.1]), np.array([52.5, -34.6, -33.9, 89.9])
    found = values_at(platform, outcome, *places)
    assert np.abs(found - smooth(*places)).max() < HALF_A_CELL


@pytest.mark.parametrize(("edition", "scanning"), [(1, {}), (2, UPWARDS)], ids=["1-down", "2-up"])
def test_a_rotated_grid_is_turned_back_to_where_it_lies(platform, job, tmp_path, edition, scanning):
    path = write_grib(tmp_path / "rotated.grib", [ROTATED | scanning], f"rotated_ll_sfc_grib{edition}")
    outcome = ingest(platform, job, path, collection=f"rotated-{edition}-{len(scanning)}")
    assert (outcome["stored"], outcome["repositories"][0]["grid"]) == (1, "40x30")
    # The rotation by PROJ, which our reading of the message has no part in.
    turn = Transformer.from_crs(
        "EPSG:4326",
        "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +to_meter=0.0174532925199433",
        always_xy=True,
    )
    with xr.open_zarr(store_of(platform, outcome), consolidated=False, decode_coords="all") as cube:
        columns, rows = np.meshgrid(cube["grid_longitude"], cube["grid_latitude"])
        longitude, latitude = turn.transform(columns, rows, direction="INVERSE")
        assert np.abs(cube["2t"][0] - smooth(longitude, latitude)).max() < PACKING
        assert cube["crs"].attrs["grid_mapping_name"] == "rotated_latitude_longitude"
    # Berlin, Rome, Warsaw, Oslo lie within; Lisbon, Cairo and the north pole do not.
    within = np.array([13.4, 12.5, 21.0, 10.7]), np.array([52.5, 41.9, 52.2, 59.9])
    assert np.abs(values_at(platform, outcome, *within) - smooth(*within)).max() < HALF_A_CELL / 3
    outside = np.array([-9.1, 31.2, 0.0]), np.array([38.7, 30.0, 90.0])
    assert np.isnan(values_at(platform, outcome, *outside)).all()
