"""A position query answers with the values that xarray finds in the source, as valid CoverageJSON or CSV."""

import csv
import io
import math

import numpy as np
import pytest
from covjson_pydantic.coverage import Coverage, CoverageCollection

from geoscope.settings import current_settings

SCENARIOS = "/edr/collections/uk-met-office-scenarios"
A1B = f"{SCENARIOS}/instances/a1b/position"
OSTIA = "/edr/collections/ostia-sea-surface-temperature/position"
SEVIRI = "/edr/collections/toa-brightness-temperature/position"
NEMO = "/edr/collections/nemo-ocean/position"
COLORADO = "POINT(-105.2 40.1)"


def nearest(dataset, name, longitude, latitude):
    return dataset[name].sel(longitude=longitude, latitude=latitude, method="nearest")


def test_instance_series_is_a_valid_coverage_of_the_source_values(client, sources):
    answer = client.get(A1B, params={"coords": COLORADO})
    assert answer.headers["content-type"] == "application/prs.coverage+json"
    coverage = Coverage.model_validate_json(answer.content)
    expected = nearest(sources["uk-met-office-scenarios/a1b"], "air_temperature", -105.2, 40.1)
    assert coverage.domain.domainType.value == "PointSeries"
    assert coverage.domain.axes.x.values == [float(expected.longitude)]
    assert coverage.domain.axes.y.values == [float(expected.latitude)]
    values = np.array(coverage.ranges["air_temperature"].values, np.float32)
    assert np.array_equal(values, expected.values)
    assert [time.year for time in coverage.domain.axes.t.values] == [
        time.year for time in expected.time.values
    ]


def test_parameter_has_unit_and_observed_property(client):
    parameter = client.get(A1B, params={"coords": COLORADO}).json()["parameters"]["air_temperature"]
    assert parameter["unit"]["symbol"] == "K"
    assert parameter["observedProperty"]["id"].endswith("/standard_name/air_temperature/")


def test_calendar_that_is_not_gregorian_is_said(client):
    def system(path, coords):
        referencing = client.get(path, params={"coords": coords}).json()["domain"]["referencing"]
        return next(entry["system"] for entry in referencing if entry["coordinates"] == ["t"])

    assert system(A1B, COLORADO)["geoscope:calendar"] == "360_day"
    assert system(OSTIA, "POINT(-150 0)") == {"type": "TemporalRS", "calendar": "Gregorian"}


def test_collection_of_several_instances_answers_with_each_of_them(client, sources):
    answer = client.get(f"{SCENARIOS}/position", params={"coords": COLORADO, "datetime": "2090/.."})
    found = CoverageCollection.model_validate_json(answer.content)
    assert [coverage.id for coverage in found.coverages] == ["a1b", "e1"]
    for coverage in found.coverages:
        source = sources[f"uk-met-office-scenarios/{coverage.id}"]
        expected = nearest(source, "air_temperature", -105.2, 40.1).values[-10:]
        assert np.array_equal(np.array(coverage.ranges["air_temperature"].values, np.float32), expected)


def test_collection_of_one_instance_answers_with_one_coverage(client, sources):
    coverage = client.get(OSTIA, params={"coords": "POINT(-150.1 0.2)"}).json()
    assert (coverage["type"], coverage["id"]) == ("Coverage", "monthly-2006-2010")
    expected = nearest(
        sources["ostia-sea-surface-temperature/monthly-2006-2010"], "surface_temperature", -150.1, 0.2
    )
    assert np.array_equal(
        np.array(coverage["ranges"]["surface_temperature"]["values"], np.float32), expected.values
    )


def test_missing_values_are_null(client):
    values = client.get(OSTIA, params={"coords": "POINT(-60 -3)"}).json()["ranges"]["surface_temperature"][
        "values"
    ]
    assert values == [None] * 54


def test_curvilinear_and_projected_grids_answer_with_the_nearest_cell(client, sources):
    for path, key, name in (
        (NEMO, "nemo-ocean/monthly-2015", "tos"),
        (SEVIRI, "toa-brightness-temperature/seviri-2016-05-16", "toa_brightness_temperature"),
    ):
        coverage = client.get(path, params={"coords": "POINT(-20 40)"}).json()
        axes, source = coverage["domain"]["axes"], sources[key]
        assert math.dist((axes["x"]["values"][0], axes["y"]["values"][0]), (-20, 40)) < 0.8
        east = np.cos(np.radians(40)) * (source.longitude.values + 20)
        row, column = np.unravel_index(np.nanargmin(np.hypot(east, source.latitude.values - 40)), east.shape)
        expected = np.atleast_1d(source[name].values[..., row, column])
        assert np.array_equal(np.array(coverage["ranges"][name]["values"], np.float32), expected)


@pytest.mark.parametrize(
    ("datetime", "count"),
    [
        ("2050-06-01T00:00:00Z", 1),
        ("2050", 1),
        ("2050-01-01T00:00:00Z/2059-12-30T00:00:00Z", 10),
        ("../1869", 10),
    ],
)
def test_datetime_selects_steps(client, datetime, count):
    coverage = client.get(A1B, params={"coords": COLORADO, "datetime": datetime}).json()
    assert len(coverage["domain"]["axes"]["t"]["values"]) == count
    assert coverage["ranges"]["air_temperature"]["shape"] == [count, 1, 1]


def test_csv_has_a_row_a_time_and_empty_cells_for_missing_values(client, sources):
    answer = client.get(
        f"{SCENARIOS}/position", params={"coords": COLORADO, "f": "CSV", "datetime": "2098/2099"}
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        answer.headers["content-disposition"] == 'attachment; filename="uk-met-office-scenarios-position.csv"'
    )
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["instance", "time", "longitude", "latitude", "air_temperature (K)"]
    assert [row[:2] for row in rows[1:]] == [
        [item, f"{year}-06-01T00:00:00Z"] for item in ("a1b", "e1") for year in (2098, 2099)
    ]
    expected = nearest(sources["uk-met-office-scenarios/a1b"], "air_temperature", -105.2, 40.1)
    assert np.float32(rows[1][4]) == expected.values[-2]
    land = client.get(OSTIA, params={"coords": "POINT(-60 -3)", "f": "csv"}).text.splitlines()
    assert all(row.endswith(",") for row in land[1:])


def test_accept_header_chooses_the_form(client):
    csv_answer = client.get(
        A1B, params={"coords": COLORADO}, headers={"Accept": "text/csv, application/json;q=0.5"}
    )
    assert csv_answer.headers["content-type"].startswith("text/csv")
    json_answer = client.get(
        A1B, params={"coords": COLORADO}, headers={"Accept": "application/json, text/csv"}
    )
    assert json_answer.headers["content-type"] == "application/prs.coverage+json"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 400, "coords"),
        ({"coords": "LINESTRING(1 2,3 4)"}, 400, "coords is a LINESTRING"),
        ({"coords": "POINT Z (-105.2 40.1 3)"}, 404, "no levels"),
        ({"coords": "POINT M (1 2 3)"}, 400, "coords has M"),
        ({"coords": COLORADO, "colour": "red"}, 400, "no parameter 'colour'"),
        ({"coords": "POINT(1,2)"}, 400, "cannot be read"),
        ({"coords": "POINT(nan 2)"}, 400, "no place on Earth"),
        ({"coords": "POINT(40.1 -105.2)"}, 400, "longitude first"),
        ({"coords": "POINT(1e999 0)"}, 400, "no place on Earth"),
        ({"coords": "POINT(" + "1" * 10_000}, 400, "cannot be read"),
        ({"coords": "POINT(10 45)"}, 404, "longitude -135.938 to -44.062"),
        ({"coords": COLORADO, "parameter-name": "rain,air_temperature"}, 400, "There are: air_temperature"),
        ({"coords": COLORADO, "datetime": "tomorrow"}, 400, "RFC 3339"),
        ({"coords": COLORADO, "datetime": "2150"}, 404, "from 1860-06-01T00:00:00Z to 2099-06-01T00:00:00Z"),
        ({"coords": COLORADO, "crs": "EPSG:3857"}, 400, "CRS84"),
        ({"coords": COLORADO, "f": "GRIB"}, 400, "CoverageJSON, NetCDF4, Zarr, CSV, Parquet"),
    ],
)
@pytest.mark.parametrize("path", [A1B, f"{SCENARIOS}/position"])
def test_bad_question_is_answered_with_a_problem_that_helps(client, path, query, status, said):
    answer = client.get(path, params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "coords", ["POINT(-105.2 40.1)", "point (-105.2 40.1)", " POINT ( -1.052e2  +40.10 ) "]
)
def test_well_known_text_may_be_spelt_in_its_ways(client, coords):
    assert client.get(A1B, params={"coords": coords}).json()["domain"]["axes"]["x"]["values"] == [-105.0]


def test_unknown_collection_and_instance_are_not_found(client):
    for path in ("/edr/collections/nothing/position", f"{SCENARIOS}/instances/b2/position"):
        answer = client.get(path, params={"coords": COLORADO})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_instances_without_data_there_are_left_out(client, holdings):
    narrow = {"datetime": "2099", "coords": COLORADO}
    items = f"{SCENARIOS.removeprefix('/edr')}/items"
    other = "/collections/toa-brightness-temperature/items/seviri-2016-05-16"
    mixed = [
        *holdings.catalogue_documents[items]["features"],
        holdings.catalogue_documents[other] | {"id": "zz"},
    ]
    holdings.catalogue_documents = holdings.catalogue_documents | {
        items: {"type": "FeatureCollection", "features": mixed, "links": []},
        f"{items}/zz": mixed[-1],
    }
    answer = client.get(f"{SCENARIOS}/position", params=narrow).json()
    assert [coverage["id"] for coverage in answer["coverages"]] == ["a1b", "e1"]


def test_instances_without_a_parameter_are_left_out_unless_no_other_has_it(client, holdings):
    items = f"{SCENARIOS.removeprefix('/edr')}/items"
    held = holdings.catalogue_documents
    other = held["/collections/nemo-ocean/items/monthly-2015"] | {"id": "ocean"}
    mixed = {"type": "FeatureCollection", "features": [*held[items]["features"], other], "links": []}
    holdings.catalogue_documents = held | {items: mixed, f"{items}/ocean": other}
    theirs = next(iter(other["properties"]["cube:variables"]))
    narrow = {"datetime": "2015", "coords": "POINT(-75 30)"}

    def asked(names):
        return client.get(f"{SCENARIOS}/position", params=narrow | {"parameter-name": names})

    assert asked(theirs).json()["ranges"].keys() == {theirs}
    both = asked(f"air_temperature,{theirs}").json()["coverages"]
    assert [(one["id"], *one["ranges"]) for one in both] == [
        ("a1b", "air_temperature"),
        ("e1", "air_temperature"),
        ("ocean", theirs),
    ]
    wrong = asked(f"air_temperature,{theirs},zebra")
    assert (wrong.status_code, "zebra" in wrong.text) == (400, True)


@pytest.fixture
def at_most_200_values(monkeypatch):
    monkeypatch.setenv("GEOSCOPE_CUTS__MAX_VALUES", "200")
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


@pytest.mark.usefixtures("at_most_200_values")
def test_answer_larger_than_the_limit_is_refused(client):
    answer = client.get(A1B, params={"coords": COLORADO})
    assert answer.status_code == 413
    assert "240 values; one answer may hold 200" in answer.json()["detail"]
    assert client.get(A1B, params={"coords": COLORADO, "datetime": "2000/.."}).status_code == 200
