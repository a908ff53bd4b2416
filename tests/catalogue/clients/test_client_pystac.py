"""pystac-client, unmodified: filters, order, fields, queryables and searches for collections."""

import pystac_client
import pytest
from catalogue_documents import rectangle


@pytest.fixture
def catalogue(scenes):
    return pystac_client.Client.open(scenes)


def ids(search):
    return [item.id for item in search.items()]


CLEAR = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 6]}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"filter": CLEAR}, [2, 1, 0]),
        ({"filter": "\"eo:cloud_cover\" <= 6 AND platform = 'sentinel-2b'"}, [2, 0]),
        ({"query": {"eo:cloud_cover": {"lte": 6}, "platform": {"eq": "sentinel-2a"}}}, [1]),
        ({"query": ["eo:cloud_cover<=3"]}, [1, 0]),
        ({"sortby": "+properties.eo:cloud_cover", "max_items": 3}, [0, 1, 2]),
        ({"sortby": [{"field": "eo:cloud_cover", "direction": "desc"}], "max_items": 2}, [29, 28]),
        ({"sortby": ["-eo:cloud_cover", "id"], "max_items": 2, "limit": 1}, [29, 28]),
        ({"ids": ["scene-04", "scene-02"], "sortby": "id"}, [2, 4]),
        ({"intersects": rectangle(3.2, 40.2, 3.4, 40.4)}, [3]),
    ],
)
def test_items_are_found(catalogue, method, asked, expected):
    found = ids(catalogue.search(method=method, collections=["scenes"], **asked))
    assert found == [f"scene-{n:02}" for n in expected]


@pytest.mark.parametrize(
    "fields", [["id", "properties.platform"], {"include": ["id", "properties.platform"]}]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_parts_of_items_are_sent(catalogue, method, fields):
    if isinstance(fields, dict) and method == "GET":
        fields = ["id", "properties.platform"]
    [item, *_] = catalogue.search(method=method, fields=fields, limit=5).items_as_dicts()
    assert item["properties"].keys() == {"platform"}
    assert "assets" not in item


def test_queryables_are_read_and_merged(catalogue):
    assert "eo:cloud_cover" in catalogue.get_merged_queryables(["scenes"])["properties"]
    told = catalogue.get_collection("scenes").get_queryables()["properties"]
    assert told["platform"]["enum"] == ["sentinel-2a", "sentinel-2b"]
    assert (told["eo:cloud_cover"]["minimum"], told["eo:cloud_cover"]["maximum"]) == (0, 87)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"q": "Scenes"}, ["scenes"]),
        ({"q": "Scenes OR Empty"}, ["empty", "scenes"]),
        ({"bbox": [10, 10, 20, 20], "datetime": "2026"}, ["empty", "scenes"]),
        ({"datetime": "1990"}, []),
        (
            {"filter": {"op": "=", "args": [{"property": "id"}, "empty"]}, "filter_lang": "cql2-json"},
            ["empty"],
        ),
        ({"query": {"title": {"eq": "Scenes"}}}, ["scenes"]),
        ({"limit": 1}, ["empty", "scenes"]),
    ],
)
def test_collections_are_found(catalogue, asked, expected):
    search = catalogue.collection_search(**asked)
    assert [collection.id for collection in search.collections()] == expected


def test_every_page_is_followed(catalogue):
    search = catalogue.search(collections=["scenes"], limit=7)
    assert search.matched() == 30
    assert [len(page) for page in search.pages()] == [7, 7, 7, 7, 2]
    assert len(set(ids(search))) == 30
