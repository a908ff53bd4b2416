"""What can be chosen of twin data comes from what the items of the collection hold, in ECMWF's words."""

import pytest
from catalogue_documents import make_item

SHARED = {
    "mars:class": "d1",
    "mars:dataset": "climate-dt",
    "mars:model": "IFS-NEMO",
    "mars:stream": "clte",
    "mars:resolution": "high",
}
HOURLY = {"type": "temporal", "extent": ["2020-01-01T00:00:00Z", "2021-12-31T23:00:00Z"], "step": "PT1H"}
DAILY = {"type": "temporal", "extent": ["2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"], "step": "P1D"}
LEVELS = {"type": "spatial", "axis": "z", "extent": [500, 1000], "values": [1000, 500]}


def variable(number, name, *dimensions):
    return {
        "type": "data",
        "dimensions": ["time", *dimensions, "cells"],
        "description": name,
        "attrs": {"mars:param": number},
    }


@pytest.fixture
def filled(add_items):
    surface = SHARED | {
        "mars:levtype": "sfc",
        "cube:dimensions": {"time": HOURLY},
        "cube:variables": {"2t": variable(167, "2 metre temperature"), "tp": variable(228, "Precipitation")},
    }
    pressure = SHARED | {
        "mars:levtype": "pl",
        "cube:dimensions": {"time": DAILY, "level": LEVELS},
        "cube:variables": {"t": variable(130, "Temperature", "level")},
    }
    add_items(
        make_item("clte-sfc-high", properties=surface), make_item("clte-pl-high", properties=pressure),
        collection="climate",
    )  # fmt: skip
    add_items(make_item("scene", properties={"platform": "s2a"}))
    forecasts = [
        make_item(
            f"oper-{day}",
            properties={
                "mars:class": "d1", "mars:dataset": "extremes-dt", "mars:levtype": "sfc",
                "mars:date": day, "mars:time": "0000",
                "cube:dimensions": {
                    "time": {
                        "type": "temporal", "step": "PT6H",
                        "extent": [f"2026-05-{day[6:]}T00:00:00Z", f"2026-05-{day[6:]}T12:00:00Z"],
                    }
                },
                "cube:variables": {"2t": variable(167, "2 metre temperature")},
            },
        )
        for day in ("20260514", "20260512", "20260513")
    ]  # fmt: skip
    add_items(*forecasts, collection="extremes")


@pytest.fixture(params=["/stac", "/stac/v2"])
def told(filled, visitor, request):
    def ask(collection="climate", **chosen):
        answer = visitor.get(f"{request.param}/collections/{collection}/queryables", params=chosen)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_each_form_that_clients_read(told):
    schema = told()
    properties = schema["properties"]
    assert properties["ecmwf:model"] == {"title": "model", "type": "string", "const": "ifs-nemo"}
    assert properties["ecmwf:levtype"] == {
        "title": "levtype", "type": "string", "enum": ["pl", "sfc"], "default": "sfc",
    }  # fmt: skip
    assert properties["ecmwf:param"]["type"] == "array"
    assert properties["ecmwf:param"]["items"] == {"type": "string", "enum": ["130", "167", "228"]}
    assert properties["ecmwf:param"]["geoscope:labels"]["167"] == "2t 2 metre temperature"
    assert properties["ecmwf:levelist"]["items"]["enum"] == ["1000", "500"]
    assert properties["ecmwf:date"]["default"] == "20200101/to/20211231"
    assert properties["ecmwf:time"]["items"]["enum"][:2] == ["0000", "0100"]
    assert schema["required"] == ["ecmwf:levtype", "ecmwf:param", "ecmwf:date"]
    assert not [name for name in properties if name.startswith("mars:")]
    assert "datetime" in properties


def test_chosen_values_narrow_what_is_left(told):
    properties = told(**{"ecmwf:levtype": "pl"})["properties"]
    assert properties["ecmwf:levtype"]["const"] == "pl"
    assert properties["ecmwf:param"]["items"] == {"type": "string", "const": "130"}
    assert properties["ecmwf:date"]["enum"] == ["20200101", "20200102", "20200103"]
    assert properties["ecmwf:time"]["items"] == {"type": "string", "const": "0000"}
    assert told(**{"ecmwf:levtype": "pl"})["required"] == ["ecmwf:levelist", "ecmwf:date"]
    by_number = told(**{"ecmwf:param": "167"})["properties"]
    assert by_number["ecmwf:levtype"]["const"] == "sfc"
    assert "ecmwf:levelist" not in by_number
    assert told(**{"ecmwf:param": "2T", "ecmwf:model": "IFS-NEMO"})["properties"]["ecmwf:param"]["items"][
        "const"
    ]
    nothing = told(**{"ecmwf:model": "ICON"})["properties"]
    assert not [name for name in nothing if name.startswith("ecmwf:")]


def test_days_narrow_to_what_has_one_of_them(told):
    later = told(**{"ecmwf:date": "2021-02-01"})["properties"]
    assert (later["ecmwf:levtype"]["const"], "ecmwf:levelist" in later) == ("sfc", False)
    for both in ("20200103", "20200102/to/20211231", ["20211231", "20200101"]):
        assert told(**{"ecmwf:date": both})["properties"]["ecmwf:levtype"]["enum"] == ["pl", "sfc"]
    runs = told("extremes", **{"ecmwf:date": "20260513/to/20260531"})["properties"]
    assert runs["ecmwf:date"]["enum"] == ["20260513", "20260514"]
    for nothing in ("20300101", "someday"):
        left = told(**{"ecmwf:date": nothing})["properties"]
        assert not [name for name in left if name.startswith("ecmwf:")]


def test_several_values_of_a_key_are_any_of_them(told):
    properties = told(**{"ecmwf:param": ["167", "130"]})["properties"]
    assert properties["ecmwf:levtype"]["enum"] == ["pl", "sfc"]
    assert properties["ecmwf:param"]["items"]["enum"] == ["130", "167"]


def test_runs_of_a_forecast_are_listed_oldest_first(told):
    properties = told("extremes")["properties"]
    assert properties["ecmwf:date"]["enum"] == ["20260512", "20260513", "20260514"]
    assert properties["ecmwf:step"]["items"]["enum"] == ["0", "6", "12"]
    assert told("extremes", **{"ecmwf:date": "20260513"})["properties"]["ecmwf:date"]["const"] == "20260513"


def test_other_collections_are_as_they_were(told):
    properties = told("sea-surface-temperature")["properties"]
    assert properties["platform"]["const"] == "s2a"
    assert not [name for name in properties if name.startswith("ecmwf:")]
