"""Requests are compared with what there is; an error names the value that is wrong and what would fit."""

import numpy as np
import pytest

from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.mars.completing import complete
from geoscope.mars.datasets import TwinDataset
from geoscope.mars.matching import find_datasets, select_levels, select_steps
from geoscope.mars.requests import parse_request
from twins.twin_store import CLIMATE, CLIMATE_KEYS, EXTREMES_KEYS

SURFACE = CLIMATE_KEYS | {"levtype": "sfc", "param": "2t"}
FORECAST = EXTREMES_KEYS | {"levtype": "sfc", "param": "2t"}


@pytest.fixture(scope="module")
def datasets(twin_store):
    documents = twin_store[1].values()
    return [TwinDataset.from_item(each) for each in documents if each.get("type") == "Feature"]


def found(datasets, **asked):
    return find_datasets(parse_request(asked), datasets)


def chosen(datasets, **asked):
    """Return the valid times that a request names, of its first dataset."""
    request = parse_request(asked)
    (dataset,) = {match.dataset.item: match.dataset for match in find_datasets(request, datasets)}.values()
    return dataset.instants[select_steps(request, dataset, dataset.instants)].astype(str).tolist()


def test_an_item_is_read_as_it_is_registered(datasets):
    dataset = next(each for each in datasets if each.item == "clte-pl")
    assert dataset.collection == CLIMATE
    assert dataset.written["activity"] == "ScenarioMIP"
    assert dataset.keys["activity"] == "scenariomip"
    assert [(each.id, each.short_name, each.has_levels) for each in dataset.parameters] == [
        (130, "t", True),
        (131, "u", True),
    ]
    assert dataset.levels == (1000, 850, 500, 250)
    assert len(dataset.instants) == 8
    hourly = next(each for each in datasets if each.item == "clte-sfc")
    assert len(hourly.instants) == 24 * 40
    forecast = next(each for each in datasets if each.item == "oper-sfc-20260513t0000")
    assert (str(forecast.base), forecast.steps) == ("2026-05-13T00:00:00", list(range(25)))


def test_other_items_are_no_twin_data():
    assert TwinDataset.from_item({"id": "x", "properties": {"cube:dimensions": {}}}) is None


def test_values_count_without_regard_to_case_and_parameters_by_number_or_name(datasets):
    for param in ("167", "2T", "167.128", ["2t"]):
        (match,) = found(datasets, **SURFACE | {"param": param, "experiment": "ssp3-7.0", "expver": 1})
        assert (match.dataset.item, match.parameters[0].id) == ("clte-sfc", 167)


def test_the_grid_is_the_resolution_where_none_is_said(datasets):
    def with_grid(properties, grid, **keys):
        item = {"id": grid, "collection": "c", "properties": {**properties, **keys, "geoscope:grid": grid}}
        return TwinDataset.from_item(item)

    time = {"type": "temporal", "extent": ["2024-06-03T00:00:00Z"] * 2}
    variables = {"t": {"dimensions": ["time"], "attrs": {"mars:param": 130}}}
    plain = {"mars:class": "od", "cube:dimensions": {"time": time}, "cube:variables": variables}
    twice = [with_grid(plain, "h8"), with_grid(plain, "36x19")]
    with pytest.raises(InvalidInputError, match=r"resolution: say which\. There are: 36x19, h8\."):
        found(twice, param="t")
    (match,) = found(twice, param="t", resolution="H8")
    assert match.dataset.item == "h8"
    assert complete(parse_request({"param": "t"}), twice).body["resolution"] == "36x19"
    high = with_grid(plain, "h1024", **{"mars:resolution": "high"})
    assert high.keys["resolution"] == "high"


def test_several_forecasts_are_several_datasets(datasets):
    matches = found(datasets, **FORECAST, date="20260513/to/20260514", time="0000", step="0/to/6")
    assert [match.dataset.item for match in matches] == ["oper-sfc-20260513t0000", "oper-sfc-20260514t0000"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (SURFACE | {"model": "IFS-NEMMO"}, "model: there is no 'ifs-nemmo'. Did you mean ifs-nemo?"),
        (SURFACE | {"dataset": "climate"}, "dataset: there is no 'climate'. Did you mean climate-dt?"),
        (SURFACE | {"resolution": "high"}, "resolution: there is no 'high'. There are: standard."),
        (SURFACE | {"param": "10v"}, "param: there is no '10v'. Did you mean 10u?"),
        (SURFACE | {"param": "t"}, "param: there is no 't'. Did you mean 2t? There are: 2t, 10u, 167, 165."),
        ({**SURFACE, "levtype": "pl/sfc", "param": "2t/t"}, "levtype: one request has one value"),
        ({key: SURFACE[key] for key in SURFACE if key != "param"}, "param: say which. There are: 2t, 10u."),
        (
            {key: SURFACE[key] for key in SURFACE if key != "stream"},
            "stream: say which. There are: clmn, clte.",
        ),
        (SURFACE | {"step": "6"}, "step: these data have none but 0"),
        (SURFACE | {"year": 2020}, "year: these data are no monthly means"),
        (SURFACE | {"number": "3"}, "number: the data that the other keys name have none"),
        (FORECAST, "date: say of which forecast. There are: 2026-05-13T00:00Z, 2026-05-14T00:00Z."),
        (FORECAST | {"date": "20260512"}, "date: there is no 2026-05-12. There is 2026-05-13 to 2026-05-14"),
        (
            FORECAST | {"date": "20260513", "time": "1200"},
            "time: there is no 1200 on 2026-05-13. There are: 0000.",
        ),
        (FORECAST | {"activity": "cmip6"}, "activity: the data that the other keys name have none"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(datasets, asked, said):
    with pytest.raises(InvalidInputError) as refused:
        found(datasets, **asked)
    assert said in str(refused.value)


def test_without_data_there_is_nothing_to_ask_for():
    with pytest.raises(NotFoundError, match="no twin data"):
        found([], **SURFACE)


@pytest.mark.parametrize(
    ("when", "times"),
    [
        ({"date": "20210101", "time": "0000/1200"}, ["2021-01-01T00:00:00", "2021-01-01T12:00:00"]),
        ({"date": "20210101/20210103", "time": "6"}, ["2021-01-01T06:00:00", "2021-01-03T06:00:00"]),
        ({"date": "20210101/to/20210102", "time": "2300"}, ["2021-01-01T23:00:00", "2021-01-02T23:00:00"]),
        ({"date": "20210101", "time": "0000/to/0200"}, [f"2021-01-01T0{hour}:00:00" for hour in range(3)]),
        ({"date": "20210101", "time": "0/to/18/by/18"}, ["2021-01-01T00:00:00", "2021-01-01T18:00:00"]),
    ],
)  # fmt: skip
def test_dates_and_times_are_crossed(datasets, when, times):
    assert chosen(datasets, **SURFACE, **when) == times


def test_without_a_time_every_one_of_a_date_is_meant(datasets):
    assert len(chosen(datasets, **SURFACE, date="20210101/to/20210102")) == 48


def test_steps_of_a_forecast(datasets):
    asked = FORECAST | {"date": "20260514", "time": "0"}
    assert chosen(datasets, **asked, step="0/6") == ["2026-05-14T00:00:00", "2026-05-14T06:00:00"]
    assert len(chosen(datasets, **asked, step="0/to/24/by/3")) == 9
    assert len(chosen(datasets, **asked, step="0/to/24")) == 25
    assert len(chosen(datasets, **asked, step="all")) == 25


def test_months_of_monthly_means(datasets):
    asked = SURFACE | {"stream": "clmn"}
    assert chosen(datasets, **asked, year="2020", month="1/12") == [
        "2020-01-01T00:00:00",
        "2020-12-01T00:00:00",
    ]
    assert len(chosen(datasets, **asked, year="2020/to/2021", month="1/to/2")) == 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (SURFACE, "date: say which. There is 2020-12-31"),
        (SURFACE | {"date": "20201230"}, "date: there is no 2020-12-30. There is 2020-12-31 to 2021-02-08"),
        (SURFACE | {"date": "20210101/to/20220101"}, "date: there is no 2022-01-01"),
        (SURFACE | {"date": "20210101", "time": "0030"}, "time: there is no 0030 on 2021-01-01. There are"),
        (FORECAST | {"date": "20260514", "step": "30"}, "step: there is no 30. There are: 0, 1"),
        (FORECAST | {"date": "20260514"}, "step: say which. There are: 0, 1"),
        (SURFACE | {"stream": "clmn", "year": 2030}, "year: there is no 2030. There are: 2020, 2021."),
        (SURFACE | {"stream": "clmn", "year": 2021, "month": 9}, "month: nothing is there"),
    ],
)  # fmt: skip
def test_times_that_are_not_there_are_named(datasets, asked, said):
    with pytest.raises(InvalidInputError) as refused:
        chosen(datasets, **asked)
    assert said in str(refused.value)


def test_levels_are_taken_in_the_order_of_the_request():
    levels = (1000.0, 850.0, 500.0, 250.0)

    def selected(**asked):
        return select_levels(parse_request({"class": "d1", **asked}), levels).tolist()

    assert selected(levelist="500/1000") == [2, 0]
    assert selected(levelist="900/to/300") == [1, 2]
    assert selected(levelist="all") == [0, 1, 2, 3]
    for asked, said in (({}, "levelist: say which"), ({"levelist": "700"}, "levelist: there is no 700")):
        with pytest.raises(InvalidInputError, match=said):
            selected(**asked)
    for asked in ("500", "250/to/500"):
        with pytest.raises(InvalidInputError, match="have no levels"):
            select_levels(parse_request({"levelist": asked}), ())
    assert select_levels(parse_request({"levelist": "0/to/500"}), ()).tolist() == [0]


def test_every_index_is_one_of_the_cube(datasets):
    dataset = next(each for each in datasets if each.item == "clte-sfc")
    request = parse_request(SURFACE | {"date": "20210101/to/20210131", "time": "0000"})
    steps = select_steps(request, dataset, dataset.instants)
    assert np.all(np.diff(steps) == 24)
