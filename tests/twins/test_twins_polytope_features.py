"""Features have the values of the stored fields, in the form of the Climate DT's own answers."""

import json

import numpy as np
import pytest
from covjson_pydantic.coverage import CoverageCollection

from geoscope.cubes.healpix import HealpixGrid
from twins.asking import FORECAST, MONTHLY, PLACE, PRESSURE, SURFACE, cut, ended, submit
from twins.twin_store import CLIMATE, EXTREMES, LEVEL

GRID = HealpixGrid(LEVEL)
LONGITUDE, LATITUDE = GRID.cell_centre(np.arange(GRID.shape[0]))
# What the Climate DT itself answered (earthkit-data, tests/data/points.covjson), with the first point alone.
REAL_ANSWER = {
    "type": "CoverageCollection",
    "domainType": "MultiPoint",
    "coverages": [
        {
            "mars:metadata": {
                "activity": "scenariomip", "class": "d1", "dataset": "climate-dt",
                "Forecast date": "2021-01-01T00:00:00Z", "experiment": "ssp3-7.0", "expver": "0001",
                "generation": "1", "levtype": "sfc", "model": "ifs-nemo", "realization": 1,
                "resolution": "high", "stream": "clte", "type": "fc", "number": 0, "step": 0,
            },
            "type": "Coverage",
            "domain": {
                "type": "Domain",
                "axes": {
                    "t": {"values": ["2021-01-01T00:00:00Z"]},
                    "composite": {
                        "dataType": "tuple",
                        "coordinates": ["latitude", "longitude", "levelist"],
                        "values": [[50.674160307446, 7.837677725118, 0]],
                    },
                },
            },
            "ranges": {
                "10u": {
                    "type": "NdArray", "dataType": "float", "shape": [1], "axisNames": ["10u"],
                    "values": [3.1319618225097656],
                },
                "2t": {
                    "type": "NdArray", "dataType": "float", "shape": [1], "axisNames": ["2t"],
                    "values": [275.83544158935547],
                },
            },
        }
    ],
    "referencing": [
        {
            "coordinates": ["latitude", "longitude", "levelist"],
            "system": {"type": "GeographicCRS", "id": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
        }
    ],
    "parameters": {
        "10u": {
            "type": "Parameter", "description": {"en": "This parameter is the eastward component"},
            "unit": {"symbol": "m s**-1"},
            "observedProperty": {"id": "10u", "label": {"en": "10 metre U wind component"}},
        },
        "2t": {
            "type": "Parameter", "description": {"en": "This parameter is the temperature of air"},
            "unit": {"symbol": "K"},
            "observedProperty": {"id": "2t", "label": {"en": "2 metre temperature"}},
        },
    },
}  # fmt: skip


def shape_of(document):
    """Return the members and kinds of values of a document; a list by its first entry."""
    if isinstance(document, dict):
        return {key: shape_of(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape_of(document[0])] if document else []
    return type(document).__name__


def stored(held, collection, item, name, cells, **chosen):
    """Return the values that were stored."""
    values = held[collection][item][1][name].sel(chosen).values
    return values[..., cells]


def cells_of(coverage, axis="composite"):
    places = np.array([place[-3:-1] for place in coverage["domain"]["axes"][axis]["values"]], float)
    return GRID.locate(places[:, 1], places[:, 0])


def values_of(coverage, name):
    return np.array(coverage["ranges"][name]["values"], float)


def valid(document):
    """Check a document by the field's own model of CoverageJSON; polytope calls the axes by its own names."""
    names = {"longitude": "x", "latitude": "y", "levelist": "z"}
    renamed = json.loads(json.dumps(document))
    for coverage in renamed["coverages"]:
        axes = coverage["domain"]["axes"]
        coverage["domain"]["axes"] = {names.get(name, name): axis for name, axis in axes.items()}
    CoverageCollection.model_validate_json(json.dumps(renamed))
    return document


def test_an_area_has_the_form_of_the_climate_dts_real_answer(twins):
    points = [[40, 0], [55, 20]]
    document = valid(cut(twins, SURFACE | {"param": "10u/2t"}, type="boundingbox", points=points))
    ours, real = shape_of(document), shape_of(REAL_ANSWER)
    assert ours == real
    metadata, real_metadata = (each["coverages"][0]["mars:metadata"] for each in (document, REAL_ANSWER))
    assert metadata == real_metadata | {"resolution": "standard"}
    assert document["referencing"] == REAL_ANSWER["referencing"]
    for name, parameter in REAL_ANSWER["parameters"].items():
        assert document["parameters"][name]["observedProperty"] == parameter["observedProperty"]
        assert document["parameters"][name]["unit"] == parameter["unit"]


def test_the_real_answer_is_what_it_is_said_to_be(earth_data):
    real = json.loads((earth_data / "covjson" / "points.covjson").read_text())
    assert shape_of(real) == shape_of(REAL_ANSWER)
    assert real["coverages"][0]["mars:metadata"] == REAL_ANSWER["coverages"][0]["mars:metadata"]
    assert real["referencing"] == REAL_ANSWER["referencing"]


def test_a_box_has_every_cell_whose_centre_lies_inside(twins, held):
    document = cut(
        twins, SURFACE | {"date": "20210101/20210103"}, type="boundingbox", points=[[40, 0], [55, 20]]
    )
    inside = (LATITUDE >= 40) & (LATITUDE <= 55) & (LONGITUDE >= 0) & (LONGITUDE <= 20)
    times = [each["domain"]["axes"]["t"]["values"] for each in document["coverages"]]
    assert times == [["2021-01-01T00:00:00Z"], ["2021-01-03T00:00:00Z"]]
    for coverage, (time,) in zip(document["coverages"], times, strict=True):
        cells = cells_of(coverage)
        assert sorted(cells.tolist()) == np.flatnonzero(inside).tolist()
        expected = stored(held, CLIMATE, "clte-sfc", "2t", cells, time=time.removesuffix("Z"))
        np.testing.assert_array_equal(values_of(coverage, "2t").astype(np.float32), expected)
        assert coverage["mars:metadata"]["Forecast date"] == time


def test_a_box_across_the_date_line(twins):
    document = cut(twins, SURFACE, type="boundingbox", points=[[-10, 170], [10, 190]])
    cells = cells_of(document["coverages"][0])
    expected = (np.abs(LATITUDE) <= 10) & (LONGITUDE % 360 >= 170) & (LONGITUDE % 360 <= 190)
    assert sorted(cells.tolist()) == np.flatnonzero(expected).tolist()
    assert {True, False} == set((LONGITUDE[cells] > 0).tolist())


def test_a_box_of_levels(twins, held):
    asked = {key: value for key, value in PRESSURE.items() if key != "levelist"}
    document = cut(
        twins, asked, type="boundingbox", points=[[40, 0, 500], [50, 10, 1000]],
        axes=["latitude", "longitude", "levelist"],
    )  # fmt: skip
    (coverage,) = document["coverages"]
    values = coverage["domain"]["axes"]["composite"]["values"]
    assert [level for _, _, level in values[:: len(values) // 3]] == [1000, 850, 500]
    cells = cells_of(coverage)[: len(values) // 3]
    expected = stored(held, CLIMATE, "clte-pl", "t", cells, time="2021-01-01T06:00", level=[1000, 850, 500])
    np.testing.assert_array_equal(values_of(coverage, "t").astype(np.float32), expected.ravel())


def test_a_polygon_and_several(twins):
    ring = [[40, 0], [40, 20], [60, 10], [40, 0]]
    one = cut(twins, SURFACE, type="polygon", shape=ring)
    both = cut(twins, SURFACE, type="polygon", shape=[ring, [[-40, 100], [-40, 130], [-20, 115], [-40, 100]]])
    inside = cells_of(one["coverages"][0])
    reach = (60 - LATITUDE[inside]) / 2
    assert np.all((LATITUDE[inside] >= 40) & (np.abs(LONGITUDE[inside] - 10) <= reach + 1e-9))
    expected = (LATITUDE >= 40) & (np.abs(LONGITUDE - 10) <= (60 - LATITUDE) / 2)
    assert sorted(inside.tolist()) == np.flatnonzero(expected).tolist()
    assert set(inside.tolist()) < set(cells_of(both["coverages"][0]).tolist())


def test_a_circle_is_one_of_degrees(twins):
    document = cut(twins, SURFACE, type="circle", center=[PLACE], radius=8)
    inside = np.hypot(LATITUDE - PLACE[0], LONGITUDE - PLACE[1]) <= 8
    assert sorted(cells_of(document["coverages"][0]).tolist()) == np.flatnonzero(inside).tolist()


def test_a_frame_has_a_hole(twins):
    document = cut(
        twins, SURFACE, type="frame", outer_box=[[30, -20], [60, 20]], inner_box=[[40, -10], [50, 10]]
    )
    cells = cells_of(document["coverages"][0])
    hole = (np.abs(LATITUDE[cells] - 45) < 5) & (np.abs(LONGITUDE[cells]) < 10)
    assert len(cells) > 20
    assert not hole.any()


def test_a_time_series_is_one_coverage_a_point(twins, held):
    points = [PLACE, [0, 0], [-90, 0]]
    asked = SURFACE | {"date": "20210101/to/20210131", "time": "0000/1200", "param": "2t/10u"}
    document = valid(cut(twins, asked, type="timeseries", points=points, time_axis="date"))
    assert document["domainType"] == "PointSeries"
    assert len(document["coverages"]) == 3
    for (latitude, longitude), coverage in zip(points, document["coverages"], strict=True):
        (cell,) = GRID.locate([longitude], [latitude])
        axes = coverage["domain"]["axes"]
        assert list(axes) == ["latitude", "longitude", "levelist", "t"]
        assert axes["latitude"]["values"] == pytest.approx([LATITUDE[cell]])
        assert axes["levelist"]["values"] == [0]
        times = [each.removesuffix("Z") for each in axes["t"]["values"]]
        assert len(times) == 62
        for name in ("2t", "10u"):
            expected = stored(held, CLIMATE, "clte-sfc", name, cell, time=times)
            np.testing.assert_array_equal(values_of(coverage, name).astype(np.float32), expected)
            assert coverage["ranges"][name]["axisNames"] == [name]
        assert coverage["mars:metadata"]["Forecast date"] == "2021-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("asked", "axis", "span", "times"),
    [
        (
            {key: value for key, value in SURFACE.items() if key != "date"} | {"time": "1200"},
            "date", {"start": 20210102, "end": "2021-01-08", "interval": 3},
            ["2021-01-02T12:00:00Z", "2021-01-05T12:00:00Z", "2021-01-08T12:00:00Z"],
        ),
        (
            FORECAST, "step", {"start": 0, "end": 12.0, "interval": 6},
            ["2026-05-14T00:00:00Z", "2026-05-14T06:00:00Z", "2026-05-14T12:00:00Z"],
        ),
        (
            MONTHLY | {"year": "2020"}, "month", {"start": 1, "end": 12, "interval": 6},
            ["2020-01-01T00:00:00Z", "2020-07-01T00:00:00Z"],
        ),
    ],
)  # fmt: skip
def test_a_range_is_one_of_the_time_axis_and_may_have_an_interval(twins, asked, axis, span, times):
    document = cut(twins, asked, type="timeseries", points=[PLACE], time_axis=axis, range=span)
    assert document["coverages"][0]["domain"]["axes"]["t"]["values"] == times


def test_a_position_is_a_series_without_a_word_about_time(twins, held):
    document = cut(twins, SURFACE, type="position", points=[PLACE])
    (coverage,) = document["coverages"]
    (cell,) = GRID.locate([PLACE[1]], [PLACE[0]])
    assert document["domainType"] == "PointSeries"
    expected = stored(held, CLIMATE, "clte-sfc", "2t", cell, time=["2021-01-01T00:00"])
    np.testing.assert_array_equal(values_of(coverage, "2t").astype(np.float32), expected)


@pytest.mark.parametrize(
    ("feature", "member"),
    [
        ({"type": "polygon", "shape": [[40, 0], [40, 20], [60, 10], [40, 0]]}, "shape"),
        ({"type": "circle", "center": [PLACE], "radius": 8}, "center"),
        ({"type": "position", "points": [PLACE, [0, 100]]}, "points"),
    ],
)
def test_axes_say_which_number_comes_first(twins, feature, member):
    turned = [[longitude, latitude] for latitude, longitude in feature[member]]
    other = feature | {member: turned, "axes": ["longitude", "latitude"]}
    assert cut(twins, SURFACE, **other) == cut(twins, SURFACE, **feature)


def test_missing_values_are_null(twins):
    document = cut(twins, SURFACE, type="timeseries", points=[[LATITUDE[0], LONGITUDE[0]]], time_axis="date")
    assert document["coverages"][0]["ranges"]["2t"]["values"] == [None]


def test_a_time_series_on_levels(twins, held):
    asked = PRESSURE | {"levelist": "250/1000", "date": "20210101", "time": "0000/to/1800"}
    document = cut(twins, asked, type="timeseries", points=[PLACE], time_axis="date")
    (cell,) = GRID.locate([PLACE[1]], [PLACE[0]])
    levels = [each["domain"]["axes"]["levelist"]["values"] for each in document["coverages"]]
    assert levels == [[250], [1000]]
    for (level,), coverage in zip(levels, document["coverages"], strict=True):
        expected = stored(held, CLIMATE, "clte-pl", "t", cell, level=level)[:4]
        np.testing.assert_array_equal(values_of(coverage, "t").astype(np.float32), expected)
        assert coverage["mars:metadata"]["levelist"] == level


def test_a_time_series_of_steps_is_one_coverage_a_forecast(twins, held):
    asked = {**FORECAST, "date": "20260513/20260514", "param": "2t/tp"}
    feature = {"type": "timeseries", "points": [PLACE], "time_axis": "step", "range": {"start": 0, "end": 6}}
    document = cut(twins, asked, **feature)
    (cell,) = GRID.locate([PLACE[1]], [PLACE[0]])
    bases = [each["mars:metadata"]["Forecast date"] for each in document["coverages"]]
    assert bases == ["2026-05-13T00:00:00Z", "2026-05-14T00:00:00Z"]
    for base, coverage in zip(bases, document["coverages"], strict=True):
        assert coverage["domain"]["axes"]["t"]["values"][-1] == base.replace("T00", "T06")
        item = f"oper-sfc-{base[:10].replace('-', '')}t0000"
        expected = stored(held, EXTREMES, item, "tp", cell)[:7]
        np.testing.assert_array_equal(values_of(coverage, "tp").astype(np.float32), expected)


def test_an_area_of_steps_says_of_which_forecast_it_is(twins):
    document = cut(twins, FORECAST | {"step": "0/6"}, type="boundingbox", points=[[40, 0], [50, 20]])
    base = "2026-05-14T00:00:00Z"
    for step, coverage in zip((0, 6), document["coverages"], strict=True):
        assert coverage["domain"]["axes"]["t"]["values"] == [base]
        metadata = coverage["mars:metadata"]
        assert (metadata["Forecast date"], metadata["step"]) == (base, step)


def test_a_series_of_months(twins):
    document = cut(
        twins,
        MONTHLY | {"year": "2020", "month": "1/to/12"},
        type="timeseries",
        points=[PLACE],
        time_axis="month",
    )
    (coverage,) = document["coverages"]
    assert coverage["domain"]["axes"]["t"]["values"][-1] == "2020-12-01T00:00:00Z"
    assert "Forecast date" not in coverage["mars:metadata"]


@pytest.mark.parametrize("by", ["request", "feature"])
def test_a_vertical_profile(twins, held, by):
    asked, feature = dict(PRESSURE), {"type": "verticalprofile", "points": [PLACE]}
    if by == "request":
        asked["levelist"] = "1000/to/250"
    else:
        feature["range"] = {"start": 250, "end": 1000}
    document = valid(cut(twins, asked, **feature))
    (coverage,) = document["coverages"]
    (cell,) = GRID.locate([PLACE[1]], [PLACE[0]])
    assert document["domainType"] == "VerticalProfile"
    assert coverage["domain"]["axes"]["levelist"]["values"] == [1000, 850, 500, 250]
    assert coverage["ranges"]["t"]["axisNames"] == ["levelist"]
    expected = stored(held, CLIMATE, "clte-pl", "t", cell, time="2021-01-01T06:00")
    np.testing.assert_array_equal(values_of(coverage, "t").astype(np.float32), expected)


def test_a_track_has_what_lies_near_its_lines(twins, held):
    feature = {
        "type": "trajectory", "points": [[0, 0], [0, 40], [30, 40]], "inflation": 4, "inflate": "round",
        "axes": ["latitude", "longitude"],
    }  # fmt: skip
    document = cut(twins, SURFACE, **feature)
    (coverage,) = document["coverages"]
    assert document["referencing"][0]["coordinates"] == ["t", "x", "y", "z"]
    assert coverage["domain"]["axes"]["composite"]["coordinates"] == ["t", "x", "y", "z"]
    cells = cells_of(coverage)
    along = np.hypot(LATITUDE, LONGITUDE - np.clip(LONGITUDE, 0, 40)) <= 4
    up = np.hypot(LATITUDE - np.clip(LATITUDE, 0, 30), LONGITUDE - 40) <= 4
    assert sorted(cells.tolist()) == np.flatnonzero(along | up).tolist()
    expected = stored(held, CLIMATE, "clte-sfc", "2t", cells, time="2021-01-01T00:00")
    np.testing.assert_array_equal(values_of(coverage, "2t").astype(np.float32), expected)


def test_a_climbing_track_of_steps_and_levels_is_compared_in_all_axes(twins, held):
    feature = {
        "type": "trajectory", "points": [[0, 0, 0], [0, 60, 12]], "inflation": [5, 5, 0.5], "inflate": "box",
        "axes": ["latitude", "longitude", "step"],
    }  # fmt: skip
    document = cut(twins, FORECAST, **feature)
    (coverage,) = document["coverages"]
    tuples = np.array(coverage["domain"]["axes"]["composite"]["values"], float)
    step, latitude, longitude = tuples[:, 0], tuples[:, 1], tuples[:, 2]
    assert set(step.tolist()) == set(range(13))
    assert np.all((np.abs(latitude) <= 5) & (np.abs(longitude - step * 5) <= 7.5 + 1e-9))
    cells = GRID.locate(longitude, latitude)
    values = held[EXTREMES]["oper-sfc-20260514t0000"][1]["2t"].values
    np.testing.assert_array_equal(
        values_of(coverage, "2t").astype(np.float32), values[step.astype(int), cells]
    )


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ({"type": "hexagon"}, "feature: there is no type 'hexagon'. There are: timeseries"),
        ({"type": "polygone", "shape": []}, "Did you mean polygon?"),
        ({"type": "timeseries", "time_axis": "date"}, "feature: points cannot be used"),
        ({"type": "timeseries", "points": [[1, 2, 3]], "time_axis": "date"}, "points of 2 numbers"),
        ({"type": "timeseries", "points": [[100, 0]], "time_axis": "date"}, "which is nowhere"),
        ({"type": "timeseries", "points": [["a", "b"]], "time_axis": "date"}, "holds what is no number"),
        ({"type": "timeseries", "points": [PLACE], "time_axis": "level"}, "time_axis 'level' is none"),
        (
            {"type": "timeseries", "points": [PLACE], "range": {"start": 0, "end": 6, "every": 2}},
            "range cannot be used",
        ),
        (
            {"type": "timeseries", "points": [PLACE], "time_axis": "date", "range": {"start": 1, "end": 6}},
            "date: it is given by the feature already",
        ),
        ({"type": "polygon", "shape": [[0, 0], [1, 1], [2, 0]], "axes": ["x", "y"]}, "axes ['x', 'y']"),
        ({"type": "circle", "center": [PLACE], "radius": 0}, "radius must be more than 0"),
        ({"type": "circle", "center": [PLACE], "radius": "wide"}, "radius is no number"),
        ({"type": "polygon", "shape": [[0, 0], [1, 1], [2, 2]]}, "has no inside"),
        ({"type": "boundingbox", "points": [PLACE]}, "Expected 2 points"),
        ({"type": "boundingbox", "points": [PLACE, PLACE], "axes": ["x", "y"]}, "axes ['x', 'y']"),
        ({"type": "trajectory", "points": [PLACE, [0, 0]], "inflate": "star"}, "inflate is round or box"),
        ({"type": "trajectory", "points": [PLACE, [0, 0]], "speed": 1}, "has no member 'speed'"),
        ({}, "there is no type ''"),
    ],
)  # fmt: skip
def test_features_that_make_no_sense_are_refused_at_once(twins, feature, said):
    answer = submit(twins, SURFACE | {"feature": feature})
    assert answer.status_code == 400
    assert list(answer.json()) == ["message"]
    assert said in answer.json()["message"]


def test_an_area_between_the_cells_says_so(twins):
    accepted = submit(
        twins, SURFACE | {"feature": {"type": "circle", "center": [[1.1, 1.1]], "radius": 0.01}}
    )
    answer = ended(twins, accepted.headers["location"])
    assert answer.status_code == 400
    assert "no point of the grid lies inside" in answer.json()["message"]
