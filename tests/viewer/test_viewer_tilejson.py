"""TileJSON leads a map to the tiles, and tells a page all that it needs for a legend and a time slider."""

import pytest

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
