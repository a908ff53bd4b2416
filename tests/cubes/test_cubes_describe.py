"""A description says the true extents, and is valid STAC."""

import numpy as np
import pytest
import shapely
import xarray as xr

from geoscope.cubes.describe import describe
from geoscope.cubes.detect import detect_grid
from geoscope.errors import InvalidInputError


def test_rectilinear_extent_goes_to_the_edges_of_the_cells(sources):
    described = describe(sources["uk-met-office-scenarios/a1b"])
    assert described.bbox == pytest.approx([-135.9375, 14.375, -44.0625, 60.625])
    assert shapely.geometry.shape(described.geometry).bounds == pytest.approx(tuple(described.bbox))


def test_time_is_described_in_the_calendar_of_the_cube(sources):
    described = describe(sources["uk-met-office-scenarios/a1b"])
    assert (described.start, described.end) == ("1860-06-01T00:00:00Z", "2099-06-01T00:00:00Z")
    assert described.calendar == "360_day"
    time = described.dimensions["time"]
    assert (time["type"], time["step"], len(time["values"])) == ("temporal", "P1Y", 240)


@pytest.mark.parametrize(
    ("freq", "step"),
    [("h", "PT1H"), ("15min", "PT15M"), ("D", "P1D"), ("5D", "P5D"), ("MS", "P1M"), ("YS", "P1Y")],
)
def test_step_between_times(freq, step):
    times = xr.date_range("2001-01-01", periods=5, freq=freq)
    dataset = xr.Dataset(
        {"t": (("time", "latitude", "longitude"), np.zeros((5, 2, 2)))},
        {
            "time": times,
            "latitude": ("latitude", [0.0, 1.0], {"units": "degrees_north"}),
            "longitude": ("longitude", [0.0, 1.0], {"units": "degrees_east"}),
        },
    )
    assert describe(dataset).dimensions["time"]["step"] == step


def test_variables_and_axes_are_described(sources):
    described = describe(sources["ostia-sea-surface-temperature/monthly-2006-2010"])
    variable = described.variables["surface_temperature"]
    assert variable["dimensions"] == ["time", "latitude", "longitude"]
    assert (variable["type"], variable["unit"]) == ("data", "K")
    assert variable["attrs"]["standard_name"] == "surface_temperature"
    longitude = described.dimensions["longitude"]
    assert (longitude["axis"], longitude["reference_system"], longitude["unit"]) == (
        "x",
        4326,
        "degrees_east",
    )
    assert longitude["step"] == pytest.approx(360 / 432, abs=1e-4)


def test_outline_of_a_projected_grid_holds_its_cells_and_little_else(sources):
    dataset = sources["toa-brightness-temperature/seviri-2016-05-16"]
    described = describe(dataset)
    outline = shapely.geometry.shape(described.geometry)
    assert outline.is_valid
    assert outline.exterior.is_ccw
    longitude, latitude = dataset.longitude.values[5:-5, 5:-5], dataset.latitude.values[5:-5, 5:-5]
    assert shapely.contains_xy(outline, longitude, latitude).all()
    west, south, east, north = described.bbox
    places = np.random.default_rng(0).uniform((west, south), (east, north), (5000, 2))
    inside = shapely.contains_xy(outline, places[:, 0], places[:, 1])
    found = detect_grid(dataset).locate(places[:, 0], places[:, 1]) >= 0
    assert np.mean(inside != found) < 0.02
    assert described.dimensions["x"]["reference_system"]["type"] == "ProjectedCRS"


def test_global_curvilinear_grid_covers_all_longitudes(sources):
    described = describe(sources["nemo-ocean/monthly-2015"])
    west, _, east, north = described.bbox
    assert (west, east, north) == (-180, 180, 90)
    assert described.dimensions["y"]["extent"] == [0, 329]


def test_box_across_the_date_line_is_cut_there():
    dataset = xr.Dataset(
        {"t": (("lat", "lon"), np.zeros((3, 21)))},
        {
            "lat": ("lat", [-10.0, 0.0, 10.0], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(170.0, 191.0), {"units": "degrees_east"}),
            "time": ((), np.datetime64("2020-01-01", "ns"), {"standard_name": "time"}),
        },
    )
    described = describe(dataset)
    assert described.bbox == [169.5, -15, -169.5, 15]
    geometry = shapely.geometry.shape(described.geometry)
    assert geometry.geom_type == "MultiPolygon"
    assert geometry.area == pytest.approx(21 * 30)


def test_dataset_without_time_is_refused(sources):
    dataset = sources["toa-brightness-temperature/seviri-2016-05-16"].drop_vars("time")
    with pytest.raises(InvalidInputError, match="has no time"):
        describe(dataset)
