"""The API as HTTP sees it: conditional requests, methods, links in headers, other sites' pages."""

import pytest
from catalogue_documents import make_collection, make_item

COLLECTION = "/stac/collections/sea-surface-temperature"
READ = [
    "/stac",
    "/stac/conformance",
    "/stac/children",
    "/stac/queryables",
    "/stac/aggregations",
    "/stac/aggregate",
    "/stac/collections",
    "/stac/search",
    COLLECTION,
    f"{COLLECTION}/queryables",
    f"{COLLECTION}/aggregate",
    f"{COLLECTION}/items",
    f"{COLLECTION}/items/a",
]


@pytest.fixture
def filled(add_items):
    add_items(*(make_item(id_) for id_ in "abc"))


@pytest.mark.parametrize("path", READ)
def test_answer_that_the_client_holds_is_not_sent_again(filled, visitor, editor, path):
    first = visitor.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    assert "Authorization" in first.headers["vary"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*", tag[:-1] + '-zstd"'):
        again = visitor.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for unknown in ('"x"', tag.strip('"'), ""):
        assert visitor.get(path, headers={"If-None-Match": unknown}).status_code == 200


@pytest.mark.parametrize("path", ["/stac/search", "/stac/aggregate", f"{COLLECTION}/items", "/stac/children"])
def test_tag_of_an_answer_changes_with_it(filled, visitor, editor, path):
    before = visitor.get(path).headers["etag"]
    assert editor.patch(COLLECTION, json={"title": "New"}).status_code == 200
    assert editor.delete(f"{COLLECTION}/items/a").status_code == 204
    assert visitor.get(path, headers={"If-None-Match": before}).status_code == 200


@pytest.mark.parametrize("path", READ)
def test_head_is_answered_as_get_without_a_body(filled, visitor, path):
    whole, head = visitor.get(path), visitor.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers[name] == whole.headers[name]
    assert visitor.head("/stac/collections/none").status_code == 404


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/stac", {"GET", "HEAD", "OPTIONS"}),
        ("/stac/search", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/stac/collections", {"GET", "HEAD", "OPTIONS", "POST"}),
        (f"{COLLECTION}/items/a", {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"}),
    ],
)
def test_options_tells_the_methods_that_there_are(visitor, path, methods):
    answer = visitor.options(path)
    assert answer.status_code == 204
    assert set(answer.headers["allow"].split(", ")) == methods


def test_method_that_there_is_not_is_refused(visitor):
    answer = visitor.request("TRACE", "/stac/search")
    assert answer.status_code == 405
    assert answer.json().keys() == {"code", "description"}
    assert visitor.options("/stac/nothing").status_code == 404


def test_next_page_is_named_in_a_header_too(filled, visitor):
    for path in ("/stac/search", f"{COLLECTION}/items"):
        first = visitor.get(path, params={"limit": 2, "bbox": "0,0,90,90"})
        [link] = [link for link in first.json()["links"] if link["rel"] == "next"]
        assert first.links["next"]["url"] == link["href"]
        last = visitor.get(link["href"])
        assert last.json()["numberReturned"] == 1
        assert not last.links


def test_pages_of_other_sites_may_search_and_see_what_they_need(filled, visitor):
    origin = {"Origin": "https://browser.example.org"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = visitor.options("/stac/search", headers=origin | asked)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]
    answer = visitor.get("/stac/search", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert all(name in exposed for name in ("etag", "link", "location"))


def test_children_are_the_collections(filled, editor, visitor):
    editor.post("/stac/collections", json=make_collection("another")).raise_for_status()
    children = visitor.get("/stac/children").json()["children"]
    assert children == visitor.get("/stac/collections").json()["collections"]
    assert [child["id"] for child in children] == ["another", "sea-surface-temperature"]
    linked = [link["href"] for link in visitor.get("/stac").json()["links"] if link["rel"] == "child"]
    assert [visitor.get(href).json() for href in linked] == children


def test_parameter_that_is_given_twice_is_refused_where_it_is_no_list(filled, visitor):
    assert visitor.get("/stac/search?ids=a&ids=b").json()["numberReturned"] == 2
    answer = visitor.get("/stac/search?limit=1&limit=2")
    assert answer.status_code == 400
    assert "limit" in answer.json()["description"]
