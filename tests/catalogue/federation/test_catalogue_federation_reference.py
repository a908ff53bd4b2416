"""A server of another make, stac-fastapi-pgstac on a real PostgreSQL, as a member of the federation."""

import os
import socket
import subprocess
import sys

import httpx
import pytest
from catalogue_documents import make_collection, make_item
from federation_servers import fill

from geoscope.catalogue.areas import Box, area_of_box
from geoscope.catalogue.datetimes import Interval, parse_instant
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import ItemSearch, SortKey
from geoscope.runtime.ports import free_ports
from running import until

pytestmark = pytest.mark.anyio


def day(number):
    return f"2026-03-{number:02d}T00:00:00Z"


@pytest.fixture(scope="module")
def reference(new_database):
    """Address of a stac-fastapi-pgstac with twenty-five items, some of which have the same time."""
    port = free_ports(("stac-fastapi",))["stac-fastapi"]
    user, place = new_database().removeprefix("postgresql://").split("@")
    host, database = place.split("/")
    environment = {
        **os.environ,
        "PGUSER": user,
        "PGPASSWORD": "none",
        "PGHOST": host.split(":")[0],
        "PGPORT": host.split(":")[1],
        "PGDATABASE": database,
        "ENABLE_TRANSACTIONS_EXTENSIONS": "true",
    }
    command = ["-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app", "--port", str(port)]
    process = subprocess.Popen([sys.executable, *command, "--log-level", "warning"], env=environment)

    def answers():
        assert process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(answers, timeout_s=120, what="stac-fastapi-pgstac")
    address = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/collections", json=make_collection("far")).raise_for_status()
        for item in far_items():
            client.post("/collections/far/items", json=item).raise_for_status()
    yield address
    process.terminate()
    process.wait(timeout=20)


def far_items():
    items = []
    for n in range(25):
        cover = {"eo:cloud_cover": n * 4} if n % 5 else {}
        box = (n * 1.0, 40.0, n + 0.5, 41.0)
        items.append(make_item(f"far-{n:02d}", box, day(1 + n // 2), collection="far", properties=cover))
    return items


@pytest.fixture
async def finder(federated, store, reference):
    near = [make_item(f"near-{n}", (n, 40, n + 1, 41), day(n), collection="near") for n in (2, 5, 9)]
    backends = {"pgstac": {"kind": "stac", "url": reference}}
    async with federated(backends, [("abroad", ("pgstac", "far"))], deadline_s=60) as (opened, _):
        await fill(store, make_collection("near"), items=near)
        yield opened


async def all_items(finder, limit=4, **narrowing):
    search = ItemSearch(limit, collections=("near", "abroad"), **narrowing)
    found, token = [], None
    for _ in range(60):
        page = await finder.find_items(search, token)
        assert [report.state for report in page.reports] in (["answered"], []), page.reports
        found += [item.id for item in page.items]
        token = page.token
        if token is None:
            return found
    raise AssertionError("the pages do not end")


def days_of(ids):
    return [1 + int(id_[4:]) // 2 if id_.startswith("far") else int(id_[5:]) for id_ in ids]


@pytest.mark.parametrize("limit", [1, 4, 7, 100])
async def test_every_item_comes_once_and_in_order(finder, limit):
    found = await all_items(finder, limit)
    assert sorted(found) == sorted([f"far-{n:02d}" for n in range(25)] + ["near-2", "near-5", "near-9"])
    assert days_of(found) == sorted(days_of(found), reverse=True)
    oldest_first = await all_items(finder, limit, order=(SortKey("datetime"),))
    assert sorted(oldest_first) == sorted(found)
    assert days_of(oldest_first) == sorted(days_of(found))


async def test_what_lacks_the_property_comes_last(finder):
    found = await all_items(finder, order=(SortKey("eo:cloud_cover", descending=True),))
    covers = [int(id_[4:]) * 4 if id_.startswith("far") and int(id_[4:]) % 5 else None for id_ in found]
    present = [cover for cover in covers if cover is not None]
    assert present == sorted(present, reverse=True)
    assert covers[: len(present)] == present
    assert len(found) == len(set(found)) == 28


async def test_searches_narrow_as_asked(finder):
    area = area_of_box(Box(2.6, 40, 4.2, 41))
    assert await all_items(finder, area=area) == ["far-04", "far-03", "near-2"]
    time = Interval(parse_instant(day(2)), parse_instant(day(3)))
    assert sorted(await all_items(finder, time=time)) == ["far-02", "far-03", "far-04", "far-05", "near-2"]
    assert await all_items(finder, ids=("far-07", "near-9")) == ["near-9", "far-07"]
    condition = parse_filter("eo:cloud_cover < 15", "cql2-text")
    assert await all_items(finder, filter=condition) == ["far-02", "far-03", "far-01"]
    # The collection is called otherwise there.
    condition = parse_filter("collection = 'abroad' AND eo:cloud_cover < 10", "cql2-text")
    assert await all_items(finder, filter=condition) == ["far-02", "far-01"]


async def test_an_item_and_the_queryables_are_told_of(finder):
    item = await finder.item("abroad", "far-03")
    assert b'"collection":"abroad"' in item.document
    assert await finder.item("abroad", "nothing") is None
    assert "datetime" in await finder.queryables("abroad")
