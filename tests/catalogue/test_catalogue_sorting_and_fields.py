"""What a page is sorted by, and which members of its items it has."""

import pytest
from catalogue_documents import make_item

from geoscope.catalogue.models import NEWEST_FIRST, SortKey
from geoscope.catalogue.stac_api.fields import DEFAULT_ITEM_FIELDS, fields_of_text
from geoscope.catalogue.stac_api.sorting import keys_of_text
from geoscope.errors import InvalidInputError

CLOUDS = {"a": 30, "b": 10, "c": None, "d": 10, "e": 20.5}


@pytest.fixture
def filled(add_items):
    add_items(
        *(
            make_item(
                id_,
                when=f"2026-01-0{n}T00:00:00Z",
                properties={"platform": "s2a", **({} if clouds is None else {"eo:cloud_cover": clouds})},
            )
            for n, (id_, clouds) in enumerate(CLOUDS.items(), 1)
        )
    )


def pages(visitor, method, limit, **asked):
    """Return the ids of each page, by following the links."""
    answer = (
        visitor.get("/stac/search", params=asked | {"limit": limit})
        if method == "GET"
        else visitor.post("/stac/search", json=asked | {"limit": limit})
    )
    found = []
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append([item["id"] for item in page["features"]])
        following = [link for link in page["links"] if link["rel"] == "next"]
        if not following:
            return found
        [link] = following
        answer = visitor.request(link["method"], link["href"], json=link.get("body"))


@pytest.mark.parametrize("limit", [1, 2, 10])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "edcba"),
        ("id", "abcde"),
        ("-id", "edcba"),
        ("+datetime", "abcde"),
        ("-properties.datetime", "edcba"),
        # What lacks the property comes last in either direction; what is alike is sorted by id.
        ("eo:cloud_cover", "bdeac"),
        ("-properties.eo:cloud_cover", "aebdc"),
        ("platform,-eo:cloud_cover,-id", "aedbc"),
        ("nothing,-id", "edcba"),
    ],
)
def test_items_are_sorted_and_paged(filled, visitor, text, expected, limit):
    keys = [part for part in text.split(",") if part]
    body = [
        {"field": key.lstrip("+-"), "direction": "desc" if key.startswith("-") else "asc"} for key in keys
    ]
    by_get = pages(visitor, "GET", limit, sortby=text)
    assert "".join(id_ for page in by_get for id_ in page) == expected
    assert by_get == pages(visitor, "POST", limit, sortby=body) == pages(visitor, "POST", limit, sortby=text)
    assert all(len(page) == limit for page in by_get[:-1])


def test_names_of_properties_are_read():
    assert keys_of_text(None) == keys_of_text("") == keys_of_text(" , ") == NEWEST_FIRST
    assert keys_of_text(" eo:cloud_cover,-properties.gsd,-gsd") == (
        SortKey("eo:cloud_cover"),
        SortKey("gsd", descending=True),
    )


@pytest.mark.parametrize("text", ["-", "geometry", "properties.", "a,b,c,d,e,f", "x" * 300, "a\0"])
def test_what_cannot_be_sorted_by_is_refused_by_name(text):
    with pytest.raises(InvalidInputError, match=r"^sortby: "):
        keys_of_text(text)


@pytest.mark.parametrize(
    "sortby", [[{"field": "id", "direction": "up"}], [{"direction": "asc"}], {"field": "id"}, [1]]
)
def test_body_that_is_no_order_is_refused(visitor, sortby):
    answer = visitor.post("/stac/search", json={"sortby": sortby})
    assert answer.status_code == 400
    assert "sortby" in answer.json()["description"]


ALWAYS = {"type", "stac_version", "id", "collection"}
ALL = ALWAYS | {"geometry", "bbox", "properties", "assets", "links"}


@pytest.mark.parametrize(
    ("included", "excluded", "members", "properties"),
    [
        ([], [], ALL, {"datetime"}),
        (["id"], [], ALWAYS, None),
        (["properties"], [], ALWAYS | {"properties"}, {"datetime", "platform", "created"}),
        (["properties.platform", "nothing"], [], ALWAYS | {"properties"}, {"platform"}),
        ([], ["geometry", "links"], ALL - {"geometry", "links"}, {"datetime", "platform", "created"}),
        ([], ["properties.platform"], ALL, {"datetime", "created"}),
        (["properties"], ["properties.platform"], ALWAYS | {"properties"}, {"datetime"}),
        # Of two names the longer counts, and the included one of two that are the same.
        (["id", "assets"], ["assets"], ALWAYS | {"assets"}, None),
        (["properties.platform"], ["properties"], ALWAYS | {"properties"}, {"platform"}),
    ],
)
def test_only_what_is_asked_for_is_sent(filled, visitor, included, excluded, members, properties):
    text = ",".join(included + [f"-{name}" for name in excluded])
    by_get = visitor.get("/stac/search", params={"fields": text, "ids": "a"}).json()
    fields = ({"include": included} if included else {}) | {"exclude": excluded}
    by_post = visitor.post("/stac/search", json={"fields": fields, "ids": ["a"]}).json()
    [item] = by_get["features"]
    assert by_post["features"] == [item]
    assert item.keys() == members
    if properties is not None:
        assert item["properties"].keys() >= properties
        assert ("platform" in item["properties"]) == ("platform" in properties)


@pytest.mark.parametrize("included", [[], None])
def test_nothing_included_is_the_least_that_makes_an_item(filled, visitor, included):
    fields = {"include": included, "exclude": ["geometry"]}
    [item] = visitor.post("/stac/search", json={"fields": fields, "ids": ["a"]}).json()["features"]
    assert item.keys() == ALL - {"geometry"}
    assert item["properties"].keys() == {"datetime"}


def test_everything_is_sent_unless_fields_are_asked_for(filled, visitor):
    whole = visitor.get("/stac/collections/sea-surface-temperature/items/a").json()
    assert visitor.get("/stac/search", params={"ids": "a"}).json()["features"] == [whole]
    assert visitor.post("/stac/search", json={"ids": ["a"]}).json()["features"] == [whole]


def test_fields_stay_on_the_next_page(filled, visitor):
    first = visitor.get("/stac/search", params={"fields": "id", "limit": 2}).json()
    [following] = [link["href"] for link in first["links"] if link["rel"] == "next"]
    second = visitor.get(following).json()
    assert all(item.keys() == ALWAYS for item in first["features"] + second["features"])


def test_names_with_dots_and_parts_of_assets_are_found():
    document = (
        b'{"id":"a","properties":{"x.y":1,"z":{"w":2,"v":3}},"assets":{"data":{"href":"h","type":"t"}}}'
    )
    selection = fields_of_text("properties.x.y,properties.z.w,assets.data.href", DEFAULT_ITEM_FIELDS)
    assert selection.select(document) == (
        b'{"id":"a","properties":{"x.y":1,"z":{"w":2}},"assets":{"data":{"href":"h"}}}'
    )
    selection = fields_of_text("-properties.x.y,-assets.data.href", DEFAULT_ITEM_FIELDS)
    assert selection.select(document) == (
        b'{"id":"a","properties":{"z":{"w":2,"v":3}},"assets":{"data":{"type":"t"}}}'
    )


@pytest.mark.parametrize("text", ["properties.", ".a", "a..b", "-", "x" * 300, ",".join(["a"] * 201)])
def test_what_is_no_name_of_a_member_is_refused_by_name(text):
    with pytest.raises(InvalidInputError, match=r"^fields: "):
        fields_of_text(text, DEFAULT_ITEM_FIELDS)


def test_null_is_no_list_of_fields(visitor):
    answer = visitor.post("/stac/search", json={"fields": None})
    assert answer.status_code == 400
    assert "fields" in answer.json()["description"]


def test_collections_are_sent_in_parts_too(filled, visitor):
    asked = {"fields": "title"}
    [collection] = visitor.get("/stac/collections", params=asked).json()["collections"]
    assert collection.keys() == {"type", "stac_version", "id", "title"}
    assert collection["title"] == "Sea surface temperature"
