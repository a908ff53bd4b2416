"""One value for a region is what numpy makes of the values of its cells, in every query and form."""

import asyncio
import io

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import xarray as xr
from covjson_pydantic.coverage import Coverage
from zarr.storage import LocalStore, ZipStore

from geoscope.cubes.cube import Cube
from geoscope.cubes.curvilinear import CurvilinearGrid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.scattered import ScatteredGrid
from geoscope.cuts import answers, cutting, table
from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.aggregating import Aggregation
from geoscope.cuts.cutting import plan_cuts
from geoscope.cuts.forms import Form
from geoscope.cuts.geometries import read_points, read_polygon
from geoscope.cuts.locations import country
from geoscope.cuts.parameters import Kind
from geoscope.cuts.queries import read_question
from geoscope.cuts.regions import Area, Box, Circles, Selection
from geoscope.cuts.selections import KeptSelections
from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.settings import current_settings

ONE = "/edr/collections/closed-form/instances/one"
FEW_DAYS = {"datetime": "2020-01-02/2020-01-05"}
POLYGON = "POLYGON((170 40,190 40,200 85,170 85,170 40))"
QUERIES = {
    "area": {"coords": POLYGON},
    "radius": {"coords": "POINT(0 90)", "within": "900", "within-units": "km"},
    "cube": {"bbox": "170,-88,-170,70"},
    "corridor": {"coords": "LINESTRING(0 1.5,12 60)", "corridor-width": "700", "width-units": "km"},
    "locations/FRA": {},
}


def coverages(client, query, **parameters):
    answer = client.get(f"{ONE}/{query}", params=parameters)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    return {name: one for one in document.get("coverages", [document]) for name in one["ranges"]}


def cells_of(coverage, name):
    """Return the values of all cells (steps, levels, cells) of the whole cut, and their latitudes."""
    array, axes = coverage["ranges"][name], coverage["domain"]["axes"]
    steps = len(axes["t"]["values"])
    levels = 4 if name == "ta" else 1
    values = np.array(array["values"], np.float64).reshape(steps, levels, -1)
    if "composite" in axes:
        latitude = [place[1] for place in axes["composite"]["values"]][: values.shape[2]]
    else:
        latitude = np.repeat(axes["y"]["values"], len(axes["x"]["values"]))
    return values, np.array(latitude)


def oracle(values, latitude, method):
    if method == "mean":
        # Of a cell of 3 by 3 degrees: the difference of the sines of its edges.
        low, high = np.radians(latitude - 1.5), np.radians(latitude + 1.5)
        return np.average(values, axis=2, weights=np.sin(high) - np.sin(low))
    return {"min": np.min, "max": np.max, "sum": np.sum}[method](values, axis=2)


@pytest.mark.parametrize("method", ["mean", "min", "max", "sum"])
@pytest.mark.parametrize("query", QUERIES)
def test_value_of_a_region_is_made_of_the_values_of_its_cells(level_client, query, method):
    given = QUERIES[query] | FEW_DAYS
    whole, one = (coverages(level_client, query, **given, **more) for more in ({}, {"aggregate": method}))
    assert list(one) == list(whole) == ["ta", "wind"]
    for name in whole:
        values, latitude = cells_of(whole[name], name)
        assert values.shape[2] > 3
        found = np.array(one[name]["ranges"][name]["values"]).reshape(values.shape[:2])
        np.testing.assert_allclose(found, oracle(values, latitude, method), rtol=2e-7)
        parameter = one[name]["parameters"][name]
        word = {"min": "minimum", "max": "maximum"}.get(method, method)
        assert parameter["geoscope:cellMethods"] == f"area: {word}"
        assert f"({method} of the region)" in parameter["description"]["en"]
    assert "geoscope:cellMethods" not in whole["wind"]["parameters"]["wind"]


def test_place_of_a_region_lies_in_its_box_over_the_date_line_too(level_client):
    for query, edges in (
        ("area", (171, -159, 39, 84)),
        ("cube", (171, -171, -87, 69)),
        ("radius", (-180, 180, 81, 90)),
    ):
        coverage = coverages(level_client, query, aggregate="mean", **QUERIES[query], **FEW_DAYS)["wind"]
        Coverage.model_validate(coverage)
        assert coverage["domain"]["domainType"] == "PointSeries"
        axes = coverage["domain"]["axes"]
        for name in ("x", "y"):
            [value], (low, high) = axes[name]["values"], axes[name]["bounds"]
            assert low <= value <= high
        assert -180 <= axes["x"]["values"][0] <= 180
        assert axes["y"]["bounds"] == pytest.approx(edges[2:], abs=1.6)
        if query != "radius":
            # Near a pole cells are narrow: there the box is a little too wide.
            slack = 1.6 / np.cos(np.radians(max(np.abs(edges[2:]))))
            west, east = (edge % 360 for edge in axes["x"]["bounds"])
            assert (west, east) == pytest.approx([edge % 360 for edge in edges[:2]], abs=slack)


def test_series_of_a_region_is_the_same_in_every_form(level_client, tmp_path, monkeypatch):
    given = {"coords": POLYGON, "aggregate": "mean", "parameter-name": "ta", "z": "850"}
    expected = None
    for block in (cutting.BLOCK_VALUES, 500):
        monkeypatch.setattr(cutting, "BLOCK_VALUES", block)
        contents = {}
        for form in Form:
            answer = level_client.get(f"{ONE}/area", params=given | {"f": form.value})
            assert answer.status_code == 200, answer.text
            if form is not Form.COVERAGE_JSON:
                assert f'"closed-form-one-area-mean{form.suffix}"' in answer.headers["content-disposition"]
            contents[form] = answer.content
        coverage = Coverage.model_validate_json(contents[Form.COVERAGE_JSON])
        values = np.array(coverage.ranges["ta"].values, np.float32)
        expected = values if expected is None else expected
        assert len(values) == 400
        np.testing.assert_array_equal(values, expected)
        rows = pd.read_csv(io.BytesIO(contents[Form.CSV]))
        np.testing.assert_array_equal(rows["ta (K)"].to_numpy(np.float32), values)
        assert rows["longitude"].unique().tolist() == coverage.domain.axes.x.values
        table_ = pyarrow.parquet.read_table(io.BytesIO(contents[Form.PARQUET]))
        np.testing.assert_array_equal(table_["ta"].to_numpy(), values)
        assert table_.schema.field("ta").metadata[b"cell_methods"] == b"area: mean"
        archive = tmp_path / f"{block}.zip"
        archive.write_bytes(contents[Form.ZARR])
        with (
            xr.open_dataset(io.BytesIO(contents[Form.NETCDF]), engine="h5netcdf") as netcdf,
            ZipStore(archive, mode="r") as store,
            xr.open_zarr(store, consolidated=True) as zarr,
        ):
            for dataset in (netcdf, zarr):
                np.testing.assert_array_equal(dataset["ta"].values.ravel(), values)
                assert dataset["ta"].attrs["cell_methods"] == "area: mean"
                assert "cell" not in dataset.variables
                for name, axis in (("longitude", "x"), ("latitude", "y")):
                    assert dataset[name].attrs["bounds"] == f"{name}_bounds"
                    bounds = getattr(coverage.domain.axes, axis).bounds
                    assert dataset[f"{name}_bounds"].values.tolist() == [bounds]


def random_values(cells):
    values = np.random.default_rng(7).normal(280, 10, (6, 2, cells)).astype(np.float32)
    values[np.random.default_rng(8).random(values.shape) < 0.3] = np.nan
    values[2, 1] = np.nan
    return values


def test_missing_values_do_not_count_and_weights_are_those_of_the_others():
    grid = HealpixGrid(5)
    region = Area(country("BRA").outline).select(grid)
    values = random_values(len(region.cells))
    weights = np.where(np.isnan(values), 0, np.random.default_rng(9).random(values.shape[2]))
    with np.errstate(invalid="ignore"):
        weighted = np.where(weights > 0, values * weights, 0).sum(axis=2) / weights.sum(axis=2)
    sums = np.nansum(values.astype(float), axis=2)
    sums[2, 1] = np.nan
    valued = values.copy()
    valued[2, 1] = 0
    none = np.where(np.arange(12).reshape(6, 2) == 5, np.nan, 1)
    expected = {
        # HEALPix's cells are equal.
        Aggregate.MEAN: np.nanmean(valued, axis=2) * none,
        Aggregate.MIN: np.nanmin(valued, axis=2) * none,
        Aggregate.MAX: np.nanmax(valued, axis=2) * none,
        Aggregate.SUM: sums,
    }
    for method, wanted in expected.items():
        found = Aggregation.over(grid, region, method).apply(values)
        assert (found.dtype, found.shape) == (np.float32, (6, 2, 1))
        np.testing.assert_allclose(found[..., 0], wanted, rtol=1e-6)
    uneven = Aggregation(
        Aggregate.MEAN, region.cells, weights.max(axis=(0, 1)), region, HealpixGrid(5).bounds
    )
    np.testing.assert_allclose(uneven.apply(values)[..., 0], weighted, rtol=1e-6)


def test_mean_of_the_sea_leaves_out_the_land(client, sources):
    given = {"coords": "POLYGON((-30 35,20 35,20 60,-30 60,-30 35))"}
    path = "/edr/collections/nemo-ocean/area"
    whole, mean = (client.get(path, params=given | more).json() for more in ({}, {"aggregate": "mean"}))
    values = np.array(whole["ranges"]["tos"]["values"], float).reshape(whole["ranges"]["tos"]["shape"])
    assert np.isnan(values).any()
    found = np.array(mean["ranges"]["tos"]["values"])
    # Its cells are of different size, but not by much here.
    np.testing.assert_allclose(found, np.nanmean(values, axis=1), atol=1.0)
    assert not np.array_equal(found, np.nanmean(values, axis=1).astype(np.float32))
    assert (
        sources["nemo-ocean/monthly-2015"]["tos"].attrs.get("cell_methods", "")
        in (mean["parameters"]["tos"]["geoscope:cellMethods"])
    )


def test_cells_that_repeat_a_place_count_once():
    longitude, latitude = np.meshgrid(np.arange(0.0, 362.0, 2.0), np.arange(-60.0, 61.0, 2.0))
    grid = CurvilinearGrid(longitude, latitude, ("y", "x"))
    region = Box(-10.0, -10.0, 10.0, 10.0).select(grid)
    twice = Aggregation.over(grid, region, Aggregate.SUM)
    assert len(region.cells) == 11 * 12
    assert twice.apply(np.ones((1, 1, len(twice.cells)), np.float32)).item() == 11 * 11


def test_places_without_order_have_no_mean_but_a_maximum():
    generator = np.random.default_rng(1)
    grid = ScatteredGrid(generator.uniform(-20, 20, 500), generator.uniform(-20, 20, 500), "places")
    region = Box(-10.0, -10.0, 10.0, 10.0).select(grid)
    with pytest.raises(InvalidInputError, match="no areas"):
        Aggregation.over(grid, region, Aggregate.MEAN)
    values = random_values(len(region.cells))
    found = Aggregation.over(grid, region, Aggregate.MAX).apply(values)
    assert found[0, 0, 0] == np.nanmax(values[0, 0])


@pytest.mark.parametrize(
    ("query", "parameters", "said"),
    [
        ("area", {"coords": POLYGON, "aggregate": "median"}, "Expected one of: mean, min, max, sum."),
        ("area", {"coords": POLYGON, "aggregate": ""}, "Expected one of: mean"),
        ("position", {"coords": "POINT(1 1)", "aggregate": "mean"}, "no parameter 'aggregate'"),
        ("trajectory", {"coords": "LINESTRING(0 0,9 9)", "aggregate": "mean"}, "no parameter 'aggregate'"),
        ("cube", {"bbox": "0,0,9,9", "resolution-x": "5", "aggregate": "mean"}, "resolution-x"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(level_client, query, parameters, said):
    answer = level_client.get(f"{ONE}/{query}", params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert said in answer.json()["detail"]


def test_estimate_and_limits_count_what_is_read(level_client, monkeypatch):
    monkeypatch.setenv("GEOSCOPE_CUTS__MAX_VALUES", "1000")
    current_settings.cache_clear()
    given = {"coords": "POLYGON((0 0,30 0,30 30,0 30,0 0))", "z": "850", "aggregate": "mean"}
    whole, one = (
        level_client.get(f"{ONE}/area", params=each | {"estimate": "true"}).json()
        for each in ({name: given[name] for name in ("coords", "z")}, given)
    )
    assert one["estimate"]["values"] == 400
    assert one["estimate"]["valuesToRead"] == whole["estimate"]["valuesToRead"] == 40_000
    assert one["estimate"]["bytesToRead"] == whole["estimate"]["bytesToRead"]
    assert one["estimate"]["answerBytes"] < whole["estimate"]["answerBytes"] / 10
    assert one["allowed"] is False
    refused = level_client.get(f"{ONE}/area", params=given)
    assert refused.status_code == 413
    assert "made of 40,000 values" in refused.json()["detail"]
    assert refused.json()["job"]["body"]["inputs"]["parameters"] == given
    current_settings.cache_clear()


@pytest.mark.parametrize("form", list(Form))
def test_no_more_cells_are_read_at_once_than_a_block_has(level_cubes, form, monkeypatch):
    """An answer of a few values must not lead a form to ask for all of its steps at once."""
    monkeypatch.setattr(cutting, "BLOCK_VALUES", 20_000)
    sizes, read = [], Cube.read

    async def counted(*arguments):
        found = await read(*arguments)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(Cube, "read", counted)
    given = {"bbox": "0,0,45,45", "aggregate": "mean", "f": form.value}

    async def consume():
        cube = await Cube.open(LocalStore(level_cubes[0] / "closed-form" / "one.zarr", read_only=True))
        cuts = plan_cuts("one", cube, read_question(Kind.CUBE, given))
        return [len(piece) async for piece in answers.pieces_of(cuts, form, "title")]

    asyncio.run(consume())
    assert sum(sizes) == 225 * 400 * 5
    assert max(sizes) <= 20_000


def test_cells_of_a_region_are_found_once_for_a_grid(monkeypatch):
    kept, asked = KeptSelections(2**20), []
    select = Area.select

    def counted(self, grid):
        asked.append(self)
        return select(self, grid)

    monkeypatch.setattr(Area, "select", counted)
    text = country("FRA").outline.wkt
    france, again = Area(read_polygon(text)), Area(read_polygon(text))
    first = kept.select(HealpixGrid(7), france)
    assert kept.select(HealpixGrid(7), again) is first
    assert len(kept.aggregate(HealpixGrid(7), again, Aggregate.MEAN).cells) == len(first.cells)
    assert len(asked) == 1
    assert kept.select(HealpixGrid(6), france) is not first
    assert len(asked) == 2
    with pytest.raises(NotFoundError):
        kept.select(HealpixGrid(3), Area(country("VAT").outline))


def test_points_are_the_same_region_if_their_numbers_are():
    one, same, other = (Circles(read_points(f"POINT({x} 50)", "POINT"), 1e5) for x in ("10", "10.0", "11"))
    assert one == same != other
    assert hash(one) == hash(same)
    assert one != Circles(read_points("POINT Z(10 50 1)", "POINT"), 1e5)


def test_kept_selections_take_no_more_than_they_may():
    kept = KeptSelections(200_000)
    for west in range(-170, 160, 10):
        kept.select(HealpixGrid(5), Box(west, -20.0, west + 10.0, 20.0))
        assert kept.held_bytes <= 200_000
    assert len(kept._kept) > 3
    large = Box(-180.0, -90.0, 180.0, 90.0)
    assert isinstance(kept.select(HealpixGrid(5), large), Selection)
    assert (HealpixGrid(5), large) not in kept._kept


def test_decimals_of_tables_are_the_shortest_and_missing_values_empty():
    values = table._decimals(np.array([1.5, np.nan, -3.25], np.float32))
    assert values.to_pylist() == [",1.5", ",", ",-3.25"]
    assert table._decimals(np.array([0.1, 1e20, 1e-7], np.float32)).to_pylist() == [",0.1", ",1e+20", ",1e-7"]
