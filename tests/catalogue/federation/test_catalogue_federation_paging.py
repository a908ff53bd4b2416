"""Pages that several catalogues fill, against a brute-force oracle."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_documents import make_collection, make_item
from federation_servers import fill, serve_catalogue
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from geoscope.catalogue.areas import Box, area_of_box
from geoscope.catalogue.datetimes import Interval, parse_instant
from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.finder import FederatedFinder
from geoscope.catalogue.federation.portfolio import Portfolio, PortfolioCollection, ServedBy
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import NEWEST_FIRST, ItemSearch, SortKey
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.catalogue.words import Phrase
from geoscope.errors import InvalidInputError
from geoscope.settings import FederatedBackend

in_a_loop = pytest.mark.anyio


def day(number):
    return f"2026-03-{number:02d}T00:00:00Z"


async def all_pages(finder, search):
    found, token = [], None
    for _ in range(200):
        page = await finder.find_items(search, token)
        assert len(page.items) <= search.limit
        found.append([(item.collection, item.id) for item in page.items])
        token = page.token
        if token is None:
            return found
    raise AssertionError("the pages do not end")


@in_a_loop
async def test_items_of_two_catalogues_come_in_one_order(federated, store, remote):
    url, there = remote
    await fill(
        there,
        make_collection("far"),
        items=[make_item(f"far-{n}", when=day(n), collection="far") for n in (1, 3, 5, 7)],
    )
    await fill(
        store,
        make_collection("near"),
        items=[make_item(f"near-{n}", when=day(n), collection="near") for n in (2, 4, 6)],
    )
    backends = {"other": {"kind": "stac", "url": url}}
    async with federated(backends, [("abroad", ("other", "far"))]) as (finder, _):
        pages = await all_pages(finder, ItemSearch(3, collections=("near", "abroad")))
    assert [[id_ for _, id_ in page] for page in pages] == [
        ["far-7", "near-6", "far-5"],
        ["near-4", "far-3", "near-2"],
        ["far-1"],
    ]


@in_a_loop
async def test_an_item_that_is_here_too_comes_once(federated, store, remote):
    url, there = remote
    await fill(
        there,
        make_collection("far"),
        items=[make_item(f"i{n}", when=day(n), collection="far") for n in range(1, 9)],
    )
    backends = {"other": {"kind": "stac", "url": url}}
    async with federated(backends, [("abroad", ("other", "far"))]) as (finder, _):
        here = [make_item(f"i{n}", when=day(n + 10), collection="abroad") for n in (2, 5)]
        await fill(store, items=here)
        pages = await all_pages(finder, ItemSearch(3, collections=("abroad",)))
    assert [id_ for page in pages for _, id_ in page] == ["i5", "i2", "i8", "i7", "i6", "i4", "i3", "i1"]


@in_a_loop
async def test_pages_are_stable_while_the_other_catalogue_grows(federated, remote):
    url, there = remote
    items = [make_item(f"i{n:02d}", when=day(n), collection="far") for n in range(1, 25)]
    await fill(there, make_collection("far"), items=items)
    backends = {"other": {"kind": "stac", "url": url}}
    async with federated(backends, [("abroad", ("other", "far"))], answer_lifetime_s=0) as (finder, _):
        search = ItemSearch(7, collections=("abroad",))
        found, token = [], None
        for number in range(10):
            page = await finder.find_items(search, token)
            found += [item.id for item in page.items]
            token = page.token
            await fill(there, items=[make_item(f"new-{number}", when=day(31), collection="far")])
            if token is None:
                break
    assert found == [f"i{n:02d}" for n in range(24, 0, -1)]


@in_a_loop
async def test_a_token_is_of_one_search_and_cannot_be_made_up(federated, remote):
    url, there = remote
    items = [make_item(f"i{n}", when=day(n), collection="far") for n in range(1, 9)]
    await fill(there, make_collection("far"), items=items)
    backends = {"other": {"kind": "stac", "url": url}}
    async with federated(backends, [("abroad", ("other", "far"))]) as (finder, _):
        search = ItemSearch(2, collections=("abroad",))
        token = (await finder.find_items(search)).token
        with pytest.raises(InvalidInputError, match="another search"):
            await finder.find_items(replace(search, ids=("i1",)), token)
        middle = len(token) // 2
        for forged in (
            "",
            "x",
            token[:-3],
            token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :],
        ):
            if forged:
                with pytest.raises(InvalidInputError, match="was not made by this catalogue"):
                    await finder.find_items(search, forged)


# Few values, so that many items are alike.
instants = st.integers(1, 6).map(day)
numbers = st.none() | st.sampled_from([0, 1, 2.5, 90])


@st.composite
def catalogues(draw):
    """Items of a local collection and of three federated ones at two other catalogues."""
    items = {}
    for collection in ("near", "a", "b", "c"):
        count = draw(st.integers(0, 14))
        made = []
        for n in range(count):
            start = draw(instants)
            when = start if draw(st.booleans()) else f"{start}/{day(9)}"
            west = draw(st.integers(-3, 3)) * 10.0
            cloud = draw(numbers)
            properties = {} if cloud is None else {"eo:cloud_cover": cloud}
            made.append(
                make_item(
                    f"{n:02d}", (west, 0.0, west + 1, 1.0), when, collection=collection, properties=properties
                )
            )
        items[collection] = made
    return items


searches = st.builds(
    ItemSearch,
    limit=st.integers(1, 12),
    collections=st.just(("near", "a", "b", "c")) | st.just(("b",)) | st.just(("near", "c")),
    area=st.none() | st.just(area_of_box(Box(-15, -5, 15, 5))),
    time=st.none() | st.just(Interval(parse_instant(day(2)), parse_instant(day(4)))),
    ids=st.none() | st.just(("00", "03", "07")),
    text=st.none() | st.just(Phrase("ocean")) | st.just(Phrase("nothing")),
    filter=st.none() | st.just(parse_filter("eo:cloud_cover < 50", "cql2-text")),
    order=st.sampled_from(
        [
            NEWEST_FIRST,
            (SortKey("datetime"),),
            (SortKey("id", descending=True), SortKey("datetime")),
        ]
    ),
)


def expected(search, items):
    found = [item for collection in search.collections for item in items[collection]]
    found = [item for item in found if is_found(search, item)]
    found.sort(key=lambda item: (item["collection"], item["id"]))
    for key in reversed(search.order):
        found.sort(key=lambda item: value(item, key.property), reverse=key.descending)
    return [(item["collection"], item["id"]) for item in found]


def is_found(search, item):
    properties, (west, _, east, _) = item["properties"], item["bbox"]
    start = properties.get("start_datetime") or properties["datetime"]
    end = properties.get("end_datetime") or properties["datetime"]
    words = "ocean" if item["collection"] == "near" else ""
    return (
        (search.ids is None or item["id"] in search.ids)
        and (search.area is None or (west <= 15 and east >= -15))
        and (search.time is None or (start <= day(4) and end >= day(2)))
        and (search.text is None or search.text.text == words)
        and (search.filter is None or properties.get("eo:cloud_cover", 100) < 50)
    )


def value(item, name):
    if name == "datetime":
        properties = item["properties"]
        return properties.get("start_datetime") or properties["datetime"]
    return item[name]


@pytest.fixture(scope="module")
def two_others(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    with serve_catalogue(folder / "one.sqlite") as one, serve_catalogue(folder / "two.sqlite") as two:
        yield one, two


@hypothesis_settings(max_examples=40, deadline=None)
@given(items=catalogues(), asked=st.lists(searches, min_size=1, max_size=5))
def test_every_search_finds_what_the_oracle_finds(settings, two_others, items, asked):
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "local.sqlite")
        try:
            asyncio.run(check(settings, store, two_others, items, asked))
        finally:
            store.close()


async def check(settings, store, two_others, items, asked):
    """Hold the pages against the oracle: `a` and `b` are at the one catalogue, `c` is at the other."""
    (url_one, store_one), (url_two, store_two) = two_others
    collections = [make_collection(id_) for id_ in ("a", "b", "c")]
    for other, held in ((store_one, ("a", "b")), (store_two, ("c",))):
        await other.change(lambda transaction: [transaction.delete_collection(id_) for id_ in "abc"])
        await fill(other, *collections, items=[item for id_ in held for item in items[id_]])
    silent = [make_collection(id_, keywords=[], title=id_, description="None.") for id_ in "abc"]
    await fill(store, make_collection("near"), *silent, items=items["near"])
    backends = {
        "one": FederatedBackend(kind="stac", url=url_one),
        "two": FederatedBackend(kind="stac", url=url_two),
    }
    entries = {
        id_: PortfolioCollection(id=id_, title=id_, backends=(ServedBy(name=name, collection=id_),))
        for id_, name in (("a", "one"), ("b", "one"), ("c", "two"))
    }
    federation = Federation(settings, Portfolio(backends, entries))
    finder = FederatedFinder(store, federation, b"key")
    try:
        for search in asked:
            pages = await all_pages(finder, search)
            assert [item for page in pages for item in page] == expected(search, items)
            assert all(len(page) == search.limit for page in pages[:-1])
    finally:
        await federation.close()
