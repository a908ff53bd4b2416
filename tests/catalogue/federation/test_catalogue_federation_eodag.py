"""Providers that eodag knows, asked through its own process: OData of the Copernicus Data Space."""

import os
import signal

import psutil
import pytest
from catalogue_documents import make_collection, make_item
from federation_servers import fill
from odata_server import ODataServer

from geoscope.catalogue.areas import Box, area_of_box
from geoscope.catalogue.datetimes import Interval, parse_instant
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import ItemSearch, SortKey

pytestmark = pytest.mark.anyio

COLLECTIONS = [("EO.ESA.DAT.SENTINEL-2.MSI.L2A", ("dataspace", "S2_MSI_L2A"))]


def record(number, **members):
    start = f"2024-01-{number:02d}T10:00:00.000Z"
    return {
        "collection": "SENTINEL-2",
        "kind": "S2MSI2A",
        "name": f"S2A_MSIL2A_{number:02d}",
        "start": start,
        "end": start,
        "cloud": float(number * 3),
        "box": (number, 40, number + 1, 41),
    } | members


@pytest.fixture(scope="module")
def odata():
    others = [record(n, kind="S2MSI1C", name=f"S2A_MSIL1C_{n:02d}") for n in range(1, 8)]
    server = ODataServer([record(n) for n in range(1, 28)] + others)
    yield server
    server.close()


@pytest.fixture
def dataspace(federated, odata):
    backend = {
        "kind": "eodag",
        "provider": "cop_dataspace",
        "definition": {"search": {"api_endpoint": odata.url}},
        "credentials": {"username": "anna", "password": "open-sesame-4711"},
    }
    return lambda **options: federated({"dataspace": backend}, COLLECTIONS, deadline_s=60, **options)


async def ids(finder, limit=10, **narrowing):
    search = ItemSearch(limit, collections=("near", COLLECTIONS[0][0]), **narrowing)
    found, token = [], None
    for _ in range(50):
        page = await finder.find_items(search, token)
        assert [report.state for report in page.reports] == ["answered"], page.reports
        found += [item.id for item in page.items]
        token = page.token
        if token is None:
            return found
    raise AssertionError("the pages do not end")


def names(*numbers):
    return [f"S2A_MSIL2A_{n:02d}" for n in numbers]


async def test_products_come_between_local_items_page_by_page(dataspace, store):
    near = [make_item(f"near-{n}", when=f"2024-01-{n:02d}T12:00:00Z", collection="near") for n in (3, 20)]
    await fill(store, make_collection("near"), items=near)
    async with dataspace() as (finder, federation):
        assert federation.eodag.pid is None
        expected = names(*range(27, 0, -1))
        expected.insert(expected.index("S2A_MSIL2A_20"), "near-20")
        expected.insert(expected.index("S2A_MSIL2A_03"), "near-3")
        assert await ids(finder, limit=6) == expected
        assert await ids(finder, order=(SortKey("datetime"),)) == expected[::-1]


async def test_searches_narrow_as_asked(dataspace, odata):
    async with dataspace() as (finder, _):
        instant = parse_instant("2024-01-05T10:00:00Z")
        assert await ids(finder, time=Interval(instant, instant)) == names(5)
        until = parse_instant("2024-01-07T10:00:00Z")
        assert await ids(finder, time=Interval(instant, until)) == names(7, 6, 5)
        assert await ids(finder, area=area_of_box(Box(10.5, 40.5, 12.5, 40.6))) == names(12, 11, 10)
        assert await ids(finder, ids=("S2A_MSIL2A_09",)) == names(9)
        assert await ids(finder, filter=parse_filter("eo:cloud_cover < 9", "cql2-text")) == names(2, 1)
        assert "cloudCover" in odata.queries[-1]
        # What the provider calls otherwise is not asked there, but here.
        condition = parse_filter("platform = 'S2A' AND eo:cloud_cover >= 75", "cql2-text")
        assert await ids(finder, filter=condition) == names(27, 26, 25)
        assert "platform" not in odata.queries[-1]


async def test_an_item_says_who_serves_it_and_keeps_nothing_internal(dataspace):
    async with dataspace() as (finder, _):
        found = await finder.item(COLLECTIONS[0][0], "S2A_MSIL2A_09")
        assert await finder.item(COLLECTIONS[0][0], "S2A_MSIL2A_0") is None
    text = found.document.decode()
    assert '"federation:backends":["dataspace"]' in text
    assert '"collection":"EO.ESA.DAT.SENTINEL-2.MSI.L2A"' in text
    assert '"eodag:' not in text
    assert "https://catalogue.dataspace.copernicus.eu/odata/v1/Products(uuid-S2A_MSIL2A_09)/$value" in text


async def test_credentials_are_in_no_list_of_processes_and_no_file(dataspace, settings):
    async with dataspace() as (finder, federation):
        await ids(finder, limit=100)
        process = psutil.Process(federation.eodag.pid)
        seen = " ".join(process.cmdline()) + " ".join(process.environ().values())
    assert "open-sesame" not in seen
    folder = settings.data_dir / "catalogue" / "eodag"
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"open-sesame" not in path.read_bytes()


async def test_a_killed_process_is_replaced(dataspace):
    async with dataspace(answer_lifetime_s=0) as (finder, federation):
        assert len(await ids(finder, limit=100)) == 27
        before = federation.eodag.pid
        os.kill(before, signal.SIGKILL)
        page = await finder.find_items(ItemSearch(5, collections=(COLLECTIONS[0][0],)))
        if page.reports[0].state != "answered":
            assert "started anew" in page.reports[0].message
        assert len(await ids(finder, limit=100)) == 27
        assert federation.eodag.pid != before


async def test_a_hung_process_is_replaced(dataspace):
    async with dataspace(answer_lifetime_s=0) as (finder, federation):
        assert len(await ids(finder, limit=100)) == 27
        before = federation.eodag.pid
        os.kill(before, signal.SIGSTOP)
        federation.eodag.patience_s = 0.5
        page = await finder.find_items(ItemSearch(5, collections=(COLLECTIONS[0][0],)))
        assert page.reports[0].state == "failed"
        assert "did not answer within" in page.reports[0].message
        assert not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE
        federation.eodag.patience_s = 60
        assert len(await ids(finder, limit=100)) == 27


async def test_an_idle_process_ends(dataspace):
    async with dataspace(worker_idle_s=0.5) as (finder, federation):
        await ids(finder, limit=100)
        await federation.eodag._child.process.wait()
        assert federation.eodag.pid is None


async def test_a_provider_without_credentials_is_not_asked(federated):
    backend = {"kind": "eodag", "provider": "dedl", "needs_credentials": True}
    collection = ("EO.EUM.DAT.X", ("lake", "EO.EUM.DAT.X"))
    async with federated({"lake": backend}, [collection]) as (finder, federation):
        page = await finder.find_items(ItemSearch(5, collections=("EO.EUM.DAT.X",)))
        assert [(report.backend, report.state) for report in page.reports] == [("lake", "failed")]
        assert "credentials" in page.reports[0].message
        assert federation.eodag.pid is None


async def test_a_product_made_on_order_is_shown_with_its_order_link(federated):
    # The Climate Data Store's search is eodag's own: it makes the request, and asks nobody.
    backend = {"kind": "eodag", "provider": "cop_cds", "credentials": {"apikey": "00000000"}}
    collection = ("EO.ECMWF.DAT.REANALYSIS_ERA5_SINGLE_LEVELS", ("cds", "ERA5_SL"))
    async with federated({"cds": backend}, [collection], deadline_s=60) as (finder, _):
        day = parse_instant("2024-01-02T00:00:00Z")
        condition = parse_filter("ecmwf:variable = '2m_temperature'", "cql2-text")
        page = await finder.find_items(
            ItemSearch(5, collections=(collection[0],), time=Interval(day, day), filter=condition)
        )
        assert [report.state for report in page.reports] == ["answered"]
        (item,) = page.items
        text = item.document.decode()
        assert "ORDERABLE" in item.id
        assert '"order:status":"orderable"' in text
        assert '"storage:tier":"offline"' in text
        assert f"geoscope://base/stac/v2/collections/{collection[0]}/order" in text
        assert '"variable":"2m_temperature"' in text or '"variable":["2m_temperature"]' in text
