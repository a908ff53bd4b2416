"""`/stac/v2`: the same data in the shape that clients of the Data Lake expect, with all that they send."""

import pystac_client
import pytest
from catalogue_documents import make_collection, make_item

from geoscope.settings import current_settings

LAKE = "/stac/v2"
TWIN = "EO.ECMWF.DAT.DT_EXTREMES"


@pytest.fixture
def twin(editor, add_items):
    """A collection with items in the words of ECMWF."""
    items = [
        make_item(
            f"twin-{levtype}-{param}",
            when=f"2026-05-{28 if levtype == 'sfc' else 29}T00:00:00Z",
            properties={"ecmwf:levtype": levtype, "ecmwf:param": [param], "ecmwf:class": "d1"},
        )
        for levtype in ("sfc", "pl")
        for param in ("31", "131", "132")
    ]
    add_items(*items, collection=TWIN)


def features(answer):
    assert answer.status_code == 200, answer.text
    return [feature["id"] for feature in answer.json()["features"]]


def every_link(document):
    yield from document["links"]
    for part in document.get("features", []) + document.get("collections", []):
        yield from part["links"]


@pytest.mark.parametrize("path", ["", "/", "?code=abc&state=xyz", "?session_state=1&iss=a&code=b"])
def test_the_landing_page_is_answered_directly(visitor, path):
    answer = visitor.get(LAKE + path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    landing = answer.json()
    assert landing["type"] == "Catalog"
    assert landing["federation"]["geoscope"].keys() == {"title", "description", "url"}
    assert {"self", "root", "data", "conformance", "search", "service-desc"} <= {
        link["rel"] for link in landing["links"]
    }
    assert [link["method"] for link in landing["links"] if link["rel"] == "search"] == ["GET", "POST"]
    assert visitor.get(f"{LAKE}/conformance").json()["conformsTo"] == landing["conformsTo"]


def test_every_link_has_a_title_and_leads_somewhere_in_the_same_shape(visitor, twin, address):
    for path in ("", "/collections", f"/collections/{TWIN}", "/search?limit=2", f"/collections/{TWIN}/items"):
        for link in every_link(visitor.get(LAKE + path).json()):
            assert link["title"], link
            if link["rel"] in ("self", "items", "collection", "root", "parent", "next") and link[
                "href"
            ].startswith(address):
                assert link["href"].startswith(f"{address}{LAKE}")
                assert visitor.get(link["href"]).status_code == 200, link


def test_all_collections_come_in_one_answer_unless_a_limit_is_given(visitor, editor):
    for number in range(12):
        editor.post("/stac/collections", json=make_collection(f"EO.X.DAT.C{number:02}")).raise_for_status()
    everything = visitor.get(f"{LAKE}/collections").json()
    assert (everything["numberReturned"], everything["numberMatched"]) == (12, 12)
    seen, href = [], f"{LAKE}/collections?limit=5"
    while href:
        page = visitor.get(href).json()
        seen += [collection["id"] for collection in page["collections"]]
        href = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert seen == [collection["id"] for collection in everything["collections"]]
    middle = visitor.get(f"{LAKE}/collections?limit=5&offset=5").json()
    assert {"next", "previous", "first"} <= {link["rel"] for link in middle["links"]}


def test_collections_are_searched_by_words_and_backend(visitor, editor):
    gases = {"keywords": ["Ozone", "Methane"], "title": "Gases"}
    editor.post("/stac/collections", json=make_collection("EO.X.DAT.GASES", **gases)).raise_for_status()
    far = {"summaries": {"federation:backends": ["far"]}, "title": "Fire Generation-2"}
    editor.post("/stac/collections", json=make_collection("EO.X.DAT.FAR", **far)).raise_for_status()

    def found(**parameters):
        page = visitor.get(f"{LAKE}/collections", params=parameters)
        assert page.status_code == 200, page.text
        return [collection["id"] for collection in page.json()["collections"]]

    assert found(q="ozone,fire") == ["EO.X.DAT.FAR", "EO.X.DAT.GASES"]
    assert found(q='"Fire Generation-2" AND Generation-2') == ["EO.X.DAT.FAR"]
    assert found(provider="far") == ["EO.X.DAT.FAR"]
    assert found(query='{"federation:backends":{"eq":"far"}}') == ["EO.X.DAT.FAR"]
    assert found(query='{"federation:backends":{"eq":["far"]}}') == ["EO.X.DAT.FAR"]
    assert found(provider="nobody") == []


def test_the_search_that_eodag_sends(visitor, twin):
    body = {
        "query": {"ecmwf:param": {"eq": ["31"]}},
        "datetime": "2026-05-28T00:00:00.000Z/2026-05-28T00:00:00.000Z",
        "collections": [TWIN],
        "limit": 20,
    }
    assert features(visitor.post(f"{LAKE}/search", json=body)) == ["twin-sfc-31"]


@pytest.mark.parametrize(
    "datetime",
    [
        "2026-05-28T00:00:00Z",
        "2026-05-28T00:00Z",
        "2026-05-28",
        "2026-05-28T00:00:00",
        "2026-05-28/2026-05-28",
        "2026-05-28T00:00Z/2026-05-28T12:00Z",
        "2026-05-27T22:00+00:00/2026-05-28T00:00Z",
        "../2026-05-28",
    ],
)
def test_times_may_be_written_loosely(visitor, twin, datetime):
    wanted = ["twin-sfc-131", "twin-sfc-132", "twin-sfc-31"]
    assert features(visitor.post(f"{LAKE}/search", json={"datetime": datetime})) == wanted
    assert features(visitor.get(f"{LAKE}/search", params={"datetime": datetime})) == wanted
    assert features(visitor.get(f"{LAKE}/collections/{TWIN}/items", params={"datetime": datetime})) == wanted


@pytest.mark.parametrize(
    "datetime", ["yesterday", "2026-13-01", "2026-05-28T25:00Z", "2026-05-29/2026-05-28"]
)
def test_a_time_that_does_not_exist_is_refused(visitor, datetime):
    answer = visitor.post(f"{LAKE}/search", json={"datetime": datetime})
    assert (answer.status_code, answer.json()["code"]) == (400, "400")
    assert "datetime" in answer.json()["description"]


def test_unknown_members_are_ignored_and_named(visitor, twin):
    answer = visitor.post(f"{LAKE}/search", json={"BBox": [1, 2, 3, 4], "ids": ["twin-pl-31"], "a\r\nb": 1})
    assert features(answer) == ["twin-pl-31"]
    assert answer.headers["Geoscope-Ignored"] == "BBox, a??b"
    answer = visitor.get(f"{LAKE}/search?ids=twin-pl-31&strange=1")
    assert (features(answer), answer.headers["Geoscope-Ignored"]) == (["twin-pl-31"], "strange")
    assert "Geoscope-Ignored" not in visitor.get(f"{LAKE}/search").headers


def test_the_query_extension(visitor, twin):
    def found(**query):
        return features(
            visitor.post(
                f"{LAKE}/search", json={"query": query, "sortby": [{"field": "id", "direction": "asc"}]}
            )
        )

    assert found(**{"ecmwf:levtype": {"eq": "pl"}, "ecmwf:param": {"eq": ["131", "132"]}}) == [
        "twin-pl-131",
        "twin-pl-132",
    ]
    assert found(**{"properties.ecmwf:levtype": {"in": ["pl"]}, "ecmwf:param": {"eq": "31"}}) in (
        [],
        ["twin-pl-31"],
    )
    assert len(found(**{"federation:backends": {"eq": "geoscope"}})) == 6
    assert found(**{"federation:backends": {"eq": ["elsewhere"]}}) == []


def test_pages_by_post_repeat_the_whole_request(visitor, twin):
    seen, body = [], {"collections": [TWIN], "limit": 2, "query": {"ecmwf:class": {"eq": "d1"}}}
    for _ in range(10):
        page = visitor.post(f"{LAKE}/search", json=body).json()
        seen += [feature["id"] for feature in page["features"]]
        following = [link for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        [link] = following
        assert (link["method"], link["href"].endswith(f"{LAKE}/search")) == ("POST", True)
        assert link["body"].keys() == body.keys() | {"token"}
        assert link["body"]["collections"] == [TWIN]
        body = link["body"]
    assert len(seen) == len(set(seen)) == 6


def test_an_item_says_where_it_is_kept_and_how_to_download_it(visitor, add_items, address):
    add_items(
        make_item("plain", bbox=None),
        make_item(
            "file",
            assets={
                "grib": {
                    "href": "geoscope://base/data/demo/x.grib",
                    "roles": ["data"],
                    "type": "application/x-grib",
                }
            },
        ),
    )
    plain = visitor.get(f"{LAKE}/collections/sea-surface-temperature/items/plain").json()
    assert plain["geometry"]["type"] == "Polygon"
    assert plain["bbox"] == [-180, -90, 180, 90]
    assert (
        plain["properties"].items()
        >= {
            "storage:tier": "online",
            "order:status": "succeeded",
            "federation:backends": ["geoscope"],
        }.items()
    )
    assert plain["properties"]["published"]
    assert "downloadLink" not in plain["assets"]  # a Zarr cube is no file
    asset = visitor.get(f"{LAKE}/collections/sea-surface-temperature/items/file").json()["assets"][
        "downloadLink"
    ]
    assert asset["href"] == f"{address}{LAKE}/data/geoscope/sea-surface-temperature/file/downloadLink"
    assert asset["alternate"]["origin"]["href"] == f"{address}/data/demo/x.grib"
    for method in ("GET", "HEAD"):
        answer = visitor.request(method, asset["href"])
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{address}/data/demo/x.grib")


@pytest.mark.parametrize(
    "path",
    [
        "/collections/none",
        "/collections/none/items",
        "/collections/none/items/none",
        "/collections/none/queryables",
        "/nothing",
        "/data/geoscope/none/none/downloadLink",
        "/data/geoscope/sea-surface-temperature/plain/other",
        "/data/geoscope/..%2f..%2fsecrets/signing-key.pem/a",
        "/data/geoscope/sea-surface-temperature/plain/..%2f..",
    ],
)
def test_errors_carry_a_ticket(visitor, add_items, path):
    add_items(make_item("plain"))
    answer = visitor.get(LAKE + path)
    assert answer.status_code == 404
    assert answer.json().keys() == {"code", "ticket", "description"}
    assert answer.json()["code"] == "404"
    int(answer.json()["ticket"], 16)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"1",
        b'{"limit": 0}',
        b'{"bbox": [1]}',
        b'{"collections": "x"}',
        b'{"query": [1]}',
        b'{"query": {"a": 1}}',
        b"\xff",
    ],
)
def test_bad_searches_are_refused_clearly(visitor, body):
    answer = visitor.post(f"{LAKE}/search", content=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "ticket", "description"}


@pytest.mark.parametrize(
    "path", ["", "/collections", f"/collections/{TWIN}", f"/collections/{TWIN}/items/twin-pl-31", "/search"]
)
def test_head_is_answered_like_get(visitor, twin, path):
    got, head = visitor.get(LAKE + path), visitor.head(LAKE + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_queryables_are_narrowed_by_what_is_chosen(visitor, twin):
    schema = visitor.get(f"{LAKE}/collections/{TWIN}/queryables")
    assert schema.headers["Content-Type"] == "application/schema+json"
    assert schema.json()["additionalProperties"] is False
    assert schema.json()["$id"].endswith(f"{LAKE}/collections/{TWIN}/queryables")
    assert schema.json()["properties"]["collection"]["type"] == "string"
    assert "const" not in schema.json()["properties"]["collection"]
    assert visitor.get(f"{LAKE}/queryables").json()["additionalProperties"] is True


def test_a_token_can_be_required(visitor, twin, request, monkeypatch, clients):
    monkeypatch.setenv("GEOSCOPE_CATALOGUE__DATA_LAKE_REQUIRES_TOKEN", "true")
    current_settings.cache_clear()
    request.addfinalizer(current_settings.cache_clear)
    assert visitor.get(f"{LAKE}/collections").status_code == 200
    for path in (
        "/search",
        f"/collections/{TWIN}/items",
        f"/collections/{TWIN}/items/twin-pl-31",
        "/data/a/b/c/d",
    ):
        answer = visitor.get(LAKE + path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert len(features(clients[1].get(f"{LAKE}/search"))) == 6


def test_pystac_client_searches_it(twin, address):
    client = pystac_client.Client.open(f"{address}{LAKE}")
    assert [collection.id for collection in client.get_collections()] == [TWIN]
    assert [collection.id for collection in client.collection_search(q="surface").collections()] == [TWIN]
    search = client.search(collections=[TWIN], query={"ecmwf:levtype": {"eq": "pl"}}, limit=2)
    assert sorted(item.id for item in search.items()) == ["twin-pl-131", "twin-pl-132", "twin-pl-31"]
    assert client.get_collection(TWIN).get_item("twin-sfc-31").properties["storage:tier"] == "online"
