"""The main job, through the edge, by unmodified clients: find, open, cut, draw."""

import csv
import io
from pathlib import Path

import boto3
import botocore.exceptions
import httpx
import iris_sample_data
import numpy as np
import pystac_client
import pytest
import xarray as xr
from covjson_pydantic.coverage import Coverage, CoverageCollection
from PIL import Image

SAMPLES = Path(iris_sample_data.path)
SCENARIOS = "uk-met-office-scenarios"
OTHER_CUBES = [
    "ostia-sea-surface-temperature/monthly-2006-2010",
    "nemo-ocean/monthly-2015",
    "toa-brightness-temperature/seviri-2016-05-16",
]
LONGITUDE, LATITUDE = -100.0, 45.0
POINT = f"POINT({LONGITUDE} {LATITUDE})"


@pytest.fixture(scope="module")
def catalogue(platform):
    return pystac_client.Client.open(f"{platform.url}/stac")


@pytest.fixture(scope="module")
def expected_series():
    """The series at the point, read by xarray from the very files that the demo was made from."""
    series = {}
    for item, file in {"a1b": "A1B_north_america.nc", "e1": "E1_north_america.nc"}.items():
        with xr.open_dataset(SAMPLES / file, decode_timedelta=False) as dataset:
            point = dataset.air_temperature.sel(
                longitude=LONGITUDE + 360, latitude=LATITUDE, method="nearest"
            )
            series[item] = point.values.copy()
    return series


def keys(platform):
    lines = platform.run("keys").stdout.splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def position(platform, **query):
    query = {"coords": POINT, "parameter-name": "air_temperature"} | query
    return httpx.get(f"{platform.url}/edr/collections/{SCENARIOS}/position", params=query)


def found(search):
    return {f"{item.collection_id}/{item.id}" for item in search.items()}


def test_pystac_client_finds_by_text(catalogue):
    assert found(catalogue.search(filter="title LIKE 'Scenario%'")) == {f"{SCENARIOS}/a1b", f"{SCENARIOS}/e1"}
    assert found(catalogue.search(filter="title LIKE 'Unheard of%'")) == set()
    by_words = {collection.id for collection in catalogue.collection_search(q="brightness").collections()}
    assert by_words == {"toa-brightness-temperature"}


def test_the_item_search_itself_takes_free_text(platform):
    def ids(words):
        answer = httpx.get(f"{platform.url}/stac/search", params={"q": words}).json()
        return {f"{item['collection']}/{item['id']}" for item in answer["features"]}

    assert ids("brightness") == {"toa-brightness-temperature/seviri-2016-05-16"}
    assert ids("scenario") == {f"{SCENARIOS}/a1b", f"{SCENARIOS}/e1"}
    assert ids("unheardof") == set()


def test_pystac_client_finds_by_box(catalogue):
    indian_ocean = found(catalogue.search(bbox=[70, -4, 80, 4]))
    assert indian_ocean == {
        "ostia-sea-surface-temperature/monthly-2006-2010",
        "nemo-ocean/monthly-2015",
        "nemo-ocean-healpix/clmn-o2d-standard",
    }


def test_pystac_client_finds_by_time(catalogue):
    assert found(catalogue.search(datetime="2090-01-01/..")) == {f"{SCENARIOS}/a1b", f"{SCENARIOS}/e1"}
    may_2016 = catalogue.search(datetime="2016-05-16", collections=["toa-brightness-temperature"])
    assert found(may_2016) == {"toa-brightness-temperature/seviri-2016-05-16"}


def test_every_item_is_a_valid_datacube_with_provider_and_licence(catalogue):
    collections = list(catalogue.get_collections())
    assert len(collections) == 5
    for collection in collections:
        assert collection.license != "other" or collection.get_links("license")
        assert collection.providers
        for item in collection.get_items():
            assert item.properties["cube:variables"]
            assert item.properties["cube:dimensions"]
            assert item.bbox[0] >= -180
            assert item.bbox[2] <= 180


def test_xarray_opens_the_cube_from_s3_with_the_keys_of_the_platform(platform, catalogue):
    item = catalogue.get_collection(SCENARIOS).get_item("a1b")
    issued = keys(platform)
    dataset = xr.open_zarr(
        item.assets["data"].extra_fields["alternate"]["s3"]["href"],
        storage_options={
            "key": issued["AWS_ACCESS_KEY_ID"],
            "secret": issued["AWS_SECRET_ACCESS_KEY"],
            "endpoint_url": issued["AWS_ENDPOINT_URL_S3"],
        },
    )
    assert dict(dataset.air_temperature.sizes) == {"time": 240, "latitude": 37, "longitude": 49}
    with xr.open_dataset(SAMPLES / "A1B_north_america.nc", decode_timedelta=False) as source:
        np.testing.assert_array_equal(dataset.air_temperature.values, source.air_temperature.values)


@pytest.mark.parametrize("name", [f"{SCENARIOS}/e1", *OTHER_CUBES])
def test_xarray_opens_public_data_by_plain_http(catalogue, name):
    collection, item_id = name.split("/")
    item = catalogue.get_collection(collection).get_item(item_id)
    dataset = xr.open_zarr(item.assets["data"].href, consolidated=True)
    for variable in item.properties["renders"]:
        assert np.isfinite(dataset[variable].values).any()


def test_the_keys_open_what_is_granted_and_nothing_else(platform):
    issued = keys(platform)
    s3 = boto3.client(
        "s3",
        endpoint_url=issued["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=issued["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=issued["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    s3.put_object(Bucket="home-administrator", Key="notes/mine.txt", Body=b"mine")
    assert s3.get_object(Bucket="home-administrator", Key="notes/mine.txt")["Body"].read() == b"mine"
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket="demo", Key="evil", Body=b"x")
    assert httpx.get(f"{platform.s3_url}/home-administrator/notes/mine.txt").status_code == 403
    assert httpx.get(f"{platform.url}/data/home-administrator/notes/mine.txt").status_code == 403


def test_public_data_is_read_only_ranged_and_sandboxed(platform):
    address = f"{platform.url}/data/demo/{SCENARIOS}/a1b.zarr/zarr.json"
    whole = httpx.get(address, headers={"Origin": "https://notebook.example"})
    assert whole.headers["access-control-allow-origin"] == "*"
    assert "sandbox" in whole.headers["content-security-policy"]
    part = httpx.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    for method in ("PUT", "POST", "DELETE"):
        assert httpx.request(method, address, content=b"x").status_code == 405
    assert httpx.get(f"{platform.url}/data/demo/?list-type=2").status_code == 403
    assert httpx.get(f"{platform.url}/data/demo/../home-administrator/notes/mine.txt").status_code in (
        403,
        404,
    )


def test_edr_position_gives_xarrays_values_as_coveragejson(platform, expected_series):
    response = position(platform)
    collection = CoverageCollection.model_validate_json(response.content)
    by_instance = {coverage.id: coverage for coverage in collection.coverages}
    assert set(by_instance) == {"a1b", "e1"}
    for item, expected in expected_series.items():
        values = by_instance[item].ranges["air_temperature"].values
        np.testing.assert_array_equal(np.array(values, dtype="float32"), expected)


def test_an_instance_gives_one_coverage_cut_in_time(platform, expected_series):
    response = httpx.get(
        f"{platform.url}/edr/collections/{SCENARIOS}/instances/e1/position",
        params={
            "coords": f"POINT({LONGITUDE} {LATITUDE})",
            "datetime": "1900-01-01/1909-12-30",
            "f": "CoverageJSON",
        },
    )
    coverage = Coverage.model_validate_json(response.content)
    values = np.array(coverage.ranges["air_temperature"].values, dtype="float32")
    np.testing.assert_array_equal(values, expected_series["e1"][40:50])


def test_edr_position_gives_the_same_values_as_csv(platform, expected_series):
    rows = list(csv.DictReader(io.StringIO(position(platform, f="CSV").text)))
    for item, expected in expected_series.items():
        values = [float(row["air_temperature (K)"]) for row in rows if row["instance"] == item]
        np.testing.assert_array_equal(np.array(values, dtype="float32"), expected)


def test_the_command_line_says_the_same(platform, expected_series):
    done = platform.run("series", SCENARIOS, "air_temperature", str(LONGITUDE), str(LATITUDE), "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    values = [float(row["air_temperature (K)"]) for row in rows if row["instance"] == "a1b"]
    np.testing.assert_array_equal(np.array(values, dtype="float32"), expected_series["a1b"])
    chart = platform.run("series", SCENARIOS, "air_temperature", str(LONGITUDE), str(LATITUDE)).stdout
    assert "a1b" in chart
    assert "e1" in chart


def test_the_printed_lines_of_python_run(platform):
    lines = platform.run("open", f"{SCENARIOS}/a1b").stdout
    printed = {}
    exec(lines, printed)  # noqa: S102 (they are made to be run)
    assert printed["dataset"].air_temperature.shape == (240, 37, 49)


def test_search_on_the_command_line_finds_and_says_when_it_does_not(platform):
    assert f"{SCENARIOS}/e1" in platform.run("search", "scenario").stdout
    assert "Nothing was found" in platform.run("search", "unheardof").stdout


def tile(platform, name, z, x, y, **query):
    collection, item = name.split("/")
    address = f"{platform.url}/tiles/collections/{collection}/items/{item}/WebMercatorQuad/{z}/{x}/{y}.png"
    response = httpx.get(address, params=query)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png"), response.text
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGBA"))


def test_a_tile_of_any_time_step_is_drawn_with_a_chosen_colour_map(platform):
    name = f"{SCENARIOS}/a1b"
    query = {"variable": "air_temperature", "vmin": 250, "vmax": 310}
    first = tile(
        platform, name, 3, 1, 2, datetime="1860-06-01T00:00:00Z", colormap="cmocean:thermal", **query
    )
    last = tile(platform, name, 3, 1, 2, datetime="2099-06-01T00:00:00Z", colormap="cmocean:thermal", **query)
    other = tile(platform, name, 3, 1, 2, datetime="1860-06-01T00:00:00Z", colormap="viridis", **query)
    assert first.shape == (256, 256, 4)
    assert (first[..., 3] == 255).any()
    assert not np.array_equal(first, last)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first[..., 3], other[..., 3])


@pytest.mark.parametrize("name", OTHER_CUBES)
def test_every_grid_draws_a_world_tile(platform, name):
    picture = tile(platform, name, 0, 0, 0)
    covered = (picture[..., 3] == 255).mean()
    assert 0.005 < covered < 0.95


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"coords": "POINT(-100 95)"}, "latitudes from -90 to 90"),
        ({"coords": "POLYGON((0 0,1 1,1 0,0 0))"}, "POINT"),
        ({"parameter-name": "rain"}, "air_temperature"),
        ({"datetime": "yesterday"}, "datetime"),
        ({"f": "GeoTIFF"}, "CoverageJSON"),
    ],
)
def test_a_wrong_question_is_answered_with_what_would_be_right(platform, query, named):
    response = position(platform, **query)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert named in response.json()["detail"]
