"""What clients of the standard see, unmodified: pystac-client, pystac, and the links of the landing page."""

import httpx
import pystac
import pystac_client
import pytest
from catalogue_documents import make_item, rectangle


@pytest.fixture
def catalogue(address, add_items):
    add_items(
        make_item(
            "a1b",
            (-135, 15, -45, 60),
            "1860-06-01T00:00:00Z/2099-06-01T00:00:00Z",
            properties={"title": "A1B"},
        ),
        make_item("e1", (-135, 15, -45, 60), "1860-06-01T00:00:00Z/2099-06-01T00:00:00Z"),
        collection="uk-met-office-scenarios",
    )
    add_items(*(make_item(f"month-{n:02}", when=f"2026-{n:02}-01T00:00:00Z") for n in range(1, 13)))
    return pystac_client.Client.open(f"{address}/stac")


def ids(search):
    return [item.id for item in search.items()]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_searches_and_follows_pages(catalogue, method):
    search = catalogue.search(method=method, collections=["sea-surface-temperature"], limit=5)
    assert search.matched() == 12
    assert ids(search) == [f"month-{n:02}" for n in range(12, 0, -1)]
    assert [len(page) for page in search.pages()] == [5, 5, 2]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"bbox": [-100, 20, -90, 30]}, ["a1b", "e1"]),
        ({"intersects": rectangle(-100, 20, -90, 30)}, ["a1b", "e1"]),
        ({"datetime": "2026-03"}, ["month-03", "a1b", "e1"]),
        ({"datetime": "2026-11-15/.."}, ["month-12", "a1b", "e1"]),
        ({"ids": ["month-01", "e1"]}, ["month-01", "e1"]),
        ({"bbox": [-100, 20, -90, 30], "datetime": "1850", "ids": ["e1"]}, []),
    ],
)
def test_pystac_client_narrows_a_search(catalogue, method, asked, expected):
    assert ids(catalogue.search(method=method, **asked)) == expected


def test_pystac_client_searches_collections_by_words(catalogue):
    for words, expected in (("scenarios", ["uk-met-office-scenarios"]), ("nothing", [])):
        assert [found.id for found in catalogue.collection_search(q=words).collections()] == expected


def test_pystac_client_walks_from_the_landing_page_down(catalogue):
    collections = list(catalogue.get_collections())
    assert [collection.id for collection in collections] == [
        "sea-surface-temperature",
        "uk-met-office-scenarios",
    ]
    assert [child.id for child in catalogue.get_children()] == [collection.id for collection in collections]
    item = catalogue.get_collection("uk-met-office-scenarios").get_item("a1b")
    assert item.get_collection().id == "uk-met-office-scenarios"
    assert len(list(collections[0].get_items())) == 12


def test_pystac_reads_documents_and_finds_them_whole(catalogue, address):
    item = pystac.Item.from_file(f"{address}/stac/collections/uk-met-office-scenarios/items/a1b")
    assert item.properties["title"] == "A1B"
    assert item.assets["data"].href == f"{address}/data/demo/a1b.zarr"
    assert item.get_self_href() == f"{address}/stac/collections/uk-met-office-scenarios/items/a1b"


def test_every_link_of_the_api_leads_somewhere_of_the_type_it_says(catalogue, address):
    seen, waiting = set(), [f"{address}/stac"]
    with httpx.Client() as client:
        while waiting:
            href = waiting.pop()
            seen.add(href)
            answer = client.get(href)
            assert answer.status_code == 200, href
            is_json = "json" in answer.headers["content-type"]
            for link in answer.json().get("links", []) if is_json else ():
                if not link["href"].startswith(address) or link.get("method") == "POST":
                    continue
                assert client.get(link["href"]).headers["content-type"] == link["type"], link
                if link["href"] not in seen and len(seen) < 60:
                    waiting.append(link["href"])
    assert f"{address}/stac/api" in seen
    assert f"{address}/stac/collections/uk-met-office-scenarios/queryables" in seen


def test_landing_page_answers_with_and_without_a_slash(catalogue, address):
    assert pystac_client.Client.open(f"{address}/stac/").id == "geoscope"


def test_conformance_is_the_same_on_both_pages(visitor):
    landing, conformance = visitor.get("/stac").json(), visitor.get("/stac/conformance").json()
    assert landing["conformsTo"] == conformance["conformsTo"]
    assert "https://api.stacspec.org/v1.0.0/item-search" in landing["conformsTo"]
    assert "https://api.stacspec.org/v1.0.0-rc.3/item-search#filter" in landing["conformsTo"]
    assert len(set(landing["conformsTo"])) == len(landing["conformsTo"])


def test_openapi_describes_every_parameter(visitor):
    answer = visitor.get("/stac/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.1"
    paths = answer.json()["paths"]
    parameters = paths["/stac/search"]["get"]["parameters"]
    names = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    conditions = {"filter", "filter-lang", "filter-crs", "query"}
    narrowing = {"ids", "collections", "bbox", "intersects", "datetime", "q"} | conditions
    assert names == narrowing | {"limit", "token", "sortby", "fields"}
    body = paths["/stac/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"].keys() == names
    assert paths["/stac/collections/{collection}/items/{item}"].keys() == {"get", "put", "patch", "delete"}


def test_pages_of_other_sites_may_read_the_catalogue(visitor):
    answer = visitor.get("/stac", headers={"Origin": "https://browser.example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_catalogue_tells_that_it_is_well(visitor):
    assert visitor.get("/stac/health").json() == {"status": "ok"}


def test_what_is_not_there_is_answered_in_the_form_of_the_standard(visitor):
    for path in (
        "/stac/nothing",
        "/stac/collections/none",
        "/stac/collections/none/items",
        "/stac/collections/n/items/i",
    ):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert answer.json().keys() == {"code", "description"}
