"""OWSLib's client of OGC API - EDR, unmodified, against a real server."""

import pytest
from owslib.ogcapi.edr import EnvironmentalDataRetrieval

from local_holdings import LocalHoldings

COLLECTION = "closed-form"
DAY = "2020-01-03T12:00:00Z"


@pytest.fixture(scope="module")
def edr(level_cubes, served):
    with served(LocalHoldings(*level_cubes)) as url:
        yield EnvironmentalDataRetrieval(f"{url}/edr")


def values(document, name):
    return document["ranges"][name]["values"]


def test_what_there_is(edr):
    assert edr.data() == ["closed-form", "hybrid-height"]
    described = edr.collection(COLLECTION)
    assert set(described["parameter_names"]) == {"ta", "wind"}
    queries = described["data_queries"]
    assert {
        "position",
        "radius",
        "area",
        "cube",
        "trajectory",
        "corridor",
        "locations",
        "instances",
    } <= queries.keys()
    assert "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core" in edr.conformance()["conformsTo"]


def test_position(edr):
    # Cell 40 of row 10: the value says which step, level and cell it is.
    document = edr.query_data(
        COLLECTION, "position", coords="POINT(-58.5 58.5)", datetime_=DAY, parameter_names=["ta"], z="850"
    )
    assert document["domain"]["domainType"] == "PointSeries"
    assert values(document, "ta") == [2 * 40_000 + 10_000 + 10 * 120 + 40]


def test_area(edr):
    ring = "POLYGON((-60 57,-54 57,-54 60,-60 60,-60 57))"
    document = edr.query_data(COLLECTION, "area", coords=ring, datetime_=DAY, parameter_names=["wind"])
    assert sorted(values(document, "wind")) == [2 * 10_000 + 1240, 2 * 10_000 + 1241]


def test_cube(edr):
    document = edr.query_data(
        COLLECTION, "cube", bbox=[-60, 54, -54, 60], datetime_=DAY, parameter_names=["wind"]
    )
    assert document["domain"]["domainType"] == "Grid"
    assert sorted(values(document, "wind")) == [20_000 + cell for cell in (1240, 1241, 1360, 1361)]


def test_trajectory(edr):
    document = edr.query_data(
        COLLECTION,
        "trajectory",
        coords="LINESTRING(-58.5 58.5,-52.5 58.5)",
        datetime_=DAY,
        parameter_names=["wind"],
    )
    assert values(document, "wind") == [21_240, 21_241, 21_242]


def test_locations(edr):
    found = edr.query_data(COLLECTION, "locations")
    assert "FRA" in {feature["id"] for feature in found["features"]}
    document = edr.query_data(COLLECTION, "locations/FRA", datetime_=DAY, parameter_names=["wind"])
    latitude = document["domain"]["axes"]["composite"]["values"]
    assert any(41 < place[1] < 51 and -5 < place[0] < 9 for place in latitude)


def test_instances(edr):
    document = edr.query_data(
        f"{COLLECTION}/instances/one",
        "position",
        coords="POINT(-58.5 58.5)",
        datetime_=DAY,
        parameter_names=["wind"],
    )
    assert values(document, "wind") == [21_240]


def test_what_is_wrong_is_told_in_words(edr):
    with pytest.raises(RuntimeError, match="There is no parameter 'tt'"):
        edr.query_data(COLLECTION, "position", coords="POINT(0 0)", parameter_names=["tt"])
    # OWSLib 0.36 has no word for the unit of a radius.
    with pytest.raises(RuntimeError, match="within-units"):
        edr.query_data(COLLECTION, "radius", coords="POINT(0 0)", within=500)
