"""TileJSON leads a map to the tiles, and tells a page all that it needs for a legend and a time slider."""

import pytest

from local_holdings import write_levels

SCENARIO = "/tiles/collections/uk-met-office-scenarios/items/a1b"


def test_tiles_can_be_asked_as_the_document_says(client):
    document = client.get(
        f"{SCENARIO}/tilejson.json", params={"datetime": "2050", "colormap": "crameri:lajolla"}
    ).json()
    assert document["tilejson"] == "3.0.0"
    (template,) = document["tiles"]
    assert template.startswith(f"http://geoscope.test{SCENARIO}/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?")
    for part in ("variable=air_temperature", "datetime=2050", "colormap=crameri%3Alajolla"):
        assert part in template
    answer = client.get(template.format(z=2, x=0, y=1))
    assert answer.headers["content-type"] == "image/png"


def test_document_carries_times_legend_and_extent(client):
    document = client.get(f"{SCENARIO}/tilejson.json", params={"datetime": "2050"}).json()
    assert len(document["geoscope:times"]) == 240
    assert document["geoscope:time"] == "2050-06-01T00:00:00Z"
    assert document["geoscope:calendar"] == "360_day"
    assert document["bounds"] == pytest.approx([-135.9375, 14.375, -44.0625, 60.625])
    assert document["minzoom"] == 0
    # A cell of 1.25 degrees is 8 pixels wide between zooms 3 and 4.
    assert document["maxzoom"] == 4
    legend = document["geoscope:legend"]
    assert (legend["variable"], legend["unit"], legend["vmin"], legend["vmax"]) == (
        "air_temperature",
        "K",
        255,
        305,
    )
    assert [stop["value"] for stop in legend["stops"]] == [255 + 5 * step for step in range(11)]
    assert all(len(stop["color"]) == 7 for stop in legend["stops"])


def test_global_bounds_stay_within_web_mercator(client):
    document = client.get("/tiles/collections/nemo-ocean/items/monthly-2015/tilejson.json").json()
    assert document["bounds"] == pytest.approx([-180, -85.051129, 180, 85.051129])


@pytest.mark.parametrize(("asked", "level"), [(None, 850), ("500", 500), ("251.5", 250)])
def test_one_of_several_levels_is_drawn_and_named(client, holdings, asked, level):
    holdings.catalogue_documents = holdings.catalogue_documents | write_levels(holdings.folder)
    address = "/tiles/collections/on-levels/items/one"
    query = {"level": asked} if asked else {}
    document = client.get(f"{address}/tilejson.json", params=query).json()
    assert (document["geoscope:levels"], document["geoscope:level_unit"]) == ([850, 500, 250], "hPa")
    assert document["geoscope:level"] == level
    legend = document["geoscope:legend"]
    assert legend["title"] == f"Temperature, {level} hPa"
    # The range is that of the level: its last day has one value, which stands in the middle.
    assert (legend["vmin"] + legend["vmax"]) / 2 == level + 0.25
    tile = document["tiles"][0].format(z=1, x=0, y=0).removeprefix("http://geoscope.test")
    same_colours = {"vmin": 0, "vmax": 1000}
    drawn = client.get(f"{tile}&vmin=0&vmax=1000").content
    others = [
        client.get(f"{address}/WebMercatorQuad/1/0/0.png", params=same_colours | {"level": each})
        for each in (850, 500, 250)
    ]
    assert [drawn == other.content for other in others] == [each == level for each in (850, 500, 250)]


def test_data_without_levels_have_none(client):
    document = client.get(f"{SCENARIO}/tilejson.json", params={"level": "850"}).json()
    assert "geoscope:level" not in document


def test_attribution_holds_no_markup(client, holdings):
    path = "/collections/uk-met-office-scenarios"
    hostile = holdings.catalogue_documents[path] | {"attribution": "<img src=x onerror=alert(1)>"}
    holdings.catalogue_documents = holdings.catalogue_documents | {path: hostile}
    assert "<" not in client.get(f"{SCENARIO}/tilejson.json").json()["attribution"]


def test_all_colour_maps_on_offer_can_be_drawn_with(client):
    offered = client.get("/tiles/colormaps").json()
    names = [one["name"] for one in offered]
    assert {"crameri:batlow", "cmocean:thermal", "cmocean:balance", "viridis", "cividis"} <= set(names)
    assert not {"jet", "rainbow", "hsv"} & set(names)
    assert all(len(one["stops"]) == 11 for one in offered)
    for name in names[::12]:
        assert client.get(f"{SCENARIO}/legend.png", params={"colormap": f"{name}_r"}).status_code == 200


def test_health_answers(client):
    assert client.get("/tiles/-/health").json() == {"status": "ok"}
