"""The custom elements, built as they are shipped, in a real browser."""

import json
import re

import pytest
from playwright.sync_api import expect

LAYER = '<geo-map tilejson="/tilejson.json" aria-label="Sea surface temperature"></geo-map>'
SERIES = {
    "title": "Air temperature",
    "unit": "K",
    "times": ["1860-06-01T00:00:00Z", "1861-06-01T00:00:00Z", "1862-06-01T00:00:00Z"],
    "series": [
        {"name": "A1B", "values": [280.0, 281.0, None]},
        {"name": "E1", "values": [282.0, 280.5, 281.0]},
    ],
}
CHART = f'<geo-series><script type="application/json">{json.dumps(SERIES)}</script></geo-series>'


def open_map(page, site, body):
    page.goto(site.page(body))
    page.wait_for_selector("[data-state=ready]")
    return page.locator("canvas")


def middle_of(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_layer_comes_with_legend_times_and_sources(page, site):
    open_map(page, site, LAYER)
    page.wait_for_selector("[data-layer=ready]")
    expect(page.locator(".geo-legend")).to_contain_text(
        re.compile("Sea surface temperature K.*270.0.*287.5.*305.0.*no data", re.DOTALL)
    )
    expect(page.locator(".geo-time output")).to_have_text("May 2006")
    expect(page.locator(".geo-attribution")).to_have_text("Met & Office · Natural Earth")
    expect(page.locator(".geo-attribution img")).to_have_count(0)


def test_the_slider_asks_for_pictures_of_another_time(page, site):
    open_map(page, site, LAYER)
    page.wait_for_selector("[data-layer=ready]")
    with page.expect_response(lambda response: "datetime=2006-04-16" in response.url):
        page.locator(".geo-time input").press("ArrowLeft")
    expect(page.locator(".geo-time output")).to_have_text("Apr 2006")


def test_words_come_from_the_page(page, site):
    open_map(page, site, LAYER)
    expect(page.get_by_role("button", name="Näher heran")).to_be_visible()


PICK = """<geo-map pick for-lon="lon" for-lat="lat" bbox="-20,-20,20,20"></geo-map>
<input id="lon"><input id="lat">"""


def test_a_click_chooses_a_point(page, site):
    canvas = open_map(page, site, PICK)
    page.mouse.click(*middle_of(canvas))
    assert abs(float(page.locator("#lon").input_value())) < 0.2
    assert abs(float(page.locator("#lat").input_value())) < 0.5


def test_keys_choose_the_point_under_the_cross(page, site):
    canvas = open_map(page, site, PICK)
    page.evaluate(
        "document.querySelector('geo-map').addEventListener('geo-pick', e => window.picked = e.detail)"
    )
    page.locator("body").press("Tab")
    while not canvas.evaluate("canvas => canvas === document.activeElement"):
        page.keyboard.press("Tab")
    expect(page.locator(".geo-cross")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    page.keyboard.press("Enter")
    picked = page.evaluate("window.picked")
    assert picked["lon"] > 1
    assert page.locator("#lon").input_value() == str(picked["lon"])


AREA = '<geo-map select-area for-bbox="bbox" bbox="-20,-20,20,20"></geo-map><input id="bbox">'


def drag(page, canvas, modifier=None):
    x, y = middle_of(canvas)
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.move(x + 60, y + 60)
    page.mouse.up()
    if modifier:
        page.keyboard.up(modifier)


@pytest.mark.parametrize("way", ["button", "shift"])
def test_an_area_is_drawn_and_taken_back(page, site, way):
    canvas = open_map(page, site, AREA)
    page.evaluate("window.changes = 0; bbox.addEventListener('change', () => window.changes++)")
    if way == "button":
        page.get_by_role("button", name="Draw an area").click()
    drag(page, canvas, "Shift" if way == "shift" else None)
    west, south, east, north = map(float, page.locator("#bbox").input_value().split(","))
    assert west < -1 < 1 < east
    assert south < -1 < 1 < north
    page.get_by_role("button", name="Clear").click()
    assert page.locator("#bbox").input_value() == ""
    assert page.evaluate("window.changes") == 2


def test_the_view_can_be_the_area(page, site):
    open_map(page, site, AREA)
    page.get_by_role("button", name="Use this view").click()
    west, south, east, north = map(float, page.locator("#bbox").input_value().split(","))
    assert west <= -20 < 20 <= east
    assert south <= -20 < 20 <= north


def test_outlines_of_results_follow_what_htmx_brings(page, site):
    outline = {"type": "Polygon", "coordinates": [[[-19, -19], [19, -19], [19, 19], [-19, 19], [-19, -19]]]}
    feature = {"type": "Feature", "properties": {"title": "Scenario A1B"}, "geometry": outline}
    collection = json.dumps({"type": "FeatureCollection", "features": [feature]})
    site.pages["/results"] = f'<script type="application/json" id="outlines">{collection}</script>'
    canvas = open_map(
        page,
        site,
        '<geo-map bbox="-20,-20,20,20" footprints="#outlines"></geo-map>'
        '<div id="results"></div><button hx-get="/results" hx-target="#results">Search</button>',
    )
    page.get_by_role("button", name="Search").click()
    page.wait_for_selector("#outlines", state="attached")
    page.wait_for_timeout(1500)
    x, y = middle_of(canvas)
    page.mouse.move(x, y)
    page.mouse.move(x + 3, y + 3)
    expect(page.locator(".geo-tip")).to_have_text("Scenario A1B")


GLOBE = """<geo-globe spin tilejson="/tilejson.json">
<img src="/tile/0.png" alt="Sea" width="99"></geo-globe>"""


def test_without_webgl_the_picture_of_the_page_stays(page, site):
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(site.page(GLOBE))
    expect(page.get_by_role("status")).to_contain_text("WebGL 2 is missing")
    expect(page.get_by_role("img", name="Sea")).to_be_visible()


def test_the_globe_rests_when_motion_is_unwanted_until_told_to_turn(page, site):
    open_map(page, site, GLOBE)
    page.get_by_role("button", name="Turn the globe").click()
    expect(page.get_by_role("button", name="Stop turning")).to_be_visible()


def test_an_element_that_htmx_brings_comes_to_life(page, site):
    site.pages["/fragment"] = CHART
    page.goto(site.page('<button hx-get="/fragment" hx-target="#here">Show</button><div id="here"></div>'))
    page.get_by_role("button", name="Show").click()
    page.wait_for_selector("geo-series[data-state=ready] canvas")


def test_arrow_keys_read_the_values_of_a_chart(page, site):
    page.goto(site.page(CHART))
    page.wait_for_selector("geo-series[data-state=ready]")
    chart = page.get_by_role("group", name="Air temperature")
    chart.press("ArrowRight")
    readout = page.locator(".geo-readout")
    expect(readout).to_contain_text("1860")
    expect(readout).to_contain_text("A1B 280.00 K")
    expect(readout).to_contain_text("Mean 281.00 K")
    expect(readout).to_contain_text("Difference E1 \N{MINUS SIGN} A1B 2.00 K")
    chart.press("End")
    expect(readout).to_contain_text("A1B no data")
    expect(readout).to_contain_text("E1 281.00 K")


def test_a_chart_zooms_by_a_drag_and_back_by_the_button(page, site):
    page.goto(site.page(CHART))
    page.wait_for_selector("geo-series[data-state=ready]")
    x, y = middle_of(page.locator(".u-over").first)
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=4)
    page.mouse.up()
    reset = page.get_by_role("button", name="Whole time range")
    reset.click()
    expect(reset).to_be_hidden()


def test_a_chart_says_what_is_wrong_with_its_series(page, site):
    broken = CHART.replace("280.0, 281.0, null", "280.0")
    page.goto(site.page(broken))
    expect(page.get_by_role("status")).to_contain_text("A1B has 1 values for 3 times.")


def test_the_theme_is_kept(page, site):
    page.goto(
        site.page(
            '<button data-theme-toggle data-light="Theme: light" data-dark="Theme: dark">Theme</button>'
        )
    )
    root = page.locator("html")
    page.get_by_role("button").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Theme: light").click()
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Theme: dark").click()
    expect(root).not_to_have_attribute("data-theme", re.compile("."))


CODE = """<code-tabs label="Code">
<section><h3>Python</h3><copy-code><pre><code>import xarray</code></pre></copy-code></section>
<section><h3>curl</h3><copy-code><pre><code>curl --fail</code></pre></copy-code></section></code-tabs>"""


def test_code_stands_in_tabs_and_is_copied(page, site):
    page.goto(site.page(CODE))
    page.get_by_role("tab", name="Python").press("ArrowRight")
    expect(page.get_by_role("tab", name="curl")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_have_text(re.compile("curl --fail"))
    page.get_by_role("tabpanel").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "curl --fail"
    page.reload()
    expect(page.get_by_role("tab", name="curl")).to_have_attribute("aria-selected", "true")
