"""Files of every kind are described as they are, and hostile ones are refused in words."""

import json
import os
import pickle
from io import BytesIO

import h5py
import numpy as np
import obstore
import pytest
import rasterio
import xarray as xr
from PIL import Image
from published_files import gridded, write_cog, write_grib, write_netcdf, write_zarr
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine, from_origin
from shapely.geometry import box, shape

from geoscope.catalogue.publishing.gridded import draw_gridded
from geoscope.catalogue.publishing.reading import FileReaders
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import InvalidInputError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import CatalogueSettings, PublishingSettings

BUCKET = "collections"

VRT = b"""<VRTDataset rasterXSize="9" rasterYSize="9">
  <VRTRasterBand dataType="Byte" band="1">
    <SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>
  </VRTRasterBand>
</VRTDataset>"""


@pytest.fixture(scope="module")
def readers(stored):
    with FileReaders(stored) as readers:
        yield readers


@pytest.fixture
def put(stored, tmp_path):
    """Put a file or a folder into the object store, and return its key."""
    bucket = open_bucket(stored, BUCKET, read_s3_keys(stored, "jobs"))
    folder = f"reading/{tmp_path.name}"

    def put(path):
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        for each in files:
            obstore.put(bucket, f"{folder}/{each.relative_to(path.parent).as_posix()}", each)
        return f"{folder}/{path.name}"

    return put


@pytest.fixture
def describe(readers, put):
    return lambda kind, path, named=None: readers.describe(kind, BUCKET, put(path), named)


@pytest.fixture
def refusal(readers, put):
    """Return the words with which a file is refused."""

    def refuse(kind, path):
        with pytest.raises(InvalidInputError) as caught:
            readers.describe(kind, BUCKET, put(path))
        assert "/etc" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)
        return str(caught.value)

    return refuse


def opened(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGBA"))


# GeoTIFF


def test_a_cog_says_where_it_is_and_what_its_bands_are(describe, tmp_path):
    path = write_cog(tmp_path / "a.tif", tags={"TIFFTAG_DATETIME": "2024:03:01 10:00:21"})
    found = describe("geotiff", path)
    assert found.media_type == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert found.written == "2024-03-01T10:00:21Z"
    assert found.start is None
    assert found.properties["proj:code"] == "EPSG:32633"
    assert found.properties["proj:shape"] == [600, 500]
    assert found.asset["raster:bands"][0]["data_type"] == "uint8"
    assert box(*found.bbox).equals(shape(found.geometry).envelope)
    assert 12.58 < found.bbox[0] < found.bbox[2] < 12.78


def test_a_rotated_raster_lies_askew(describe, tmp_path):
    turned = from_origin(300_000, 4_650_000, 30, 30) @ Affine.rotation(30)
    straight = describe("geotiff", write_cog(tmp_path / "straight.tif"))
    askew = describe("geotiff", write_cog(tmp_path / "askew.tif", transform=turned))
    assert shape(askew.geometry).area == pytest.approx(shape(straight.geometry).area, rel=0.02)
    assert box(*askew.bbox).area > 1.5 * shape(askew.geometry).area


def test_a_footprint_leaves_out_missing_pixels(describe, tmp_path):
    values = np.zeros((400, 400), "uint8")
    values[:, :100] = 7
    path = write_cog(tmp_path / "a.tif", shape=(400, 400), values=values, nodata=0)
    whole = write_cog(tmp_path / "b.tif", shape=(400, 400), values=np.full_like(values, 7), nodata=0)
    part, all_of_it = describe("geotiff", path), describe("geotiff", whole)
    assert shape(part.geometry).area == pytest.approx(shape(all_of_it.geometry).area / 4, rel=0.03)


def test_a_raster_across_180_degrees(describe, tmp_path):
    path = write_cog(
        tmp_path / "fiji.tif", crs="EPSG:32760", transform=from_origin(780_000, 8_100_000, 300, 300)
    )
    found = describe("geotiff", path)
    assert found.bbox[0] > 179
    assert found.bbox[2] < -178
    assert found.geometry["type"] == "MultiPolygon"


def test_a_raster_that_is_placed_by_control_points(describe, tmp_path):
    path = tmp_path / "points.tif"
    points = [
        GroundControlPoint(0, 0, 10, 50),
        GroundControlPoint(0, 100, 12, 50),
        GroundControlPoint(100, 0, 10, 48),
        GroundControlPoint(100, 100, 12, 48),
    ]
    with rasterio.open(
        path, "w", driver="GTiff", width=100, height=100, count=1, dtype="int16", gcps=points, crs="EPSG:4326"
    ) as raster:
        raster.write(np.ones((100, 100), "int16"), 1)
    assert describe("geotiff", path).bbox == pytest.approx([10, 48, 12, 50], abs=0.05)


def test_the_picture_of_a_raster_shows_its_colours(readers, put, tmp_path):
    values = np.zeros((600, 800), "uint8")
    values[:, 400:] = 200
    key = put(write_cog(tmp_path / "rgb.tif", shape=(600, 800), values=values, count=3))
    picture = opened(readers.draw("geotiff", BUCKET, key))
    assert picture.shape == (384, 512, 4)
    assert picture[100, 50, :3].max() < 20
    assert picture[100, 450, :3].min() > 180


def test_cells_without_rows_are_drawn_where_they_are():
    grid = HealpixGrid(4)
    longitude, latitude = grid.centres()
    east = grid_coordinates(grid).assign(t=("cells", longitude, {"grid_mapping": "crs"}))
    picture = opened(draw_gridded(east))
    assert picture.shape == (256, 512, 4)
    assert (picture[..., 3] == 255).all()
    assert not np.array_equal(picture[128, 20], picture[128, 490])
    part = np.flatnonzero((np.abs(longitude - 10) < 20) & (np.abs(latitude - 50) < 10))
    region = grid_coordinates(HealpixGrid(4, part)).assign(
        t=("cells", longitude[part], {"grid_mapping": "crs"})
    )
    assert max(opened(draw_gridded(region)).shape[:2]) == 512


def test_the_picture_leaves_out_missing_pixels(readers, put, tmp_path):
    values = np.random.default_rng(1).normal(size=(200, 200)).astype("float32")
    values[:100] = np.nan
    key = put(write_cog(tmp_path / "f.tif", shape=(200, 200), values=values, nodata=np.nan))
    picture = opened(readers.draw("geotiff", BUCKET, key))
    assert (picture[:90, :, 3] == 0).all()
    assert (picture[110:, :, 3] == 255).all()


def test_a_raster_without_a_single_value_is_described_without_statistics(readers, put, tmp_path):
    values = np.full((64, 64), np.nan, "float32")
    key = put(write_cog(tmp_path / "n.tif", shape=(64, 64), values=values, nodata=np.nan))
    found = readers.describe("geotiff", BUCKET, key)
    json.dumps(found.to_json(), allow_nan=False)
    assert "raster:bands" not in found.asset
    assert readers.draw("geotiff", BUCKET, key) is None


def test_a_raster_without_reference_system_is_refused(refusal, tmp_path):
    path = write_cog(tmp_path / "a.tif", crs=None)
    assert "coordinate reference system" in refusal("geotiff", path)


def test_a_vast_sparse_raster_is_described_and_not_read(readers, put, tmp_path):
    path = tmp_path / "vast.tif"
    side = 2_000_000
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_origin(0, 0, 1, 1),
        sparse_ok=True,
        tiled=True,
        blockxsize=4096,
        blockysize=4096,
        BIGTIFF="YES",
    ):
        pass
    key = put(path)
    assert readers.describe("geotiff", BUCKET, key).properties["proj:shape"] == [side, side]
    assert readers.draw("geotiff", BUCKET, key) is None


@pytest.mark.parametrize(
    "content",
    [
        b"only words",
        b"",
        VRT,
        b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\xff" * 200,
    ],
    ids=["words", "nothing", "VRT of another file", "a directory that leads nowhere"],
)
def test_what_is_no_geotiff_is_refused(refusal, tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert "geotiff" in refusal("geotiff", path)


def test_a_truncated_raster_has_no_picture_of_what_is_lost(readers, put, tmp_path):
    path = write_cog(tmp_path / "a.tif")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(InvalidInputError):
        readers.draw("geotiff", BUCKET, put(path))


# NetCDF and Zarr


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_a_netcdf_file_is_described_by_its_attributes(readers, put, tmp_path, engine):
    key = put(write_netcdf(tmp_path / "a.nc", engine=engine, longitudes=np.arange(0, 360, 5.0)))
    found = readers.describe("netcdf", BUCKET, key)
    assert found.bbox == [-180, -90, 180, 90]
    assert (found.start, found.end) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert found.properties["title"] == "Waves"
    assert found.properties["cube:variables"]["height"]["unit"] == "m"
    assert found.properties["cube:dimensions"]["time"]["step"] == "P1D"
    assert opened(readers.draw("netcdf", BUCKET, key)).shape == (36, 72, 4)


def test_the_picture_has_north_at_its_top(readers, put, tmp_path):
    dataset = gridded()
    dataset["height"][:] = xr.where(dataset.lat > 0, 1.0, np.nan)
    dataset.to_netcdf(tmp_path / "up.nc", engine="h5netcdf")
    picture = opened(readers.draw("netcdf", BUCKET, put(tmp_path / "up.nc")))
    assert (picture[:17, :, 3] == 255).all()
    assert (picture[19:, :, 3] == 0).all()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_group_is_described_by_its_attributes(readers, put, tmp_path, zarr_format):
    longitudes = np.arange(150, 211, 5.0)
    key = put(write_zarr(tmp_path / "a.zarr", zarr_format=zarr_format, longitudes=longitudes))
    found = readers.describe("zarr", BUCKET, key)
    assert found.media_type == "application/vnd.zarr"
    assert found.bbox == [147.5, -90, -147.5, 90]
    assert readers.draw("zarr", BUCKET, key)


def test_a_file_without_time_takes_that_of_its_name(describe, refusal, tmp_path):
    path = tmp_path / "a.nc"
    gridded().isel(time=0, drop=True).to_netcdf(path, engine="h5netcdf")
    assert describe("netcdf", path, "2024-05-01T00:00:00Z").start == "2024-05-01T00:00:00Z"
    assert "time" in refusal("netcdf", path)


def test_a_file_without_grid_is_refused(refusal, tmp_path):
    xr.Dataset({"a": ("x", [1, 2])}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert "grid" in refusal("netcdf", tmp_path / "a.nc")


def test_hdf5_that_takes_values_from_another_file_is_refused(refusal, tmp_path):
    path = write_netcdf(tmp_path / "external.nc")
    with h5py.File(path, "a") as file:
        file.create_dataset("secret", (100,), "u1", external=[("/etc/passwd", 0, 100)])
    assert "'secret'" in refusal("netcdf", path)
    path = write_netcdf(tmp_path / "link.nc")
    with h5py.File(path, "a") as file:
        file["other"] = h5py.ExternalLink("/etc/other.h5", "/a")
    assert "'other'" in refusal("netcdf", path)
    path = write_netcdf(tmp_path / "virtual.nc")
    with h5py.File(path, "a") as file:
        layout = h5py.VirtualLayout((10,), "u1")
        layout[:] = h5py.VirtualSource("/etc/other.h5", "a", (10,))
        file.create_virtual_dataset("view", layout)
    assert "'view'" in refusal("netcdf", path)


def test_hdf5_whose_groups_hold_each_other_ends(describe, tmp_path):
    path = write_netcdf(tmp_path / "circle.nc")
    with h5py.File(path, "a") as file:
        file.create_group("a")["b"] = file["/"]
    assert describe("netcdf", path).start


def test_a_small_file_of_vast_arrays_is_refused_within_its_memory(refusal, tmp_path):
    path = tmp_path / "bomb.nc"
    size = 20_000_000_000
    with h5py.File(path, "w") as file:
        for name, unit in (("lat", "degrees_north"), ("lon", "degrees_east")):
            axis = file.create_dataset(name, (size,), "f8", chunks=(1_000_000,), compression="gzip")
            axis.attrs["units"] = np.bytes_(unit)
            axis.make_scale(name)
        file.create_dataset("a", (size, size), "f4", chunks=(1000, 1000))
        for number, name in enumerate(("lat", "lon")):
            file["a"].dims[number].attach_scale(file[name])
    assert path.stat().st_size < 100_000
    assert "memory" in refusal("netcdf", path)


def test_truncated_and_false_netcdf_is_refused(refusal, tmp_path):
    path = write_netcdf(tmp_path / "cut.nc")
    path.write_bytes(path.read_bytes()[:3000])
    assert "netcdf" in refusal("netcdf", path)
    path = tmp_path / "words.nc"
    path.write_text("only words")
    assert "netcdf" in refusal("netcdf", path)


class Bomb:
    """Runs a command where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("place", ["compressor", "filters"])
@pytest.mark.parametrize("dtype", ["<f8", "|O"])
def test_zarr_cannot_bring_code_along(refusal, tmp_path, place, dtype):
    mark = tmp_path / "exploded"
    path = write_zarr(tmp_path / "a.zarr", zarr_format=2)
    (path / ".zmetadata").unlink()
    about = json.loads((path / "lat" / ".zarray").read_text()) | {"dtype": dtype, "compressor": None}
    codec = {"id": "pickle", "protocol": 4}
    about[place] = codec if place == "compressor" else [codec]
    (path / "lat" / ".zarray").write_text(json.dumps(about))
    (path / "lat" / "0").write_bytes(pickle.dumps(Bomb(mark)))
    refusal("zarr", path)
    assert not mark.exists()


def test_a_zarr_group_that_misses_its_metadata_is_refused(refusal, tmp_path):
    path = write_zarr(tmp_path / "a.zarr")
    for name in ("zarr.json", "lat/zarr.json"):
        (path / name).unlink()
    assert "not whole" in refusal("zarr", path)


# GRIB


@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib2", "regular_ll_sfc_grib1", "regular_gg_pl_grib2"])
def test_a_grib_file_is_described_by_its_messages(readers, put, tmp_path, sample):
    pytest.importorskip("eccodes")
    key = put(write_grib(tmp_path / "a.grib", sample=sample))
    found = readers.describe("grib", BUCKET, key)
    assert (found.start, found.end) == ("2024-03-01T00:00:00Z", "2024-03-01T12:00:00Z")
    assert found.bbox[0] <= 0
    assert found.properties["cube:dimensions"]["time"]["step"] == "PT12H"
    assert len(found.properties["cube:variables"]) == 1
    assert readers.draw("grib", BUCKET, key)


def test_grib_on_a_reduced_grid_has_points(describe, tmp_path):
    pytest.importorskip("eccodes")
    found = describe("grib", write_grib(tmp_path / "a.grib", sample="reduced_gg_pl_32_grib2"))
    assert found.bbox[0::2] == [-180, 180]
    assert found.properties["cube:dimensions"]["point"]["extent"] == [0, 6113]


def test_truncated_and_false_grib_is_refused(refusal, tmp_path):
    pytest.importorskip("eccodes")
    path = write_grib(tmp_path / "a.grib")
    path.write_bytes(path.read_bytes()[:-50])
    assert "grib" in refusal("grib", path).lower()
    path.write_text("only words")
    assert "no GRIB message" in refusal("grib", path)


# Limits


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read(stored, put, tmp_path):
    key = put(write_cog(tmp_path / "a.tif"))
    hurried = stored.model_copy(
        update={"catalogue": CatalogueSettings(publishing=PublishingSettings(reader_timeout_s=0.05))}
    )
    with FileReaders(hurried) as readers, pytest.raises(InvalidInputError, match="longer than"):
        readers.describe("geotiff", BUCKET, key)
    with FileReaders(stored) as readers:
        assert readers.describe("geotiff", BUCKET, key)


def test_a_reader_that_is_killed_is_told_and_the_next_file_is_read(stored, put, tmp_path):
    key = put(write_cog(tmp_path / "a.tif"))
    with FileReaders(stored) as readers:
        assert readers.describe("geotiff", BUCKET, key)
        readers._processes["geotiff"]._process.kill()
        with pytest.raises(InvalidInputError, match="stopped"):
            readers.describe("geotiff", BUCKET, key)
        assert readers.describe("geotiff", BUCKET, key)


def test_readers_end_with_who_started_them(stored, put, tmp_path):
    key = put(write_cog(tmp_path / "a.tif"))
    with FileReaders(stored) as readers:
        readers.describe("geotiff", BUCKET, key)
        process = readers._processes["geotiff"]._process
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        process.stdin = open(os.devnull, "wb")  # noqa: PTH123, SIM115 (so that the end of the block has something to close)


def test_a_file_that_is_gone_is_told(readers):
    with pytest.raises(InvalidInputError, match="not there"):
        readers.describe("geotiff", BUCKET, "nowhere/a.tif")
