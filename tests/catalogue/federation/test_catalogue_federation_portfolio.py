"""Portfolios, and the collections that they put into the catalogue."""

import asyncio
import time

import orjson
import pytest
from catalogue_documents import make_collection, make_item
from federation_servers import EVERYBODY, fill

from geoscope.catalogue.federation.collections import discovered_collection, local_name, remote_name
from geoscope.catalogue.federation.portfolio import read_portfolio
from geoscope.catalogue.federation.running import open_federation
from geoscope.catalogue.federation.synchronising import synchronise
from geoscope.catalogue.models import CollectionSearch, Reader
from geoscope.catalogue.store.sqlite import SqliteStore
from geoscope.settings import Settings

OWN = """
[backends.station]
kind = "stac"
url = "http://127.0.0.1:9/stac"
title = "Field station"

[[collections]]
id = "EO.OWN.DAT.RAIN"
title = "Rain gauges"
keywords = ["rain"]
bbox = [5, 45, 10, 48]
start = "2020-01-01T00:00:00Z"
backends = [{ name = "station", collection = "rain" }]
"""


@pytest.fixture
def own(settings, tmp_path):
    """Settings of a data folder with an operator's portfolio."""
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "secrets").symlink_to(settings.data_dir / "secrets")

    def make(text=OWN, **options):
        (tmp_path / "portfolio" / "own.toml").write_text(text)
        return Settings(data_dir=tmp_path, catalogue={"federation": options})

    return make


async def written(store, settings):
    portfolio = read_portfolio(settings)
    return await synchronise(store, "portfolio", portfolio.collections, portfolio)


async def titles(store):
    return dict(await store.collection_titles(EVERYBODY))


def test_the_data_lakes_portfolio_is_whole(own):
    portfolio = read_portfolio(own(portfolios=["data-lake"]))
    assert portfolio.problems == ()
    assert len(portfolio.collections) == 314 + 1
    sentinel = portfolio.collections["EO.ESA.DAT.SENTINEL-2.MSI.L2A"]
    assert [served.name for served in sentinel.backends][:1] == ["cop_dataspace"]
    assert portfolio.collections["EO.ECMWF.DAT.DT_EXTREMES"].orderable


@pytest.mark.anyio
async def test_314_collections_are_written_once_and_found(own, store):
    settings = own(portfolios=["data-lake"])
    portfolio = read_portfolio(settings)
    assert await synchronise(store, "portfolio", portfolio.collections, portfolio) == 315
    assert await synchronise(store, "portfolio", portfolio.collections, portfolio) == 0
    page = await store.find_collections(CollectionSearch(1000))
    assert page.matched == 315
    document = orjson.loads(await store.collection("EO.OWN.DAT.RAIN"))
    assert document["summaries"]["federation:backends"] == ["station"]
    assert document["providers"] == [{"name": "Field station", "roles": ["host"]}]
    assert document["extent"]["spatial"]["bbox"] == [[5.0, 45.0, 10.0, 48.0]]


@pytest.mark.anyio
async def test_changed_collections_are_replaced_and_gone_ones_removed(own, store):
    assert await written(store, own()) == 1
    assert await written(store, own(OWN.replace("Rain gauges", "Rain radar"))) == 1
    assert (await titles(store))["EO.OWN.DAT.RAIN"] == "Rain radar"
    assert await written(store, own(OWN.replace("DAT.RAIN", "DAT.HAIL"))) == 2
    assert list(await titles(store)) == ["EO.OWN.DAT.HAIL"]


@pytest.mark.anyio
async def test_a_collection_with_items_here_is_not_removed(own, store):
    await written(store, own())
    await fill(store, items=[make_item("a", collection="EO.OWN.DAT.RAIN")])
    assert await written(store, own("")) == 0
    assert list(await titles(store)) == ["EO.OWN.DAT.RAIN"]
    # It still counts as the portfolio's own: once it is empty, it goes.
    await store.change(lambda transaction: transaction.delete_item("EO.OWN.DAT.RAIN", "a"))
    assert await written(store, own(OWN.replace("DAT.RAIN", "DAT.HAIL"))) == 2
    assert list(await titles(store)) == ["EO.OWN.DAT.HAIL"]


@pytest.mark.anyio
async def test_somebody_elses_collection_stays_as_it_is(own, store):
    await fill(store, make_collection("EO.OWN.DAT.RAIN", title="Mine"))
    await written(store, own())
    await written(store, own(""))
    assert (await titles(store))["EO.OWN.DAT.RAIN"] == "Mine"


@pytest.mark.anyio
async def test_a_collection_can_be_for_some_only(own, store):
    await written(store, own(OWN + 'readers = ["entity:weather"]\n'))
    assert await store.collection("EO.OWN.DAT.RAIN") is None
    assert await store.collection("EO.OWN.DAT.RAIN", Reader(frozenset({"entity:weather"}))) is not None


@pytest.mark.anyio
async def test_several_processes_may_synchronise_at_once(own, tmp_path):
    settings = own(portfolios=["data-lake"])
    stores = [SqliteStore(tmp_path / "shared.sqlite") for _ in range(3)]
    await asyncio.gather(*(written(store, settings) for store in stores))
    assert len(await titles(stores[0])) == 315
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[collections", "cannot be read"),
        (OWN.replace("title", "tittle"), "tittle"),
        (OWN.replace("EO.OWN.DAT.RAIN", "../etc"), "cannot be used"),
        (OWN.replace("[5, 45, 10, 48]", "[5, 95, 10, 98]"), "south is 95"),
        (OWN.replace("2020-01-01T00:00:00Z", "yesterday"), "yesterday"),
        (OWN.replace('url = "http://127.0.0.1:9/stac"', ""), "a url"),
        (OWN.replace('name = "station"', 'name = "nobody"'), "nobody"),
    ],
)
def test_what_is_wrong_in_a_portfolio_is_named_and_left_out(own, text, problem):
    portfolio = read_portfolio(own(text))
    assert portfolio.collections == {}
    assert problem in " ".join(portfolio.problems)


@pytest.mark.anyio
async def test_all_collections_of_a_stac_api_appear(own, store, remote):
    url, there = remote
    await fill(there, make_collection("rain"), make_collection("snow"))
    backends = {"other": {"kind": "stac", "url": url, "all_collections": True, "prefix": "far."}}
    settings = own("", backends=backends)
    async with open_federation(settings, store) as (federation, _):
        deadline = time.monotonic() + 60
        while len(await titles(store)) < 2 or "far.rain" not in federation.collections:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
    assert list(await titles(store)) == ["far.rain", "far.snow"]
    # After a start they are known before the backend was asked again.
    gone = own("", backends={"other": backends["other"] | {"url": "http://127.0.0.1:9/stac"}})
    async with open_federation(gone, store) as (federation, _):
        while "far.snow" not in federation.collections:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert federation.collections["far.snow"].backends[0].collection == "snow"


@pytest.mark.parametrize("remote_id", ["a", "W_XX-EUMETSAT,IMG+SAT,MTI1", "Zürich/7 ~ x", "a~2Cb"])
def test_names_are_written_safely_and_read_back(remote_id):
    assert remote_name(local_name(remote_id)) == remote_id
    assert local_name(remote_id).replace("~", "").isascii()


@pytest.mark.parametrize(
    "document",
    [
        {
            "id": "x",
            "extent": {"spatial": {"bbox": [[0, 0, 0, 1, 1, 1]]}, "temporal": {"interval": [[None, None]]}},
        },
        {
            "id": "x",
            "extent": 7,
            "keywords": [1, "a"],
            "providers": "nobody",
            "summaries": [],
            "license": None,
        },
        {"id": "x", "extent": {"spatial": {"bbox": [[900, 0, 1, 1]]}, "temporal": {"interval": [["no", 1]]}}},
    ],
)
def test_what_a_backend_says_wrongly_of_a_collection_does_no_harm(document):
    assert discovered_collection(document, "b", "").id == "x"


@pytest.mark.parametrize("document", [{}, {"id": 7}, {"id": ""}, {"id": "x" * 300}])
def test_what_is_no_collection_is_left_out(document):
    assert discovered_collection(document, "b", "") is None
