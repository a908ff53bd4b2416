"""The list of products: filters that a dataset offers, order, pages, and the histogram over time."""

import json
import re
from datetime import date
from html import unescape

import pytest

from geoscope.portal.explorer.property_filters import ChosenFilters
from geoscope.portal.explorer.time_bars import HEIGHT, WIDTH, _bars

ARCHIVE = "archive"
PLATFORMS = ("sentinel-2a", "sentinel-2b")


def test_choices_and_ranges_become_one_condition():
    chosen = ChosenFilters.from_query(
        {"eq.platform": "a", "min.eo:cloud_cover": "5", "max.eo:cloud_cover": "20", "q": "x", "eq.": "y"}
    )
    condition = json.loads(chosen.parameters({"platform": {"type": "string", "enum": ["a", "b"]}})["filter"])
    assert condition == {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "platform"}, "a"]},
            {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 5.0]},
            {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 20.0]},
        ],
    }


@pytest.mark.parametrize(
    ("about", "value"),
    [
        ({"enum": [8, 51]}, 8),
        ({"type": "number", "enum": [8.0]}, 8.0),
        ({"const": "8"}, "8"),
        ({}, "8"),
    ],
)
def test_chosen_value_keeps_the_type_of_the_property(about, value):
    condition = json.loads(ChosenFilters({"orbit": "8"}, {}, {}).parameters({"orbit": about})["filter"])
    assert condition["args"][1] == value
    assert type(condition["args"][1]) is type(value)


def test_one_of_several_values_is_contained():
    about = {"type": "array", "items": {"type": "string", "enum": ["msi"]}}
    condition = ChosenFilters({"instruments": "msi"}, {}, {}).parameters({"instruments": about})["filter"]
    assert json.loads(condition) == {"op": "a_contains", "args": [{"property": "instruments"}, ["msi"]]}


def test_what_is_no_number_or_too_long_chooses_nothing():
    chosen = ChosenFilters.from_query(
        {"min.a": "x", "max.a": "nan", "min.b": "inf", "eq.c": "x" * 201, "eq.d": " ", "other.e": "1"}
    )
    assert not chosen
    assert chosen.parameters({}) == {}


def test_bars_stand_on_the_days_that_they_count():
    counts = {date(2024, 1, 1): 4, date(2024, 2, 1): 1, date(2024, 4, 1): 2}
    january, february, april = _bars(counts, "month", {"collection": "c"})
    assert (january.x, january.height) == (0.0, HEIGHT)
    assert february.x == pytest.approx(WIDTH * 31 / 121)
    assert april.last == date(2024, 4, 30)
    assert april.query == "collection=c&start=2024-04-01&end=2024-04-30"


def item(number):
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"scene-{number:02}",
        "collection": ARCHIVE,
        "geometry": {"type": "Point", "coordinates": [number, 45]},
        "bbox": [number, 45, number, 45],
        "links": [],
        "assets": {},
        "properties": {
            "datetime": f"2024-{number % 12 + 1:02}-10T10:00:00Z",
            "title": f"Scene {number:02}",
            "platform": PLATFORMS[number % 2],
            "sat:orbit_state": ("ascending", "descending")[number % 2],
            "eo:cloud_cover": float(number),
        },
    }


@pytest.fixture(scope="module")
def _archive(data_half):
    document = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": ARCHIVE,
        "title": "Archive of scenes",
        "description": "Scenes.",
        "license": "other",
        "links": [],
        "extent": {"spatial": {"bbox": [[0, 0, 60, 60]]}, "temporal": {"interval": [[None, None]]}},
    }
    data_half.post("/stac/collections", json=document).raise_for_status()
    for number in range(30):
        data_half.post(f"/stac/collections/{ARCHIVE}/items", json=item(number)).raise_for_status()
    yield
    data_half.delete(f"/stac/collections/{ARCHIVE}").raise_for_status()


@pytest.mark.usefixtures("_archive")
class TestPages:
    @pytest.fixture
    def page(self, browser):
        def page(**query):
            answer = browser.get("/explore/products", {"collection": ARCHIVE} | query)
            assert answer.status_code == 200
            return unescape(answer.content.decode())

        return page

    @staticmethod
    def scenes(page):
        return re.findall(r"/items/(scene-\d+)\">", page)

    def test_filters_are_those_of_the_dataset(self, page):
        shown = page()
        assert "30 products" in shown
        options = re.search(r'<select id="eq.platform".*?</select>', shown, re.DOTALL).group()
        assert re.findall(r'value="(\S+?)"', options) == list(PLATFORMS)
        assert re.search(r'name="max.eo:cloud_cover".*?placeholder="29"', shown)
        assert "Cloud cover, %" in shown

    def test_one_choice_narrows_the_others_and_can_be_changed(self, page):
        shown = page(**{"eq.platform": PLATFORMS[1]})
        assert "15 products" in shown
        options = re.search(r'<select id="eq.platform".*?</select>', shown, re.DOTALL).group()
        assert f'value="{PLATFORMS[1]}" selected' in options
        assert PLATFORMS[0] in options
        assert "ascending" not in shown.replace("descending", "")

    def test_range_and_order(self, page):
        shown = page(**{"max.eo:cloud_cover": "4", "sort": "clearest"})
        assert self.scenes(shown) == [f"scene-{number:02}" for number in range(5)]
        oldest = self.scenes(page(sort="oldest"))
        assert oldest[:3] == ["scene-00", "scene-12", "scene-24"]

    def test_pages_hold_every_product_once(self, page):
        found, shown = [], page()
        for _ in range(3):
            found += self.scenes(shown)
            following = re.search(r'href="/explore/products\?([^"]+)" rel="next"', shown)
            if following is None:
                break
            shown = page(token=re.search(r"token=([^&]+)", following.group(1)).group(1))
            assert "First page" in shown
        assert sorted(found) == [f"scene-{number:02}" for number in range(30)]

    def test_histogram_shows_the_months(self, page):
        shown = page()
        assert "January 2024: 3 products" in shown
        assert f"collection={ARCHIVE}&start=2024-01-01&end=2024-01-31" in shown
        assert len(self.scenes(page(start="2024-01-01", end="2024-01-31"))) == 3

    def test_filter_that_fits_nothing_leads_back(self, page):
        shown = page(**{"min.eo:cloud_cover": "99"})
        assert "Nothing fits this search" in shown
        assert f'href="/explore/products?collection={ARCHIVE}"' in shown

    def test_unknown_property_finds_nothing_and_is_no_error(self, page):
        assert "Nothing fits this search" in page(**{"eq.zebra": "<b>"})
