"""A person's way through the pages, in real Chromium: find, open, click the map, read the series."""

import json
import re
from pathlib import Path

import iris_sample_data
import numpy as np
import pytest
import xarray as xr
from playwright.sync_api import expect

from chromium import faults_in_every_look, new_context

SAMPLES = Path(iris_sample_data.path)
SERIES = "/series?collection=uk-met-office-scenarios&variable=air_temperature"
ITEM = "/explore/collections/uk-met-office-scenarios/items/a1b"


@pytest.fixture
def open_page(platform, browser):
    """Open pages and fail on whatever the browser complains about."""
    contexts, complaints, foreign = [], [], []

    def note_foreign(url):
        if not url.startswith((platform.url, "data:", "blob:")):
            foreign.append(url)

    def open_page(path="/", *, complaints=complaints):
        # The globe turns by itself, drawn by the processor: it has tests of its own.
        context = new_context(browser, base_url=platform.url, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("request", lambda request: note_foreign(request.url))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert foreign == [], "the pages ask other sites for something"


def drawn(page, selector):
    """Wait until a map or globe has drawn its data."""
    element = page.locator(selector).first
    expect(element).to_have_attribute("data-layer", "ready")
    return element


def source(item, longitude, latitude):
    """Read a series by xarray from the file that the demo was made from."""
    file = {"a1b": "A1B_north_america.nc", "e1": "E1_north_america.nc"}[item]
    with xr.open_dataset(SAMPLES / file, decode_timedelta=False) as dataset:
        point = dataset.air_temperature.sel(longitude=longitude % 360, latitude=latitude, method="nearest")
        return point.values.copy()


def test_find_an_item_click_the_map_and_read_the_series(open_page):
    page = open_page("/")
    drawn(page, "geo-globe")
    page.get_by_role("searchbox").fill("scenario")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#results")).to_contain_text("1 dataset")

    page.locator("#results").get_by_role("link", name=re.compile("Two climate futures")).click()
    page.get_by_role("link", name=re.compile("Scenario A1B")).first.click()
    expect(page).to_have_url(re.compile(ITEM))
    drawn(page, "geo-map")

    page.get_by_role("link", name=re.compile("series", re.IGNORECASE)).last.click()
    expect(page).to_have_url(re.compile("/series"))
    canvas = drawn(page, "geo-map[pick]").locator("canvas").first
    canvas.scroll_into_view_if_needed()
    before = page.url
    canvas.click(position={"x": 150, "y": 130})
    page.wait_for_url(lambda url: url != before)
    longitude, latitude = (page.locator(name).input_value() for name in ("#lon", "#lat"))
    expect(page.get_by_role("link", name="Download CSV")).to_have_attribute("href", re.compile(longitude))
    longitude, latitude = float(longitude), float(latitude)
    chart = json.loads(page.locator("geo-series script").text_content())
    shown = {series["name"]: np.array(series["values"], dtype="float32") for series in chart["series"]}
    expected = {
        "Scenario A1B": source("a1b", longitude, latitude),
        "Scenario E1": source("e1", longitude, latitude),
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(shown[name], values)

    page.locator("#series summary").click()
    cells = page.locator("#series details tbody tr").last.locator("td").all_text_contents()
    told = [float(cell.replace("\N{MINUS SIGN}", "-").replace("+", "")) for cell in cells]
    last = [values[-1] for values in expected.values()]
    assert told[:2] == pytest.approx(last, abs=0.006)
    assert told[2:] == pytest.approx([np.mean(last), last[1] - last[0]], abs=0.006)


def test_the_series_without_a_mouse(open_page):
    page = open_page(SERIES)
    page.locator("#lon").focus()
    page.keyboard.type("-100")
    page.keyboard.press("Tab")
    page.keyboard.type("45")
    page.keyboard.press("Enter")
    expect(page.locator("#series table").first).to_be_visible()
    expect(page).to_have_url(re.compile("lon=-100.*lat=45"))


def test_every_view_is_a_link_that_holds_it_all(open_page):
    page = open_page(f"{SERIES}&lon=-100&lat=45")
    expect(page.locator("geo-series")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert "air_temperature" in Path(download.value.path()).read_text()


def test_a_point_outside_the_data_is_told_with_the_extent(open_page):
    page = open_page(f"{SERIES}&lon=10&lat=50")
    expect(page.locator("#series")).to_contain_text("outside the data")


def test_nothing_found_offers_a_way_back(open_page):
    page = open_page("/explore?q=unheardof")
    expect(page.locator("#results")).to_contain_text("Nothing fits this search")
    page.get_by_role("link", name="Show everything").click()
    expect(page.locator("#results")).to_contain_text("5 datasets")


def test_the_item_page_gives_code_that_can_be_copied(open_page):
    page = open_page(ITEM)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("copy-code").first.get_by_role("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip()
    assert copied.strip() in page.locator("copy-code").first.text_content()


def test_language_and_theme_are_kept(open_page):
    page = open_page("/")
    page.get_by_role("button", name="FR").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.locator("[data-theme-toggle]").click()
    theme = page.locator("html").get_attribute("data-theme")
    page.goto("/explore")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert page.locator("html").get_attribute("data-theme") == theme


def test_the_one_time_link_signs_in_once(open_page, platform):
    link = platform.run("login-link").stdout.strip()
    page = open_page(link)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("banner")).to_contain_text("administrator")
    again = open_page(link, complaints=[])  # the browser notes the answer 410
    expect(again.get_by_role("main")).not_to_contain_text("administrator")
    expect(again.get_by_role("banner")).to_contain_text("Sign in")


def test_services_show_their_live_health(open_page):
    page = open_page("/")
    for title in ("Catalogue", "Cuts", "Viewer", "Portal"):
        expect(page.get_by_role("main")).to_contain_text(title)
    expect(page.locator("#services, section:has(h2:text('Services'))").first).to_contain_text("up")


# Colours are measured when nothing changes any more.
SETTLED = """() => [...document.querySelectorAll("geo-globe, geo-map")]
    .every(map => map.dataset.state && map.dataset.state !== "loading")
    && document.getAnimations().every(animation => animation.playState !== "running")"""
PAGES = ["/", "/explore", ITEM, f"{SERIES}&lon=-100&lat=45", "/explore/collections/nemo-ocean", "/nowhere"]


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_serious_fault(platform, browser, path):
    context = new_context(
        browser, color_scheme="light", reduced_motion="reduce", base_url=platform.url, bypass_csp=True
    )
    page = context.new_page()
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.wait_for_function(SETTLED)
    found = faults_in_every_look(page)
    context.close()
    assert found == {}
