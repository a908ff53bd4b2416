"""Every pixel has the colour that stands for xarray's value at the pixel's place."""

import io

import numpy as np
import pytest
from PIL import Image

from geoscope.viewer.colormaps import find_colormap

SCENARIO = "/tiles/collections/uk-met-office-scenarios/items/a1b"
OSTIA = "/tiles/collections/ostia-sea-surface-temperature/items/monthly-2006-2010"
NEMO = "/tiles/collections/nemo-ocean/items/monthly-2015"
SEVIRI = "/tiles/collections/toa-brightness-temperature/items/seviri-2016-05-16"


def pixels(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.mode == "P"
    return np.asarray(picture.convert("RGBA"))


def tile_places(z, x, y):
    """Longitudes and latitudes of pixel centres, by the formulas of slippy maps."""
    column, row = x + (np.arange(256) + 0.5) / 256, y + (np.arange(256) + 0.5) / 256
    longitude = column / 2**z * 360 - 180
    latitude = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - 2 * row / 2**z))) - np.pi / 2)
    return longitude, latitude


def expected_colours(values, vmin, vmax, name):
    colours = find_colormap(name).colours
    index = np.clip((values - vmin) / (vmax - vmin) * len(colours), 0, len(colours) - 1)
    opaque = np.isfinite(values)
    rgba = np.zeros((*values.shape, 4), np.uint8)
    rgba[opaque, :3] = colours[index[opaque].astype(int)]
    rgba[opaque, 3] = 255
    return rgba


def at_nearest(field, longitude, latitude):
    """Values of a rectilinear field at places, NaN outside; cells end half a step beyond the last centres."""
    values = field.sel(longitude=longitude, latitude=latitude, method="nearest").values.astype(np.float64)
    for axis, places in ((1, longitude), (0, latitude)):
        centres = field[("latitude", "longitude")[axis]].values
        half = abs(centres[1] - centres[0]) / 2
        outside = (places < centres.min() - half) | (places > centres.max() + half)
        values[(slice(None), outside) if axis else (outside, slice(None))] = np.nan
    return values


def share_equal(drawn, expected):
    return np.mean((drawn == expected).all(axis=-1) | ((drawn[..., 3] == 0) & (expected[..., 3] == 0)))


@pytest.mark.parametrize("tile", [(0, 0, 0), (2, 0, 1), (3, 2, 3), (4, 4, 6), (6, 15, 24)])
@pytest.mark.parametrize(("datetime", "step"), [(None, -1), ("1900", 40), ("2050-06-01T00:00:00Z", 190)])
def test_tile_shows_the_value_at_each_pixel(client, sources, tile, datetime, step):
    z, x, y = tile
    query = {"datetime": datetime} if datetime else {}
    drawn = pixels(client.get(f"{SCENARIO}/WebMercatorQuad/{z}/{x}/{y}.png", params=query))
    assert drawn.shape == (256, 256, 4)
    field = sources["uk-met-office-scenarios/a1b"]["air_temperature"][step]
    expected = expected_colours(at_nearest(field, *tile_places(z, x, y)), 255, 305, "cmocean:thermal")
    assert share_equal(drawn, expected) > 0.999


def test_missing_values_are_transparent_and_the_world_is_closed(client, sources):
    drawn = pixels(client.get(f"{OSTIA}/WebMercatorQuad/0/0/0.png"))
    field = sources["ostia-sea-surface-temperature/monthly-2006-2010"]["surface_temperature"][-1]
    longitude, latitude = tile_places(0, 0, 0)
    on_equator = np.abs(latitude).argmin()
    expected = np.isfinite(at_nearest(field, longitude, latitude)[on_equator])
    # Beyond the last column, half a cell before 180 degrees, the world goes on with the first.
    assert np.array_equal(drawn[on_equator, 2:-2, 3] > 0, expected[2:-2])
    assert drawn[on_equator, [0, -1], 3].tolist() == [255, 255]
    assert not drawn[0].any()


def test_curvilinear_tile_shows_the_nearest_cell(client, sources):
    source = sources["nemo-ocean/monthly-2015"]
    drawn = pixels(client.get(f"{NEMO}/WebMercatorQuad/3/3/3.png", params={"datetime": "2015-02"}))
    longitude, latitude = np.meshgrid(*tile_places(3, 3, 3))
    rng = np.random.default_rng(0)
    cell_phi, cell_lam = np.radians(source.latitude.values), np.radians(source.longitude.values)
    for row, column in rng.integers(0, 256, (150, 2)):
        phi, lam = np.radians(latitude[row, column]), np.radians(longitude[row, column])
        cosine = np.sin(phi) * np.sin(cell_phi) + np.cos(phi) * np.cos(cell_phi) * np.cos(cell_lam - lam)
        near = np.unravel_index(np.argsort(cosine, axis=None)[-1], cosine.shape)
        value = source["tos"].values[1][near]
        expected = expected_colours(np.array([float(value)]), -2, 32, "cmocean:thermal")[0]
        assert drawn[row, column, 3] == expected[3]
        assert not expected[3] or np.array_equal(drawn[row, column], expected)


def test_projected_picture_shows_the_cell_that_holds_each_pixel(client, sources):
    source = sources["toa-brightness-temperature/seviri-2016-05-16"]
    box = {"bbox": "-20,35,20,60", "width": 80, "height": 50}
    drawn = pixels(
        client.get(f"{SEVIRI}/map.png", params=box | {"colormap": "viridis", "vmin": 220, "vmax": 310})
    )
    assert drawn.shape == (50, 80, 4)
    radius, origin = 6378169.0, np.radians(-35)
    longitude, latitude = np.meshgrid(-20 + 0.5 * (np.arange(80) + 0.5), 60 - 0.5 * (np.arange(50) + 0.5))
    # Polar stereographic on the sphere (Snyder 1987, equations 21-5 and 21-6).
    rho = 2 * radius * np.tan(np.pi / 4 - np.radians(latitude) / 2)
    x, y = rho * np.sin(np.radians(longitude) - origin), -rho * np.cos(np.radians(longitude) - origin)
    values = np.array(
        [
            source["toa_brightness_temperature"].sel(x=px, y=py, method="nearest").item()
            for px, py in zip(x.ravel(), y.ravel(), strict=True)
        ]
    ).reshape(x.shape)
    assert share_equal(drawn, expected_colours(values, 220, 310, "viridis")) > 0.995


def test_picture_shows_the_whole_extent_with_square_degrees(client):
    drawn = pixels(client.get(f"{OSTIA}/map.png", params={"width": 512, "height": 256}))
    assert drawn.shape == (256, 512, 4)
    rows = np.flatnonzero(drawn[..., 3].any(axis=1))
    assert (rows[0], rows[-1]) == pytest.approx((128 - 7.4, 128 + 6.4), abs=1)
    assert pixels(client.get(f"{SCENARIO}/map.png", params={"width": 400})).shape == (201, 400, 4)


def test_picture_may_cross_the_date_line(client):
    across = pixels(
        client.get(f"{OSTIA}/map.png", params={"bbox": "170,-4,-170,4", "width": 200, "height": 80})
    )
    west = pixels(client.get(f"{OSTIA}/map.png", params={"bbox": "170,-4,180,4", "width": 100, "height": 80}))
    east = pixels(
        client.get(f"{OSTIA}/map.png", params={"bbox": "-180,-4,-170,4", "width": 100, "height": 80})
    )
    assert np.array_equal(across, np.hstack([west, east]))


def test_range_and_colours_can_be_chosen(client):
    def colours_at(**query):
        return pixels(client.get(f"{SCENARIO}/WebMercatorQuad/4/4/6.png", params=query))

    assert (colours_at(vmin=0, vmax=1)[..., :3] == find_colormap("cmocean:thermal").colours[-1]).all()
    assert (colours_at(vmin=999, vmax=1000)[..., :3] == find_colormap("cmocean:thermal").colours[0]).all()
    forward, backward = find_colormap("crameri:vik"), find_colormap("crameri:vik_r")
    assert np.array_equal(forward.colours, backward.colours[::-1])
    assert not np.array_equal(colours_at(colormap="crameri:vik"), colours_at(colormap="crameri:vik_r"))


def test_without_a_render_in_the_catalogue_the_range_comes_from_the_data(client, holdings, sources):
    path = "/collections/uk-met-office-scenarios"
    item = dict(holdings.catalogue_documents[f"{path}/items/a1b"])
    item["properties"] = {key: value for key, value in item["properties"].items() if key != "renders"}
    bare = {key: value for key, value in holdings.catalogue_documents[path].items() if key != "renders"}
    holdings.catalogue_documents = holdings.catalogue_documents | {path: bare, f"{path}/items/a1b": item}
    legend = client.get(f"{SCENARIO}/tilejson.json").json()["geoscope:legend"]
    last = sources["uk-met-office-scenarios/a1b"]["air_temperature"].values[-1]
    assert (legend["vmin"], legend["vmax"]) == pytest.approx(tuple(np.percentile(last, [2, 98])), rel=1e-4)
    assert legend["colormap"] == "crameri:batlow"


def test_same_picture_is_not_sent_twice(client):
    first = client.get(f"{SCENARIO}/WebMercatorQuad/2/0/1.png")
    assert "max-age" in first.headers["cache-control"]
    again = client.get(
        f"{SCENARIO}/WebMercatorQuad/2/0/1.png", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"{SCENARIO}/WebMercatorQuad/2/0/1.png", params={"datetime": "1860"})
    assert other.headers["etag"] != first.headers["etag"]


def test_legend_picture_has_its_size(client):
    answer = client.get(f"{NEMO}/legend.png", params={"width": 300})
    assert Image.open(io.BytesIO(answer.content)).size == (300, 68)


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("WebMercatorQuad/2/4/0.png", {}, 404, "no tile 2/4/0"),
        ("WebMercatorQuad/2/0/-1.png", {}, 404, "no tile 2/0/-1"),
        ("WebMercatorQuad/99/0/0.png", {}, 404, "z from 0 to 20"),
        ("WebMercatorQuad/a/0/0.png", {}, 400, "z"),
        ("WebMercatorQuad/1/0/0.png", {"variable": "rain"}, 400, "There are: air_temperature"),
        ("WebMercatorQuad/1/0/0.png", {"colormap": "jet"}, 400, "crameri:batlow"),
        ("WebMercatorQuad/1/0/0.png", {"datetime": "soon"}, 400, "RFC 3339"),
        ("WebMercatorQuad/1/0/0.png", {"vmin": 3, "vmax": 2}, 400, "vmin < vmax"),
        ("WebMercatorQuad/1/0/0.png", {"vmin": "nan"}, 400, "vmin"),
        ("map.png", {"width": 4096}, 400, "2048"),
        ("map.png", {"bbox": "1,2,3"}, 400, "west,south,east,north"),
        ("map.png", {"bbox": "0,50,10,40"}, 400, "no box on Earth"),
        ("map.png", {"bbox": "0,nan,10,40"}, 400, "no box on Earth"),
    ],
)
def test_bad_question_is_answered_with_a_problem_that_helps(client, path, query, status, said):
    answer = client.get(f"{SCENARIO}/{path}", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


def test_unknown_item_is_not_found(client):
    assert client.get("/tiles/collections/uk-met-office-scenarios/items/b2/map.png").status_code == 404
