"""Each form opens with the client that it is for, and holds the same values as CoverageJSON."""

import io

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import shapely
import xarray as xr
from zarr.storage import ZipStore

from geoscope.cuts import answers, cutting, table
from geoscope.cuts.forms import Form

ONE = "/edr/collections/closed-form/instances/one"
SCENARIOS = "/edr/collections/uk-met-office-scenarios"
AREA = ("area", {"coords": "POLYGON((0 40,20 40,20 60,0 40))"})
QUERIES = [
    AREA,
    ("position", {"coords": "POINT(10 50)", "z": "850"}),
    ("position", {"coords": "POINT(10 50)", "datetime": "2020-03-01"}),
    ("cube", {"bbox": "170,0,-170,10", "datetime": "2020-05/2021"}),
    ("trajectory", {"coords": "LINESTRINGZM(170 0 1000 1577880000,-170 20 300 1578139200)"}),
    ("trajectory", {"coords": "LINESTRINGM(170 0 1577880000,-170 20 1578139200)", "parameter-name": "ta"}),
    ("trajectory", {"coords": "LINESTRINGZ(170 0 1000,-170 20 300)", "parameter-name": "ta"}),
]
IDS = [f"{query}-{number}" for number, (query, _) in enumerate(QUERIES)]


@pytest.fixture(params=["whole", "in blocks"])
def small_blocks(request, monkeypatch):
    """Answers are the same if they are read in many small blocks."""
    if request.param == "in blocks":
        monkeypatch.setattr(cutting, "BLOCK_VALUES", 500)
        monkeypatch.setattr(table, "ROWS_AT_ONCE", 70)
        monkeypatch.setattr(table, "CSV_ROWS_AT_ONCE", 70)
        monkeypatch.setattr(answers, "MOST_IN_MEMORY", 0)


def get(client, path, parameters, form):
    answer = client.get(path, params=parameters | {"f": form.value})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == form.media_type
    return answer.content


def open_dataset(client, path, parameters, form, folder, group=None):
    """Open NetCDF or Zarr as xarray does, whole."""
    file = folder / f"cut{form.suffix}"
    file.write_bytes(get(client, path, parameters, form))
    if form is Form.NETCDF:
        with xr.open_dataset(file, engine="h5netcdf", group=group) as dataset:
            return dataset.load()
    with ZipStore(file, mode="r") as store, xr.open_zarr(store, group=group, consolidated=True) as dataset:
        return dataset.load()


def coverages(client, path, parameters):
    document = client.get(path, params=parameters).json()
    return document.get("coverages", [document])


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", [Form.NETCDF, Form.ZARR])
@pytest.mark.parametrize(("query", "parameters"), QUERIES, ids=IDS)
def test_datasets_open_in_xarray_with_the_same_values(level_client, tmp_path, form, query, parameters):
    path = f"{ONE}/{query}"
    dataset = open_dataset(level_client, path, parameters, form, tmp_path)
    for coverage in coverages(level_client, path, parameters):
        for name, array in coverage["ranges"].items():
            assert np.array_equal(dataset[name].values.ravel(), np.array(array["values"], np.float32))
        axes = coverage["domain"]["axes"]
        if "t" in axes:
            times = [str(time)[:19] + "Z" for time in dataset.time.values]
            assert times == axes["t"]["values"]
    assert dataset.attrs["Conventions"] == "CF-1.11"
    assert dataset.latitude.attrs["units"] == "degrees_north"
    assert dataset["ta"].attrs == dataset["ta"].attrs | {"units": "K", "standard_name": "air_temperature"}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("query", "parameters"), QUERIES, ids=IDS)
def test_tables_have_the_same_rows_in_csv_and_parquet(level_client, query, parameters):
    path = f"{ONE}/{query}"
    rows = pd.read_csv(io.BytesIO(get(level_client, path, parameters, Form.CSV)))
    file = io.BytesIO(get(level_client, path, parameters, Form.PARQUET))
    parquet = pd.read_parquet(file)
    assert len(rows) == len(parquet)
    assert rows["time"].tolist() == [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in parquet["time"]]
    assert np.array_equal(rows["level (hPa)"], parquet["level"], equal_nan=True)
    points = shapely.from_wkb(parquet["geometry"].to_numpy())
    assert np.array_equal(shapely.get_x(points), rows["longitude"])
    assert rows["longitude"].between(-180, 180).all()
    values = []
    for coverage in coverages(level_client, path, parameters):
        for name, array in coverage["ranges"].items():
            column = rows[f"{name} ({'K' if name == 'ta' else 'm s-1'})"].dropna().to_numpy(np.float32)
            assert np.array_equal(column, np.array(array["values"], np.float32))
            assert np.array_equal(column, parquet[name].dropna().to_numpy())
            values.append(len(column))
    assert sum(values) > 0
    assert b'"primary_column":"geometry"' in pyarrow.parquet.read_metadata(file).metadata[b"geo"]


def test_datasets_of_several_instances_have_a_group_each_and_their_own_calendar(client, sources, tmp_path):
    given = {"coords": "POINT(-105.2 40.1)", "datetime": "2090/.."}
    for form in (Form.NETCDF, Form.ZARR):
        for instance in ("a1b", "e1"):
            dataset = open_dataset(client, f"{SCENARIOS}/position", given, form, tmp_path, group=instance)
            source = sources[f"uk-met-office-scenarios/{instance}"]["air_temperature"]
            expected = source.sel(longitude=-105.2, latitude=40.1, method="nearest")[-10:]
            assert np.array_equal(dataset["air_temperature"].values.ravel(), expected.values)
            assert dataset.time.dt.calendar == "360_day"
            assert dataset.time.values[0] == expected.time.values[0]


def test_parquet_of_another_calendar_has_its_times_as_text(client):
    content = get(client, f"{SCENARIOS}/position", {"coords": "POINT(-105.2 40.1)"}, Form.PARQUET)
    found = pd.read_parquet(io.BytesIO(content))
    assert found["time"].iloc[0] == "1860-06-01T00:00:00Z"
    assert set(found["instance"]) == {"a1b", "e1"}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/x-netcdf", Form.NETCDF),
        ("application/vnd.apache.parquet", Form.PARQUET),
        ("text/csv;q=0.5, application/x-netcdf;q=0.9", Form.NETCDF),
        ("*/*", Form.COVERAGE_JSON),
        ("text/html", Form.COVERAGE_JSON),
        ("text/csv;q=bad", Form.COVERAGE_JSON),
    ],
)
def test_accept_header_chooses_among_all_forms(accept, form):
    assert Form.choose(None, accept) is form


def test_file_names_say_what_they_are(level_client):
    for form in (Form.NETCDF, Form.ZARR, Form.PARQUET):
        answer = level_client.get(f"{ONE}/{AREA[0]}", params=AREA[1] | {"f": form.value})
        assert (
            answer.headers["content-disposition"]
            == f'attachment; filename="closed-form-one-area{form.suffix}"'
        )
