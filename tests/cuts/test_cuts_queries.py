"""Each query answers with the values of the cells that it names: closed forms, and real data with levels."""

import numpy as np
import pytest
from covjson_pydantic.coverage import Coverage, CoverageCollection

from geoscope.cubes.cube import Cube

ONE = "/edr/collections/closed-form/instances/one"
JANUARY_2 = {"datetime": "2020-01-02"}
WIDE = {"corridor-width": "700", "width-units": "km"}


def ask(client, query, **parameters):
    """Ask and check that the answer is valid CoverageJSON."""
    answer = client.get(
        f"{ONE}/{query}", params={key.replace("_", "-"): value for key, value in parameters.items()}
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    if "Section" not in answer.text:  # of the standard, and unknown to the validator
        model = Coverage if document["type"] == "Coverage" else CoverageCollection
        model.model_validate_json(answer.content)
    return document


def values_of(coverage, name):
    array = coverage["ranges"][name]
    return np.array(array["values"], np.float64).reshape(array["shape"]), array["axisNames"]


def cell_of(longitude, latitude):
    row = np.round((88.5 - np.asarray(latitude)) / 3)
    return row * 120 + np.round((np.asarray(longitude) + 178.5) / 3 % 120)


def temperature(step, level, longitude, latitude):
    return np.float32(step * 40_000 + level * 10_000 + cell_of(longitude, latitude))


def places_of(coverage):
    composite = coverage["domain"]["axes"]["composite"]
    return dict(zip(composite["coordinates"], zip(*composite["values"], strict=True), strict=True))


def test_position_with_one_level_is_a_series(level_client):
    coverage = ask(level_client, "position", coords="POINT(10 50)", z="850", datetime="2020-01-03/2020-01-05")
    assert coverage["domain"]["domainType"] == "PointSeries"
    assert coverage["domain"]["axes"]["z"] == {"values": [850.0]}
    values, axes = values_of(coverage, "ta")
    assert axes == ["t", "z", "y", "x"]
    assert values.ravel().tolist() == [temperature(step, 1, 10.5, 49.5) for step in (2, 3, 4)]


def test_position_with_one_time_is_a_profile(level_client):
    coverage = ask(level_client, "position", coords="POINT(10 50)", parameter_name="ta", **JANUARY_2)
    assert coverage["domain"]["domainType"] == "VerticalProfile"
    assert values_of(coverage, "ta")[0].ravel().tolist() == [
        temperature(1, level, 10.5, 49.5) for level in range(4)
    ]
    vertical = next(each for each in coverage["domain"]["referencing"] if each["coordinates"] == ["z"])
    assert vertical["system"]["cs"]["csAxes"][0]["unit"] == {"symbol": "hPa"}


def test_position_with_levels_and_times_is_a_grid_and_what_has_no_levels_a_coverage_of_its_own(level_client):
    document = ask(level_client, "position", coords="POINT(10 50)", datetime="2020-01")
    grid, series = document["coverages"]
    assert (grid["domain"]["domainType"], series["domain"]["domainType"]) == ("Grid", "PointSeries")
    values, axes = values_of(grid, "ta")
    assert (values.shape, axes) == ((31, 4, 1, 1), ["t", "z", "y", "x"])
    assert values[30, 3, 0, 0] == temperature(30, 3, 10.5, 49.5)
    assert list(series["ranges"]) == ["wind"]


def test_z_of_a_point_is_its_level(level_client):
    given = {"datetime": "2020-01", "parameter_name": "ta"}
    by_point = ask(level_client, "position", coords="POINT Z(10 50 500)", **given)
    assert by_point == ask(level_client, "position", coords="POINT(10 50)", z="500", **given)


def test_points_have_a_cell_each_in_their_order(level_client):
    coverage = ask(
        level_client, "position", coords="MULTIPOINT((10 50),(-20 -60),(10 50))", z="1000,850", **JANUARY_2
    )
    assert coverage["domain"]["domainType"] == "MultiPointSeries"
    places = places_of(coverage)
    assert places["x"] == (10.5, -19.5, 10.5) * 2
    assert places["z"] == (1000, 1000, 1000, 850, 850, 850)
    values, axes = values_of(coverage, "ta")
    assert axes == ["t", "composite"]
    expected = temperature(1, np.repeat([0, 1], 3), places["x"], places["y"])
    assert np.array_equal(values[0], expected)


def test_points_with_z_have_a_level_each(level_client):
    coverage = ask(
        level_client,
        "position",
        coords="MULTIPOINT Z((10 50 1000),(-20 -60 260))",
        parameter_name="ta",
        **JANUARY_2,
    )
    places = places_of(coverage)
    assert places["z"] == (1000, 250)
    assert np.array_equal(
        values_of(coverage, "ta")[0][0], temperature(1, np.array([0, 3]), places["x"], places["y"])
    )


@pytest.mark.parametrize(
    ("z", "levels"),
    [
        ("850", [850]),
        ("250,1000", [1000, 250]),
        ("400/900", [850, 500]),
        ("900/400", [850, 500]),
        ("R3/250/250", [500, 250]),
        ("0/2000", [1000, 850, 500, 250]),
    ],
)
def test_levels_are_chosen_by_value_list_range_and_repeats(level_client, z, levels):
    coverage = ask(level_client, "position", coords="POINT(10 50)", z=z, **JANUARY_2)
    assert coverage["domain"]["axes"]["z"]["values"] == levels
    assert list(coverage["ranges"]) == ["ta"]


def test_radius_over_the_pole_and_the_date_line(level_client):
    for point, count in (("POINT(0 90)", 120), ("POINT(180 0)", 4)):
        coverage = ask(
            level_client,
            "radius",
            coords=point,
            within="250",
            within_units="km",
            parameter_name="wind",
            **JANUARY_2,
        )
        places = places_of(coverage)
        assert len(places["x"]) == count
        assert np.array_equal(values_of(coverage, "wind")[0][0], 10_000 + cell_of(places["x"], places["y"]))


@pytest.mark.parametrize(
    ("within", "units"), [("500", "km"), ("500000", "m"), ("310.6856", "mi"), ("269.978", "NMI")]
)
def test_radius_is_measured_in_several_units(level_client, within, units):
    given = {"coords": "POINT(10 50)", "parameter_name": "wind"} | JANUARY_2
    places = places_of(ask(level_client, "radius", within=within, within_units=units, **given))
    assert len(places["x"]) == 12


def test_area_has_the_cells_whose_centres_are_inside_over_the_date_line_too(level_client):
    for polygon in (
        "POLYGON((170 -10,190 -10,190 10,170 10,170 -10))",
        (
            "MULTIPOLYGON(((170 -10,180 -10,180 10,170 10,170 -10)),"
            "((-180 -10,-170 -10,-170 10,-180 10,-180 -10)))"
        ),
    ):
        coverage = ask(level_client, "area", coords=polygon, parameter_name="wind", datetime="2020-02")
        places = places_of(coverage)
        assert sorted(set(places["x"])) == [-178.5, -175.5, -172.5, 172.5, 175.5, 178.5]
        assert sorted(set(places["y"])) == [-7.5, -4.5, -1.5, 1.5, 4.5, 7.5]
        values, _ = values_of(coverage, "wind")
        assert np.array_equal(
            values[28], (59 * 10_000 + cell_of(places["x"], places["y"])).astype(np.float32)
        )


def test_cube_is_a_grid_with_the_axes_of_the_data_over_the_date_line_too(level_client):
    coverage = ask(level_client, "cube", bbox="170,0,400,-170,10,900", **JANUARY_2)
    axes = coverage["domain"]["axes"]
    assert coverage["domain"]["domainType"] == "Grid"
    assert axes["x"]["values"] == [172.5, 175.5, 178.5, 181.5, 184.5, 187.5]
    assert axes["y"]["values"] == [7.5, 4.5, 1.5]
    assert axes["z"]["values"] == [850.0, 500.0]
    values, names = values_of(coverage, "ta")
    assert names == ["t", "z", "y", "x"]
    latitude, longitude = np.meshgrid(axes["y"]["values"], axes["x"]["values"], indexing="ij")
    assert np.array_equal(values[0, 1], temperature(1, 2, longitude, latitude))


def test_cube_with_a_resolution_has_so_many_places_from_edge_to_edge(level_client):
    coverage = ask(
        level_client,
        "cube",
        bbox="0,0,10,10",
        resolution_x="5",
        resolution_y="3",
        parameter_name="wind",
        **JANUARY_2,
    )
    axes = coverage["domain"]["axes"]
    assert axes["x"]["values"] == [0, 2.5, 5, 7.5, 10]
    assert axes["y"]["values"] == [0, 5, 10]
    nearest = 1.5 + 3 * np.floor(np.array(axes["x"]["values"]) / 3)
    values, _ = values_of(coverage, "wind")
    assert np.array_equal(values[0, 1], 10_000 + cell_of(nearest, 4.5))


def test_trajectory_is_what_lies_along_the_way(level_client):
    coverage = ask(
        level_client, "trajectory", coords="LINESTRING(172 1,-172 1)", parameter_name="wind", **JANUARY_2
    )
    places = places_of(coverage)
    assert places["x"] == (172.5, 175.5, 178.5, -178.5, -175.5, -172.5)
    assert set(places["y"]) == {1.5}
    assert np.array_equal(values_of(coverage, "wind")[0][0], 10_000 + cell_of(places["x"], places["y"]))


def test_trajectory_with_times_and_levels_has_its_own_in_each_cell(level_client):
    start = int(np.datetime64("2020-01-01T12:00", "s").astype(int))
    end = start + 4 * 86_400
    coverage = ask(
        level_client,
        "trajectory",
        coords=f"LINESTRING ZM(0.1 1 1000 {start},14.9 1 250 {end})",
        parameter_name="ta",
    )
    assert coverage["domain"]["domainType"] == "Trajectory"
    places = places_of(coverage)
    assert places["x"] == (1.5, 4.5, 7.5, 10.5, 13.5)
    assert [time[:10] for time in places["t"]] == [f"2020-01-0{day}" for day in range(1, 6)]
    assert places["z"] == (1000, 850, 500, 500, 250)
    values, axes = values_of(coverage, "ta")
    assert axes == ["composite"]
    expected = temperature(np.arange(5), np.array([0, 1, 2, 2, 3]), places["x"], places["y"])
    assert np.array_equal(values, expected)


def test_trajectory_with_times_through_all_levels_is_a_section(level_client):
    start = int(np.datetime64("2020-01-01T12:00", "s").astype(int))
    coverage = ask(
        level_client,
        "trajectory",
        coords=f"LINESTRINGM(1 1 {start},8 1 {start + 172_800})",
        parameter_name="ta",
    )
    assert coverage["domain"]["domainType"] == "Section"
    values, axes = values_of(coverage, "ta")
    assert axes == ["z", "composite"]
    expected = temperature(np.arange(3), np.arange(4)[:, None], np.array([1.5, 4.5, 7.5]), 1.5)
    assert np.array_equal(values, expected)


def test_corridor_has_the_cells_beside_the_way_and_the_levels_around_it(level_client):
    given = {"corridor_width": "700", "width_units": "km", "corridor_height": "400", "height_units": "hPa"}
    coverage = ask(
        level_client, "corridor", coords="LINESTRING Z(0 1.5 900,12 1.5 900)", **given, **JANUARY_2
    )
    places = places_of(coverage)
    assert set(places["z"]) == {1000, 850}
    assert set(places["y"]) == {-1.5, 1.5, 4.5}
    expected = temperature(1, np.repeat([0, 1], len(places["x"]) // 2), places["x"], places["y"])
    assert np.array_equal(values_of(coverage, "ta")[0][0], expected)


def test_locations_are_countries_as_geojson_that_lead_to_cuts(level_client):
    found = level_client.get(f"{ONE}/locations").json()
    names = {feature["id"]: feature["properties"]["name"] for feature in found["features"]}
    assert names["FRA"] == "France"
    assert found["numberMatched"] == found["numberReturned"] == len(names) > 200
    france = next(feature for feature in found["features"] if feature["id"] == "FRA")
    by_href = level_client.get(france["properties"]["href"], params=JANUARY_2)
    assert by_href.status_code == 200
    for name in ("france", "FR", "250"):
        assert level_client.get(f"{ONE}/locations/{name}", params=JANUARY_2).content == by_href.content
    few = level_client.get(f"{ONE}/locations", params={"bbox": "5,45,8,47", "limit": "2"}).json()
    assert few["numberReturned"] == 2
    assert few["numberMatched"] < 6


def test_country_has_its_own_cells_and_not_its_neighbours(level_client):
    places = places_of(ask(level_client, "locations/Brazil", parameter_name="wind", **JANUARY_2))
    assert (-52.5, -13.5) in zip(places["x"], places["y"], strict=True)
    assert (-64.5, -34.5) not in zip(places["x"], places["y"], strict=True)
    answer = level_client.get(f"{ONE}/locations/Brasil")
    assert answer.status_code == 404
    assert "Did you mean Brazil" in answer.json()["detail"]


def test_epsg_4326_has_the_latitude_first(level_client):
    given = {"parameter_name": "wind"} | JANUARY_2
    assert ask(level_client, "position", coords="POINT(50 10)", crs="EPSG:4326", **given) == ask(
        level_client, "position", coords="POINT(10 50)", **given
    )
    assert ask(level_client, "cube", bbox="40,0,50,10", crs="EPSG:4326", **given) == ask(
        level_client, "cube", bbox="0,40,10,50", **given
    )


def test_rotated_pole_with_levels_and_no_time(level_client, level_sources):
    source = level_sources["hybrid-height"]
    path = "/edr/collections/hybrid-height"
    west, south, east, north = level_client.get(path).json()["extent"]["spatial"]["bbox"][0]
    longitude, latitude = (west + east) / 2, (south + north) / 2
    profile = level_client.get(f"{path}/position", params={"coords": f"POINT({longitude} {latitude})"})
    coverage = Coverage.model_validate_json(profile.content)
    assert coverage.domain.domainType.value == "VerticalProfile"
    [found] = coverage.ranges.values()
    columns = (
        source["air_potential_temperature"]
        .stack(cell=("grid_latitude", "grid_longitude"))
        .transpose("cell", ...)
    )
    assert any(np.array_equal(column, np.array(found.values, np.float32)) for column in columns.values)
    size = (north - south) / 4
    box = f"{longitude - size},{latitude - size},{longitude + size},{latitude + size}"
    answer = level_client.get(f"{path}/cube", params={"bbox": box})
    places = places_of(answer.json())
    assert max(places["x"]) <= longitude + size
    assert min(places["y"]) >= latitude - size
    lattice = level_client.get(
        f"{path}/cube", params={"bbox": box, "resolution-x": "4", "resolution-y": "3"}
    ).json()
    assert lattice["ranges"]["air_potential_temperature"]["shape"][-2:] == [3, 4]


def test_curvilinear_grid_is_cut_to_a_country(client, sources):
    answer = client.get("/edr/collections/nemo-ocean/locations/GRL")
    assert answer.status_code in (200, 404)
    sea = client.get(
        "/edr/collections/nemo-ocean/area", params={"coords": "POLYGON((-30 35,-20 35,-20 45,-30 45,-30 35))"}
    )
    coverage = Coverage.model_validate_json(sea.content)
    source = sources["nemo-ocean/monthly-2015"]
    inside = (
        (source.longitude >= -30)
        & (source.longitude <= -20)
        & (source.latitude >= 35)
        & (source.latitude <= 45)
    ).values
    expected = source["tos"].values[:, inside]
    found = np.array(coverage.ranges["tos"].values, np.float32).reshape(coverage.ranges["tos"].shape)
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("query", "parameters", "status", "said"),
    [
        ("position", {"coords": "POINT(10 50)", "z": "700"}, 404, "1000, 850, 500, 250"),
        ("position", {"coords": "POINT(10 50)", "z": "high"}, 400, "R3/500/250"),
        ("position", {"coords": "POINT(10 50)", "z": "R999999/1/1"}, 400, "z="),
        # Searched in quadratic time, this would keep the process busy for minutes.
        ("position", {"coords": "POINT(10 50)", "z": "1" * 50_000 + "x"}, 400, "z="),
        ("position", {"coords": "POINT Z(10 50 850)", "z": "850"}, 400, "Both coords and z"),
        ("radius", {"coords": "POINT(10 50)"}, 400, "within is missing"),
        ("radius", {"coords": "POINT(10 50)", "within": "5", "within-units": "parsec"}, 400, "km"),
        ("radius", {"coords": "POINT(10 50)", "within": "1e300", "within-units": "km"}, 400, "fit on Earth"),
        ("radius", {"coords": "POINT(10 50)", "within": "-1", "within-units": "km"}, 400, "within"),
        ("radius", {"coords": "POINT(10 50)", "within": "nan", "within-units": "km"}, 400, "within"),
        (
            "radius",
            {"coords": "POINT(10 50)", "within": "1", "within-units": "km"},
            404,
            "smaller than a cell",
        ),
        ("area", {"coords": "POLYGON((0 0,1 1,1 0,0 1,0 0))"}, 400, "Self-intersection"),
        ("area", {"coords": "POLYGON((0 0,9 9,9 0))"}, 400, "cannot be read"),
        ("area", {"coords": "POINT(1 1)"}, 400, "coords is a POINT"),
        ("area", {"coords": "POLYGON((0 nan,9 9,9 0,0 nan))"}, 400, "coords"),
        ("area", {"coords": "GEOMETRYCOLLECTION(POINT(1 1))"}, 400, "GEOMETRYCOLLECTION"),
        ("cube", {"bbox": "0,0,10"}, 400, "4 numbers"),
        ("cube", {"bbox": "0,10,10,0"}, 400, "no box on Earth"),
        ("cube", {"bbox": "0,0,inf,1"}, 400, "4 numbers"),
        ("cube", {"bbox": "0,0,10,10", "resolution-x": "1000000"}, 400, "resolution-x"),
        ("trajectory", {"coords": "LINESTRING(0 0)"}, 400, "cannot be read"),
        ("trajectory", {"coords": "LINESTRINGM(0 0 1,5 5 2)"}, 404, "outside of the data"),
        ("trajectory", {"coords": "LINESTRINGM(0 0 9,5 5 2)"}, 400, "go back"),
        (
            "trajectory",
            {"coords": "LINESTRINGM(0 0 1,5 5 2)", "datetime": "2020"},
            400,
            "Both coords and datetime",
        ),
        ("corridor", {"coords": "LINESTRING(0 0,1 1)"}, 400, "corridor-width is missing"),
        ("corridor", {"coords": "LINESTRINGM(0 0 1e300,5 5 1e301)"} | WIDE, 404, "outside of the data"),
        (
            "corridor",
            {"coords": "LINESTRINGZ(0 0 900,5 5 900)", "corridor-height": "4", "height-units": "m"} | WIDE,
            400,
            "Expected hPa",
        ),
        ("locations/atlantis", {}, 404, "ISO 3166-1"),
        ("position", {"coords": "POINT(10 50)", "estimate": "perhaps"}, 400, "true or false"),
    ],
)
def test_bad_queries_are_refused_with_what_would_fit(level_client, query, parameters, status, said):
    answer = level_client.get(f"{ONE}/{query}", params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


def test_times_of_a_path_are_everyday_dates_in_any_calendar(client):
    """After eighty years, a year of 360 days is more than a year late."""
    scenario = "/edr/collections/uk-met-office-scenarios/instances/a1b"
    first, last = (int(np.datetime64(day, "s").astype(int)) for day in ("2050-01-31", "2051-09-30"))
    path = {"coords": f"LINESTRINGM(-100 40 {first},-90 40 {last})"}
    flown = client.get(f"{scenario}/trajectory", params=path).json()
    times = [place[0] for place in flown["domain"]["axes"]["composite"]["values"]]
    assert (times[0], times[-1]) == ("2050-06-01T00:00:00Z", "2051-06-01T00:00:00Z")
    beside = client.get(f"{scenario}/corridor", params=path | WIDE).json()
    assert beside["domain"]["axes"]["t"]["values"] == ["2050-06-01T00:00:00Z", "2051-06-01T00:00:00Z"]


@pytest.mark.parametrize("query", ["position?coords=POINT(1 1)", "position?coords=POINT(1 1)&f=NetCDF4", ""])
def test_head_tells_what_get_would_and_reads_nothing(level_client, query, monkeypatch):
    got = level_client.get(f"{ONE}/{query}".rstrip("/"))

    async def fails(*_):
        raise AssertionError("Nothing should be read.")

    monkeypatch.setattr(Cube, "read", fails)
    asked = level_client.head(f"{ONE}/{query}".rstrip("/"))
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("content-type", "vary", "cache-control", "content-disposition"):
        assert asked.headers.get(name) == got.headers.get(name)


def test_parameter_that_is_given_twice_is_refused(level_client):
    answer = level_client.get(f"{ONE}/position?coords=POINT(1 1)&coords=POINT(2 2)")
    assert answer.status_code == 400


def test_metadata_name_every_query_the_levels_and_the_forms(level_client):
    document = level_client.get(ONE).json()
    assert set(document["data_queries"]) == {
        "position", "radius", "area", "cube", "trajectory", "corridor", "locations",
    }  # fmt: skip
    said = {
        name: query["link"]["variables"]["description"] for name, query in document["data_queries"].items()
    }
    assert "aggregate (mean, min, max, sum)" in said["locations"]
    assert "aggregate" not in said["position"]
    assert document["extent"]["vertical"]["values"] == ["1000", "850", "500", "250"]
    assert document["output_formats"] == ["CoverageJSON", "NetCDF4", "Zarr", "CSV", "Parquet"]
