"""The list of datasets: what is on it, in which order, and what narrows it."""

import re
from html import unescape

import pytest
from django.utils.datastructures import MultiValueDict

from geoscope.portal.explorer.dataset_list import PAGE_SIZE, page_of_datasets
from geoscope.portal.explorer.datasets import Collection
from geoscope.portal.explorer.forms import DatasetForm, every_word
from geoscope.portal.explorer.templatetags.find import locator


def collection(number, title="", maker="Agency", backends=("geoscope",), bbox=(-180, -90, 180, 90)):
    return Collection(
        {
            "type": "Collection",
            "stac_version": "1.1.0",
            "id": f"set-{number}",
            "title": title or f"Set {number:03}",
            "description": "Something.",
            "license": "other",
            "links": [],
            "providers": [{"name": maker, "roles": ["producer"]}, {"name": "A host", "roles": ["host"]}],
            "extent": {
                "spatial": {"bbox": [list(bbox)]},
                "temporal": {"interval": [["2000-01-01T00:00:00Z", None]]},
            },
            "summaries": {"federation:backends": list(backends)},
        }
    )


def titles(page):
    return [one.title for one in page.collections]


def test_own_datasets_come_first_then_those_with_the_words_in_their_title():
    found = [
        collection(1, "Clouds", backends=["far"]),
        collection(2, "Sea ice drift", backends=["far"]),
        collection(3, "Temperature"),
        collection(4, "Arctic sea ice", backends=["far"]),
    ]
    page = page_of_datasets(found, words="ice SEA")
    assert titles(page) == ["Temperature", "Arctic sea ice", "Sea ice drift", "Clouds"]


def test_each_facet_is_counted_with_the_choice_of_the_other():
    found = [
        collection(1, maker="ESA"),
        collection(2, maker="ESA", backends=["far"]),
        collection(3, maker="NASA", backends=["far"]),
    ]
    page = page_of_datasets(found, provider="ESA", place="elsewhere")
    assert titles(page) == ["Set 002"]
    assert {option.value: option.count for option in page.providers} == {"ESA": 1, "NASA": 1}
    assert {option.value: option.count for option in page.places} == {"elsewhere": 1, "here": 1}


def test_pages_hold_every_dataset_once():
    found = [collection(number) for number in range(2 * PAGE_SIZE + 5)]
    pages = [page_of_datasets(found, number=number) for number in (1, 2, 3)]
    assert sorted(title for page in pages for title in titles(page)) == [one.title for one in found]
    assert [(page.first_shown, page.last_shown) for page in pages] == [(1, 24), (25, 48), (49, 53)]
    assert titles(page_of_datasets(found, number=99)) == titles(pages[2])


def test_equal_extents_are_outlined_once_and_cut_at_180_degrees():
    found = [collection(1, bbox=(170, -20, -170, 0)), collection(2, bbox=(170, -20, -170, 0))]
    [outline] = page_of_datasets(found).footprints["features"]
    assert outline["properties"]["title"] == "Set 001"
    west, east = outline["geometry"]["coordinates"]
    assert ({x for x, _ in west[0]}, {x for x, _ in east[0]}) == ({170, 180}, {-180, -170})


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("ocean", "ocean"),
        ("ocean  temperature", "ocean AND temperature"),
        ("Sentinel-2 L2A", "Sentinel-2 AND L2A"),
        ('"sea ice" drift', '"sea ice" drift'),
        ("ice -drift", "ice -drift"),
        ("ozone, methane", "ozone, methane"),
        ("ice OR snow", "ice OR snow"),
    ],
)
def test_plain_words_are_all_looked_for(text, query):
    assert every_word(text) == query


@pytest.mark.parametrize(
    ("box", "view"),
    [
        ((-180, -90, 180, 90), "0 0 360 180"),
        ((170, -20, -170, 0), "0 0 360 180"),
        ((9, 47, 11, 48), "172 33.5 36 18"),
        ((-179, 80, -175, 84), "0 0 36 18"),
        ((0, 0, 25, 12), "147.5 61.5 90 45"),
    ],
)
def test_small_maps_show_where_on_earth_a_box_is(box, view):
    found = locator(box)
    assert found.view == view
    left, top, width, height = map(float, view.split())
    for x, y, box_width, box_height in found.boxes:
        assert left <= x <= x + box_width <= left + width
        assert top <= y <= y + box_height <= top + height


def test_a_page_is_no_narrowing():
    form = DatasetForm(MultiValueDict({"page": ["3"]}))
    assert form.is_valid()
    assert not form.is_narrowed


@pytest.fixture(scope="module")
def _many_datasets(data_half):
    for number in range(40):
        document = collection(number, maker="Far agency", backends=["far-away"]).document
        data_half.post("/stac/collections", json=document).raise_for_status()
    yield
    for number in range(40):
        data_half.delete(f"/stac/collections/set-{number}").raise_for_status()


@pytest.mark.usefixtures("_many_datasets")
class TestPages:
    def test_all_datasets_are_listed_with_maker_and_server(self, browser):
        page = unescape(browser.get("/explore").content.decode())
        assert "44 datasets" in page
        assert "1 to 24 of 44" in page
        assert 'href="/explore?page=2"' in page
        assert "Far agency (40)" in page
        assert "By other providers (40)" in page
        assert "from far-away" in page
        assert page.index("Sea surface temperature") < page.index("Set 000")

    def test_facets_narrow_the_list(self, browser):
        page = unescape(browser.get("/explore", {"place": "here"}).content.decode())
        assert "4 datasets" in page
        assert "Set 000" not in page
        page = unescape(browser.get("/explore", {"provider": "Far agency", "page": "2"}).content.decode())
        assert "25 to 40 of 40" in page
        assert len(re.findall(r'<h3><a href="/explore/collections/set-', page)) == 16
        assert "provider=Far+agency" in page

    def test_words_and_area_narrow_the_list(self, browser):
        assert "1 dataset<" in browser.get("/explore", {"q": "scenario climate"}).content.decode()
        assert "Nothing fits this search" in browser.get("/explore", {"q": "zebra"}).content.decode()

    def test_bad_facet_is_explained(self, browser):
        for query in ({"place": "moon"}, {"page": "0"}, {"page": "x"}):
            answer = browser.get("/explore", query)
            assert answer.status_code == 200
            assert "This search cannot be made" in answer.content.decode()

    def test_list_alone_for_the_page_itself(self, browser):
        asked = browser.get(
            "/explore",
            {"provider": "Far agency", "q": ""},
            headers={"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1/explore"},
        )
        assert "<html" not in asked.content.decode()
        assert asked.headers["HX-Push-Url"] == "/explore?provider=Far+agency"

    def test_landing_names_the_providers(self, browser):
        page = unescape(browser.get("/").content.decode())
        assert "All 44 datasets" in page
        assert '<a href="/explore?provider=Far+agency">Far agency</a> <span class="note">40</span>' in page

    def test_dataset_of_others_leads_to_its_products(self, browser):
        page = unescape(browser.get("/explore/collections/set-1").content.decode())
        assert 'href="/explore/products?collection=set-1"' in page
        assert "The products are served by far-away" in page
