"""The pages, before the real data services with the demo's real data."""

import json
import re
from html import unescape

import httpx
import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.cubes.describe import describe
from geoscope.demo.datasets import NEMO_HEALPIX
from geoscope.demo.stac import collection_document, item_document
from geoscope.manifests import core_manifests
from geoscope.portal.explorer import data_half as data_half_module
from geoscope.portal.explorer.datasets import Item
from geoscope.portal.explorer.templatetags.earth import unit
from local_holdings import write_levels

SCENARIOS = "uk-met-office-scenarios"


def text_of(answer):
    return unescape(answer.content.decode())


def chart_of(page):
    script = re.search(
        r'<geo-series[^>]*><script[^>]*type="application/json">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(script.group(1))


@pytest.fixture
def publish(data_half):
    """A function that puts a collection with an item into the catalogue, until the end of the test."""
    published = []

    def put(collection, item):
        data_half.post("/stac/collections", json=collection).raise_for_status()
        published.append(f"/stac/collections/{collection['id']}")
        data_half.post(f"{published[-1]}/items", json=item).raise_for_status()

    yield put
    for address in published:
        data_half.delete(address).raise_for_status()


@pytest.mark.usefixtures("data_half")
class TestWithData:
    def test_landing_offers_data_and_services(self, browser):
        page = text_of(browser.get("/"))
        assert (
            'tilejson="/tiles/collections/nemo-ocean/items/monthly-2015/tilejson.json?variable=tos"' in page
        )
        assert f"/series?collection={SCENARIOS}&lon=-90&lat=37.5" in page
        assert "/explore/collections/toa-brightness-temperature/items/seviri-2016-05-16" in page
        assert page.count('class="status unknown"') == len(core_manifests())

    def test_search_finds_by_words_place_and_time(self, browser):
        def found(**query):
            page = text_of(browser.get("/explore/products", query))
            return set(re.findall(r'<h3><a href="/explore/collections/([^"]+)"', page))

        scenarios = {f"{SCENARIOS}/items/a1b", f"{SCENARIOS}/items/e1"}
        assert len(found()) == 5
        assert found(q="scenario") == scenarios
        assert found(bbox="-100,40,-90,50", start="2080-01-01") == scenarios
        assert found(start="2016-05-16", end="2016-05-16", q="infrared") == {
            "toa-brightness-temperature/items/seviri-2016-05-16"
        }

    def test_results_alone_for_the_page_itself(self, browser):
        address = "/explore/products"
        fragment = text_of(browser.get(address, {"q": "scenario"}, headers={"HX-Request": "true"}))
        assert "Scenario A1B" in fragment
        assert "<html" not in fragment
        short = browser.get("/explore", {"q": "a", "start": "", "bbox": ""}, headers={"HX-Request": "true"})
        assert short.headers["HX-Push-Url"] == "/explore?q=a"
        whole = browser.get("/explore", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
        assert "<html" in text_of(whole)
        assert "HX-Request" in whole.headers["vary"]

    def test_outlines_of_the_results_come_along(self, browser):
        page = browser.get("/explore/products", {"q": "scenario"}).content.decode()
        outlines = json.loads(re.search(r'<script id="footprints"[^>]*>(.*?)</script>', page).group(1))
        assert {feature["properties"]["href"] for feature in outlines["features"]} == {
            f"/explore/collections/{SCENARIOS}/items/{item}" for item in ("a1b", "e1")
        }

    def test_nothing_found_is_said_with_a_way_on(self, browser):
        page = text_of(browser.get("/explore", {"q": "zebra"}))
        assert "Nothing fits this search" in page
        assert "Show everything" in page

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"bbox": "1,2"}, "four numbers"),
            ({"bbox": "0,0,nan,1"}, "Longitudes go from"),
            ({"bbox": "0,50,10,40"}, "south first"),
            ({"start": "2020-01-02", "end": "2020-01-01"}, "before the first one"),
            ({"start": "yesterday"}, "Enter a valid date"),
            ({"token": "nonsense"}, "token"),
            ({"collection": "zebra"}, "zebra"),
            ({"sort": "prettiest"}, "prettiest"),
            ({"q": "(ice"}, "counterpart"),
        ],
    )
    def test_bad_search_is_explained(self, browser, query, words):
        answer = browser.get("/explore/products", query)
        assert answer.status_code == 200
        assert "This search cannot be made" in text_of(answer)
        assert words in text_of(answer)

    def test_collection_page_says_what_it_is(self, browser):
        page = text_of(browser.get(f"/explore/collections/{SCENARIOS}"))
        for words in (
            "Two climate futures",
            "Met Office",
            "Open Government Licence",
            "1860 \N{EN DASH} 2099",
            "air_temperature",
        ):
            assert words in page
        assert "1.875° \N{MULTIPLICATION SIGN} 1.25°, yearly" in page

    def test_item_page_gives_addresses_that_work(self, browser):
        page = text_of(browser.get(f"/explore/collections/{SCENARIOS}/items/a1b"))
        assert f'xarray.open_zarr("http://127.0.0.1/data/demo/{SCENARIOS}/a1b.zarr")' in page
        assert "http://127.0.0.1/tiles/collections/" in page
        assert "{z}/{x}/{y}.png" in page
        assert "storage_options=" in page

    def test_page_of_a_twin_says_how_it_was_made_and_opens_it_over_http(self, browser, demo, publish):
        with xr.open_zarr(LocalStore(demo[0] / "nemo-ocean" / "monthly-2015.zarr"), chunks=None) as dataset:
            about = describe(dataset)
        item = item_document(NEMO_HEALPIX, NEMO_HEALPIX.items[0], about, "digest")
        publish(collection_document(NEMO_HEALPIX, [about]), item)
        page = text_of(browser.get("/explore/collections/nemo-ocean-healpix/items/clmn-o2d-standard"))
        address = "http://127.0.0.1/twins/zarr/nemo-ocean-healpix/clmn-o2d-standard"
        assert f'xarray.open_zarr("{address}")' in page
        assert f'xarray.open_zarr("{address}", group="series")' in page
        for words in ("it is not the output of a digital twin", "HEALPix 64 (0.92°), monthly", "levtype=o2d"):
            assert words in page

    def test_levels_are_chosen_on_map_and_series(self, browser, demo, data_half, publish, monkeypatch):
        documents = write_levels(demo[0])
        path = "/collections/on-levels"
        # As of twins whose fields can be ordered: they are the platform's own all the same.
        documents[path]["summaries"] = {"federation:backends": ["twins"]}
        publish(documents[path], documents[f"{path}/items/one"])
        monkeypatch.setattr(data_half.holdings, "catalogue_documents", demo[1] | documents)
        page = text_of(browser.get("/explore/collections/on-levels"))
        assert "/explore/collections/on-levels/items/one" in page
        assert "Served by" not in page
        assert '<option value="on-levels"' in text_of(browser.get("/series"))
        page = text_of(browser.get("/explore/collections/on-levels/items/one", {"level": "500"}))
        assert '<option value="500" selected>' in page
        assert "Temperature, 500 hPa" in page
        assert "level=500" in page
        for asked, level in (({"level": "250"}, 250), ({}, 850)):
            query = {"collection": "on-levels", "lon": "0", "lat": "0"} | asked
            page = browser.get("/series", query).content.decode()
            assert chart_of(page)["series"][0]["values"] == [level, level + 0.25]
            address = unescape(re.search(r'href="(/edr/[^"]+CSV)"', page).group(1))
            assert len(data_half.get(address).raise_for_status().text.splitlines()) == 1 + 2

    def test_choice_of_colours_and_time_stands_in_the_address(self, browser):
        address = f"/explore/collections/{SCENARIOS}/items/a1b"
        asked = {"colormap": "viridis", "datetime": "1860-06-01T00:00:00Z", "variable": "air_temperature"}
        picture = text_of(browser.get(address, asked, headers={"HX-Request": "true"}))
        assert "<html" not in picture
        assert "<noscript" not in picture
        assert "datetime=1860-06-01" in picture
        assert "colormap=viridis" in picture

    def test_unknown_colours_are_explained_in_place(self, browser):
        answer = browser.get(f"/explore/collections/{SCENARIOS}/items/a1b", {"colormap": "rainbow"})
        assert answer.status_code == 200
        assert "The picture cannot be drawn" in text_of(answer)

    @pytest.mark.parametrize(
        "address", ["/explore/collections/zebra", f"/explore/collections/{SCENARIOS}/items/zebra"]
    )
    def test_what_is_not_there_is_a_page_of_404(self, browser, address):
        answer = browser.get(address)
        assert answer.status_code == 404
        assert "zebra" in text_of(answer)

    def test_series_are_the_values_of_the_cubes(self, browser, demo):
        page = browser.get("/series", {"collection": SCENARIOS, "lon": "-75", "lat": "45"}).content.decode()
        chart = chart_of(page)
        assert [series["name"] for series in chart["series"]] == ["Scenario A1B", "Scenario E1"]
        assert (chart["unit"], len(chart["times"])) == ("K", 240)
        for item, series in zip(("a1b", "e1"), chart["series"], strict=True):
            store = LocalStore(demo[0] / SCENARIOS / f"{item}.zarr", read_only=True)
            with xr.open_zarr(store, chunks=None) as dataset:
                expected = dataset.air_temperature.sel(longitude=-75, latitude=45, method="nearest").values
            np.testing.assert_allclose(series["values"], expected, rtol=1e-6)
        means = [np.mean(series["values"]) for series in chart["series"]]
        for mean in means:
            assert f'<td class="numeric">{mean:.2f}</td>' in page
        assert "1860\N{EN DASH}1889" in page
        assert f"\N{MINUS SIGN}{abs(means[1] - means[0]):.2f}" in page

    def test_series_can_be_taken_along(self, browser, data_half):
        page = text_of(browser.get("/series", {"collection": SCENARIOS, "lon": "-75", "lat": "45"}))
        address = re.search(r'href="(/edr/[^"]+CSV)"', page).group(1)
        lines = data_half.get(address).raise_for_status().text.splitlines()
        assert len(lines) == 1 + 2 * 240

    def test_point_outside_the_data_is_told_their_extent(self, browser):
        page = text_of(browser.get("/series", {"collection": SCENARIOS, "lon": "10", "lat": "50"}))
        assert "This point lies outside the data" in page
        assert "135.9" in page

    def test_point_without_values_is_no_error(self, browser):
        page = text_of(browser.get("/series", {"collection": "nemo-ocean", "lon": "20", "lat": "20"}))
        assert "No values here" in page

    @pytest.mark.parametrize(
        "point",
        [{"lon": "x", "lat": "1"}, {"lon": "999", "lat": "1"}, {"lon": "5"}, {"lon": "nan", "lat": "1"}],
    )
    def test_no_point_on_the_earth(self, browser, point):
        answer = browser.get("/series", {"collection": SCENARIOS} | point)
        assert answer.status_code == 200
        assert "This is no point on the Earth" in text_of(answer)

    def test_without_choice_the_collection_with_most_to_compare_is_shown(self, browser):
        page = text_of(browser.get("/series"))
        assert f'<option value="{SCENARIOS}" selected>' in page
        assert "Choose a point" in page

    def test_unknown_collection_of_series_is_404(self, browser):
        assert browser.get("/series", {"collection": "zebra"}).status_code == 404

    def test_progress_of_the_demo_is_shown_while_it_waits(self, browser, data_half, settings):
        token = issue_token(settings, "service:supervisor", frozenset({ADMINISTRATOR}))
        asked = data_half.post(
            "/processes/load-demo/execution", json={}, headers={"Authorization": f"Bearer {token}"}
        ).raise_for_status()
        try:
            assert "demonstration data are being loaded: 0 %" in text_of(browser.get("/"))
            assert "HX-Refresh" not in browser.get("/explore/-/progress").headers
        finally:
            job = asked.json()["jobID"]
            data_half.delete(f"/jobs/{job}", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        assert browser.get("/explore/-/progress").headers["HX-Refresh"] == "true"

    def test_addresses_follow_the_scheme_of_the_visitor(self, browser):
        page = text_of(
            browser.get(f"/explore/collections/{SCENARIOS}/items/a1b", headers={"x-forwarded-proto": "https"})
        )
        assert f"https://127.0.0.1/data/demo/{SCENARIOS}/a1b.zarr" in page
        assert "http://127.0.0.1/" not in page


class TestWithoutDataServices:
    @pytest.fixture(autouse=True)
    def _nobody_there(self, monkeypatch):
        client = httpx.Client(base_url="http://127.0.0.1:9", timeout=0.5)
        monkeypatch.setattr(data_half_module, "_client", lambda: client)

    @pytest.mark.parametrize("address", ["/", "/explore", "/explore/products", "/status"])
    def test_page_stands_and_says_so(self, browser, address):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "The data services do not answer" in text_of(answer)
        assert "Try again" in text_of(answer)

    @pytest.mark.parametrize(
        "address", ["/series", "/explore/collections/a", "/explore/collections/a/items/b"]
    )
    def test_page_about_data_is_unavailable(self, browser, address):
        answer = browser.get(address)
        assert answer.status_code == 503
        assert "The data services do not answer" in text_of(answer)


def test_units_of_grib_are_written_as_people_do():
    written = [unit(symbol) for symbol in ("m s**-1", "m**2 s**-2", "kg m-2 s-1", "1", "K")]
    assert written == ["m s⁻¹", "m² s⁻²", "kg m⁻² s⁻¹", "", "K"]


def test_variable_is_known_by_its_long_name_and_an_item_by_its_whole_time():
    about = {
        "title": "oper, from 2024-06-03 12:00",
        "cube:variables": {"r": {"description": "Relative humidity"}},
    }
    item = Item({"id": "one", "properties": about})
    assert item.variables[0].title == "Relative humidity"
    assert item.short_title == "oper, from 2024-06-03 12:00"


def test_health_is_plain(browser):
    assert browser.get("/health").json() == {"status": "ok"}


def test_unknown_page_leads_on(browser):
    answer = browser.get("/zebra")
    assert answer.status_code == 404
    assert 'href="/explore"' in text_of(answer)
