"""Whole fields are GRIB 2 as ecCodes reads it, in a process of its own, with the values that were stored."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from geoscope.cubes.describe import describe
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.writing import write_cube
from twins.asking import FORECAST, PRESSURE, SURFACE, ended, result, submit
from twins.twin_store import CLIMATE, EXTREMES, TwinServer, hours_from

READER = """
import json, sys, eccodes, numpy as np
keys = json.loads(sys.argv[2])
with open(sys.argv[1], "rb") as file:
    while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
        said = {}
        for key in keys:
            if eccodes.codes_is_defined(handle, key):
                kind = str if key in ("activity", "experiment", "model", "dataset", "resolution") else None
                said[key] = eccodes.codes_get(handle, key, kind)
        values = eccodes.codes_get_values(handle)
        values[values == 9999] = np.nan
        said["values"] = [None if np.isnan(v) else v for v in values]
        print(json.dumps(said, default=str))
"""
MARS = ("class", "dataset", "activity", "experiment", "generation", "model", "realization", "resolution")
MARS = (*MARS, "expver", "stream", "type", "levtype", "levelist", "param", "date", "time", "step")


def messages(content, tmp_path, *more):
    """Return what each message says, and its values."""
    path = tmp_path / "answer.grib"
    path.write_bytes(content)
    keys = [f"mars.{key}" if key in ("param", "date", "time", "step", "levelist") else key for key in MARS]
    done = subprocess.run(
        [sys.executable, "-c", READER, path, json.dumps([*keys, "shortName", "gridType", *more])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for each in found:
        each["values"] = np.array(each["values"], float)
    return found


def test_fields_come_with_their_keys_and_values(twins, held, tmp_path):
    answer = result(twins, SURFACE | {"time": "0000/0600", "param": "2t/165"})
    assert answer.headers["content-type"] == "application/x-grib"
    found = messages(answer.content, tmp_path, "Nside", "orderingConvention", "typeOfLevel", "level")
    assert [(each["mars.time"], each["shortName"]) for each in found] == [
        (0, "2t"), (0, "10u"), (600, "2t"), (600, "10u"),
    ]  # fmt: skip
    first = found[0]
    expected = {
        "class": "d1", "dataset": "climate-dt", "activity": "ScenarioMIP", "experiment": "SSP3-7.0",
        "generation": 1, "model": "IFS-NEMO", "realization": 1, "resolution": "standard", "expver": "0001",
        "stream": "clte", "type": "fc", "levtype": "sfc", "mars.param": 167, "mars.date": 20210101,
        "gridType": "healpix", "Nside": 16, "orderingConvention": "nested",
        "typeOfLevel": "heightAboveGround", "level": 2,
    }  # fmt: skip
    assert {key: first[key] for key in expected} == expected
    assert "mars.levelist" not in first
    for each in found:
        time = f"2021-01-01T{each['mars.time'] // 100:02}:00"
        stored = held[CLIMATE]["clte-sfc"][1][each["shortName"]].sel(time=time).values
        assert np.isnan(each["values"][0])
        np.testing.assert_allclose(each["values"], stored, rtol=2e-7)


def test_fields_on_levels(twins, held, tmp_path):
    found = messages(result(twins, PRESSURE | {"levelist": "1000/500", "param": "t/u"}).content, tmp_path)
    assert [(each["mars.levelist"], each["shortName"]) for each in found] == [
        (1000, "t"), (1000, "u"), (500, "t"), (500, "u"),
    ]  # fmt: skip
    assert {each["levtype"] for each in found} == {"pl"}
    stored = held[CLIMATE]["clte-pl"][1]["u"].sel(time="2021-01-01T06:00", level=500).values
    np.testing.assert_allclose(found[3]["values"], stored, rtol=2e-7)


def test_steps_of_forecasts_and_sums_over_time(twins, held, tmp_path):
    asked = FORECAST | {"date": "20260513/20260514", "step": "0/6", "param": "tp"}
    found = messages(result(twins, asked).content, tmp_path)
    assert [(each["mars.date"], each["mars.step"], each["mars.param"]) for each in found] == [
        (20260513, "0", 228), (20260513, "0-6", 228), (20260514, "0", 228), (20260514, "0-6", 228),
    ]  # fmt: skip
    stored = held[EXTREMES]["oper-sfc-20260514t0000"][1]["tp"].values[6]
    np.testing.assert_allclose(found[3]["values"], stored, rtol=2e-7)


def grids():
    rows = np.concatenate([np.arange(20, 36, 4), np.arange(36, 20, -4)])
    latitude = np.linspace(80, -80, len(rows))
    return {
        "regular_ll": RectilinearGrid(
            np.arange(0, 360, 30.0), np.arange(-75, 90, 15.0), ("latitude", "longitude")
        ),
        "reduced_gg": ReducedGaussianGrid(latitude, rows),
    }


@pytest.mark.parametrize("kind", ["regular_ll", "reduced_gg"])
def test_other_grids(kind, tmp_path, monkeypatch):
    grid = grids()[kind]
    coordinates = grid_coordinates(grid)
    values = 250 + np.arange(2 * np.prod(grid.shape), dtype=np.float32).reshape(2, *grid.shape)
    attributes = {"units": "K", "mars:param": 167}
    data = xr.Dataset(
        {"2t": (("time", *grid.dimensions), values, attributes)},
        {"time": ("time", hours_from("2026-01-01", 2))},
    ).assign_coords(coordinates.coords)
    write_cube(data, LocalStore(tmp_path / "store" / "other.zarr"))
    described = describe(data)
    item = {
        "type": "Feature", "id": "other", "collection": "others",
        "properties": {
            "mars:class": "od", "mars:stream": "oper", "mars:type": "an", "mars:levtype": "sfc",
            "updated": "2026-01-01T00:00:00Z",
            "cube:dimensions": described.dimensions, "cube:variables": described.variables,
        },
        "assets": {"cube": {"type": "application/vnd.zarr", "href": "s3://demo/other.zarr"}},
    }  # fmt: skip
    collection = {"id": "others", "cube:variables": {}}
    documents = {
        "/collections": {"collections": [collection], "links": []},
        "/collections/others": collection,
        "/collections/others/items": {"features": [item], "links": []},
        "/collections/others/items/other": item,
    }
    server = TwinServer(tmp_path / "data", tmp_path / "store", documents)
    with server.running(monkeypatch):
        answer = result(server, {"class": "od", "date": "20260101", "time": "0100", "param": "2t"})
    (found,) = messages(answer.content, tmp_path, "Ni", "Nj")
    assert found["gridType"] == kind
    assert (found["class"], found["stream"], found["mars.time"]) == ("od", "oper", 100)
    expected = values[1][::-1] if kind == "regular_ll" else values[1]
    np.testing.assert_allclose(found["values"], expected.ravel(), rtol=2e-7)


def test_what_cannot_be_written_says_so(twins, twin_store, tmp_path, monkeypatch):
    folder, documents, _ = twin_store
    changed = json.loads(json.dumps(documents))
    for path, document in changed.items():
        for item in document.get("features", [document] if "/items/" in path else []):
            item["properties"]["cube:variables"].get("10u", {}).get("attrs", {}).pop("mars:param", None)
            item["properties"]["updated"] = "2026-11-22T00:00:00Z"
    server = TwinServer(tmp_path, folder, changed)
    with server.running(monkeypatch):
        answer = ended(server, submit(server, SURFACE | {"param": "10u"}).headers["location"])
    assert answer.status_code == 400
    assert "10u has no number of ECMWF's" in answer.json()["message"]


def test_the_encoder_ends_well(twins):
    """Its exit code would tell of libraries that do not get on."""
    done = subprocess.run(
        [sys.executable, "-m", "geoscope.twins.polytope.grib_encoder"],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0


def test_datasets_that_grib_has_no_code_for_are_known_by_their_other_keys(
    held, twin_store, tmp_path, monkeypatch
):
    own = {"dataset": "geoscope-live", "class": "rd", "expver": "live", "activity": "control", "model": "JCM"}
    folder, documents, _ = twin_store
    changed = json.loads(json.dumps(documents))
    for path, document in changed.items():
        for item in document.get("features", [document] if "/items/" in path else []):
            item["properties"] |= {f"mars:{key}": value for key, value in own.items()}
            item["properties"]["updated"] = "2026-11-23T00:00:00Z"
    request = SURFACE | own | {"param": "2t"}
    server = TwinServer(tmp_path, folder, changed)
    with server.running(monkeypatch):
        answer = result(server, request)
    [found] = messages(answer.content, tmp_path)
    assert (found["class"], found["expver"], found["stream"], found["shortName"]) == (
        "rd",
        "live",
        "clte",
        "2t",
    )
    assert "dataset" not in found
    stored = held[CLIMATE]["clte-sfc"][1]["2t"].sel(time="2021-01-01T00:00").values
    np.testing.assert_allclose(found["values"], stored, rtol=2e-7)
