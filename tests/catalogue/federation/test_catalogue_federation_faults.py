"""Backends that are slow, dead or hostile cost their own results, and nothing else."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import pytest
from catalogue_documents import make_collection, make_item
from federation_servers import Misbehaving, answer, features, fill, serve

from geoscope.catalogue.federation.backends import BackendError
from geoscope.catalogue.federation.fetching import Fetcher
from geoscope.catalogue.filters import parse_filter
from geoscope.catalogue.models import ItemSearch, SortKey
from geoscope.errors import UnavailableError

pytestmark = pytest.mark.anyio

ABROAD = ("abroad", ("bad", "far"))


def day(number):
    return f"2026-03-{number:02d}T00:00:00Z"


def far_items(*numbers):
    return [make_item(f"far-{n}", when=day(n), collection="far") for n in numbers]


@pytest.fixture
def bad():
    """A server that can be told how to misbehave, at its own address."""
    server = Misbehaving()
    with serve(server) as server.address:
        yield server


@pytest.fixture
def opened(federated, bad, store):
    """Open a finder over two items here and the misbehaving server."""

    def open_(**options):
        return federated({"bad": {"kind": "stac", "url": bad.address}}, [ABROAD], **options)

    return open_


async def found(finder, store, **narrowing):
    near = [make_item(f"near-{n}", when=day(n), collection="near") for n in (2, 4)]
    await fill(store, make_collection("near"), items=near)
    page = await finder.find_items(ItemSearch(10, collections=("near", "abroad"), **narrowing))
    return [item.id for item in page.items], {report.backend: report for report in page.reports}, page.token


async def hang(_number, _body, _send):
    await asyncio.sleep(30)


async def say_html(_number, _body, send):
    await answer(send, b"<html><body>Bad gateway</body></html>", headers=[(b"content-type", b"text/html")])


async def fail(_number, _body, send):
    await answer(send, {"code": "oops"}, status=500)


async def say_a_list(_number, _body, send):
    await answer(send, [1, 2, 3])


async def say_no_features(_number, _body, send):
    await answer(send, {"type": "FeatureCollection", "features": {"a": 1}})


async def die_half_way(_number, _body, send):
    whole = features(far_items(1, 3))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99999")]})
    await send({"type": "http.response.body", "body": repr(whole).encode()[:500], "more_body": True})
    raise ConnectionAbortedError("the server dies here")


async def nest_deeply(_number, _body, send):
    await answer(send, b'{"features":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


async def send_too_much(_number, _body, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(3000):
        await send({"type": "http.response.body", "body": b" " * 1024, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})


async def redirect_to_a_private_address(_number, _body, send):
    await answer(send, b"", status=307, headers=[(b"location", b"http://169.254.169.254/latest/meta-data")])


async def lead_on_to_another_server(_number, _body, send):
    page = features(far_items(1))
    page["links"] = [{"rel": "next", "href": "http://169.254.169.254/latest", "method": "POST", "body": {}}]
    await answer(send, page)


@pytest.mark.parametrize(
    "behaviour",
    [
        say_html,
        fail,
        say_a_list,
        say_no_features,
        die_half_way,
        nest_deeply,
        send_too_much,
        redirect_to_a_private_address,
        lead_on_to_another_server,
    ],
    ids=lambda behaviour: behaviour.__name__,
)
async def test_a_backend_that_fails_costs_only_its_own_items(opened, bad, store, behaviour):
    bad.behaviour = behaviour
    async with opened(max_response_bytes=1024**2) as (finder, _):
        items, reports, token = await found(finder, store)
    assert items == ["near-4", "near-2"]
    assert token is None
    assert reports["bad"].state == "failed"
    assert "169.254" not in reports["bad"].message


async def test_a_backend_that_hangs_is_late_and_is_not_asked_again_on_later_pages(opened, bad, store):
    bad.behaviour = hang
    near = [make_item(f"near-{n}", when=day(n), collection="near") for n in range(1, 6)]
    await fill(store, make_collection("near"), items=near)
    async with opened(deadline_s=0.4) as (finder, _):
        search = ItemSearch(2, collections=("near", "abroad"))
        first = await finder.find_items(search)
        assert [item.id for item in first.items] == ["near-5", "near-4"]
        assert [(report.backend, report.state) for report in first.reports] == [("bad", "late")]
        second = await finder.find_items(search, first.token)
        assert [item.id for item in second.items] == ["near-3", "near-2"]
        assert "earlier page" in second.reports[0].message
    assert len(bad.bodies) == 1


async def test_an_answer_that_was_late_is_there_for_who_asks_again(opened, bad, store):
    async def be_slow(_number, _body, send):
        await asyncio.sleep(0.6)
        await answer(send, features(far_items(3)))

    bad.behaviour = be_slow
    async with opened(deadline_s=0.4) as (finder, _):
        items, reports, _ = await found(finder, store)
        assert items == ["near-4", "near-2"]
        assert reports["bad"].state == "late"
        await asyncio.sleep(0.5)
        items, reports, _ = await found(finder, store)
        assert items == ["near-4", "far-3", "near-2"]
        assert reports["bad"].state == "answered"
    assert len(bad.bodies) == 1


async def test_a_backend_that_keeps_failing_is_left_alone_for_a_while(opened, bad, store):
    bad.behaviour = fail
    async with opened() as (finder, federation):
        for _ in range(6):
            _, reports, _ = await found(finder, store)
        assert len(bad.bodies) == 3
        assert "left alone" in reports["bad"].message
        health = federation.members["bad"].health
        assert health.is_paused
        assert 0 < health.pause_s <= 15
        health._paused_until_s = 0.0
        bad.behaviour = lambda _number, _body, send: answer(send, features(far_items(3)))
        items, reports, _ = await found(finder, store)
        assert items == ["near-4", "far-3", "near-2"]
        assert health.failures == 0


async def test_the_next_backend_answers_where_the_first_fails(federated, bad, remote, store):
    bad.behaviour = fail
    url, there = remote
    await fill(there, make_collection("afar"), items=[make_item("x", when=day(3), collection="afar")])
    backends = {"bad": {"kind": "stac", "url": bad.address}, "good": {"kind": "stac", "url": url}}
    async with federated(backends, [("abroad", ("bad", "far"), ("good", "afar"))]) as (finder, _):
        items, reports, _ = await found(finder, store)
    assert items == ["near-4", "x", "near-2"]
    assert {name: report.state for name, report in reports.items()} == {"bad": "failed", "good": "answered"}


async def test_wrong_items_are_left_out(opened, bad, store):
    good = far_items(3)[0]
    wrong = [
        None,
        "item",
        7,
        {},
        {"id": "no-properties"},
        {"id": 7, "properties": {}},
        good | {"id": "no-time", "properties": {}},
        good | {"id": "bad-time", "properties": {"datetime": "yesterday"}},
        good | {"id": "bad-place", "geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3]]]}},
        good | {"id": "number-as-place", "geometry": 7},
        good | {"id": "out-of-this-world", "geometry": {"type": "Point", "coordinates": [1e300, 0]}},
        good | {"id": "x" * 300},
        good | {"id": "properties-are-a-list", "properties": [1]},
    ]
    bad.behaviour = lambda _number, _body, send: answer(send, features([*wrong, good]))
    async with opened() as (finder, _):
        items, reports, _ = await found(finder, store)
    assert items == ["near-4", "far-3", "near-2"]
    assert reports["bad"].message == f"{len(wrong)} of its items are not valid and were left out."


async def test_what_was_not_asked_for_is_left_out(opened, bad, store):
    far = far_items(1, 3, 5)
    far[1]["properties"]["eo:cloud_cover"] = 5
    far[2]["properties"]["eo:cloud_cover"] = 95
    bad.behaviour = lambda _number, _body, send: answer(send, features(far))
    async with opened() as (finder, _):
        items, _, _ = await found(finder, store, filter=parse_filter("eo:cloud_cover < 50", "cql2-text"))
        assert items == ["far-3"]
        items, _, _ = await found(finder, store, ids=("far-5",))
        assert items == ["far-5"]


async def test_the_same_item_again_and_again_comes_once(opened, bad, store):
    bad.behaviour = lambda _number, _body, send: answer(
        send, features(far_items(3, 3, 3), {"token": "again"})
    )
    async with opened() as (finder, _):
        items, _, token = await found(finder, store)
        assert items == ["near-4", "far-3", "near-2"]
        assert token is None
    assert len(bad.bodies) <= 3


async def test_pages_that_go_round_in_circles_come_to_an_end(opened, bad, store):
    async def go_round(number, _body, send):
        await answer(
            send, features(far_items(5, 3) if number % 2 else far_items(4, 1), {"token": f"{number % 2}"})
        )

    bad.behaviour = go_round
    async with opened(window=200) as (finder, _):
        items, reports, token = await found(finder, store)
    assert items[:2] == ["far-5", "near-4"] or items[:2] == ["near-4", "far-5"]
    assert len(items) == len(set(items))
    assert len(bad.bodies) <= 40
    assert token is None or reports["bad"].state in ("answered", "failed")


async def test_a_backend_that_cannot_sort_is_sorted_here_and_says_so(federated, store):
    server = Misbehaving(conforms=("https://api.stacspec.org/v1.0.0/item-search",))

    async def shuffle(_number, body, send):
        assert "sortby" not in body
        pages = {None: ([3, 9], "b"), "b": ([1, 5], "c"), "c": ([7], None)}
        numbers, following = pages[body.get("token")]
        await answer(send, features(far_items(*numbers), {"token": following} if following else None))

    server.behaviour = shuffle
    with serve(server) as address:
        async with federated({"bad": {"kind": "stac", "url": address}}, [ABROAD]) as (finder, _):
            items, reports, _ = await found(finder, store)
            assert items == ["far-9", "far-7", "far-5", "near-4", "far-3", "near-2", "far-1"]
            assert reports["bad"].message == ""
            await check_window(federated, address, store)


async def check_window(federated, address, store):
    near = [make_item(f"near-{n}", when=day(n), collection="near") for n in range(1, 29)]
    async with federated({"bad": {"kind": "stac", "url": address}}, [ABROAD], window=100) as (finder, _):
        await fill(store, make_collection("near"), items=near)
        search = ItemSearch(5, collections=("near", "abroad"))
        found_ids, token = [], None
        for _ in range(20):
            page = await finder.find_items(search, token)
            found_ids += [item.id for item in page.items]
            token = page.token
            if token is None:
                break
        assert len(found_ids) == len(set(found_ids)) == 28 + 5


async def test_of_too_many_unsorted_items_it_is_said_that_some_are_left_out(federated, store):
    server = Misbehaving(conforms=("https://api.stacspec.org/v1.0.0/item-search",))

    async def endless(_number, body, send):
        page = body.get("token", 0)
        items = [make_item(f"far-{page}-{n}", when=day(n), collection="far") for n in range(1, 26)]
        await answer(send, features(items, {"token": page + 1}))

    server.behaviour = endless
    with serve(server) as address:
        async with federated({"bad": {"kind": "stac", "url": address}}, [ABROAD], window=100) as (finder, _):
            items, reports, _ = await found(finder, store)
    assert items[:4] == ["far-0-25", "far-1-25", "far-2-25", "far-3-25"]
    assert "only the first 100" in reports["bad"].message
    assert len(server.bodies) == 5


async def test_what_cannot_be_sorted_by_there_is_sorted_here(opened, bad, store):
    far = far_items(1, 3, 5)
    for item, cover in zip(far, (30, None, 10), strict=True):
        if cover is not None:
            item["properties"]["eo:cloud_cover"] = cover
    # As PostgreSQL does: what is missing comes first when the largest come first.
    pages = {None: ([far[1]], "b"), "b": ([far[0], far[2]], None)}

    async def nulls_first(_number, body, send):
        items, following = pages[body.get("token")]
        await answer(send, features(items, {"token": following} if following else None))

    bad.behaviour = nulls_first
    async with opened() as (finder, _):
        items, _, _ = await found(finder, store, order=(SortKey("eo:cloud_cover", descending=True),))
    assert items == ["far-1", "far-5", "far-3", "near-2", "near-4"]


async def test_a_filter_that_the_backend_refuses_is_applied_here(federated, store):
    server = Misbehaving(
        conforms=(
            "https://api.stacspec.org/v1.0.0/item-search#sort",
            "https://api.stacspec.org/v1.0.0/item-search#filter",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
        )
    )
    far = far_items(1, 3)
    far[0]["properties"]["eo:cloud_cover"] = 5

    async def refuse_filters(_number, body, send):
        await answer(send, features(far), status=400 if "filter" in body else 200)

    server.behaviour = refuse_filters
    with serve(server) as address:
        async with federated({"bad": {"kind": "stac", "url": address}}, [ABROAD]) as (finder, _):
            condition = parse_filter("eo:cloud_cover < 50", "cql2-text")
            items, reports, _ = await found(finder, store, filter=condition)
    assert items == ["far-1"]
    assert reports["bad"].state == "answered"
    assert [("filter" in body) for body in server.bodies] == [True, False]


async def test_nobody_says_that_an_item_is_missing_while_its_backend_is_away(opened, bad, store):
    bad.behaviour = fail
    async with opened() as (finder, _):
        assert await finder.item("abroad", "far-1") is None
    async with opened() as (finder, federation):
        federation.members["bad"].backend._url = "http://127.0.0.1:9"
        with pytest.raises(UnavailableError, match="abroad"):
            await finder.item("abroad", "far-1")


async def test_links_of_a_hostile_item_lead_nowhere_dangerous(opened, bad, store):
    item = far_items(3)[0] | {
        "assets": {
            "script": {"href": "javascript:alert(1)"},
            "file": {"href": "file:///etc/passwd"},
            "good": {"href": "https://data.example.org/a.tif"},
        },
        "links": [
            {"rel": "retrieve", "href": "https://evil.example.org/order", "body": {"a": 1}},
            {"rel": "self", "href": "https://evil.example.org/item"},
            {"rel": "via", "href": "data:text/html,hello"},
        ],
    }
    bad.behaviour = lambda _number, _body, send: answer(send, features([item]))
    async with opened() as (finder, _):
        page = await finder.find_items(ItemSearch(10, collections=("abroad",)))
    text = page.items[0].document.decode()
    assert "data.example.org" in text
    for dangerous in ("javascript", "passwd", "evil", "data:text"):
        assert dangerous not in text


async def test_a_name_that_leads_into_a_private_network_is_not_followed(bad):
    name = socket.gethostname()
    port = urlsplit(bad.address).port
    try:
        addresses = {address[0] for *_, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)}
    except OSError:
        pytest.skip("this machine's name leads nowhere")
    if any(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
        pytest.skip("this machine's name leads to a public address")
    careful = Fetcher(f"http://{name}:{port}", {}, max_bytes=10_000, timeout_s=5)
    before = len(bad.bodies)
    with pytest.raises(BackendError, match="cannot be reached"):
        await careful.post(f"http://{name}:{port}/search", {})
    assert len(bad.bodies) == before
    await careful.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/search",
        "https://127.0.0.1/search",
        "http://user@127.0.0.1/search",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://[::1",
    ],
)
async def test_only_the_configured_server_is_asked(bad, url):
    fetcher = Fetcher(bad.address, {}, max_bytes=10_000, timeout_s=5)
    with pytest.raises(BackendError, match="another server"):
        await fetcher.get(url)
    await fetcher.close()
