"""The table of orders, as it is asked by several processes at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import anyio
import pytest

from geoscope.catalogue.orders.keeper import keep_orders
from geoscope.catalogue.orders.models import Order, OrderState, Product, SourceFile, utc_now
from geoscope.catalogue.orders.sqlite_orders import SqliteOrders
from geoscope.errors import InvalidInputError, SetupError, TooManyError
from geoscope.secrets import ensure_secrets
from geoscope.settings import InternalSettings, Settings

PRODUCT = Product("orders/x/a.grib", "a.grib", "application/x-grib", 10, "ab" * 32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalogue" / "orders.sqlite"


@pytest.fixture
def orders(path):
    return SqliteOrders(path)


def new_order(**members):
    now = utc_now()
    order = Order(
        id=str(uuid4()),
        owner="anna",
        collection="C",
        backend="geoscope",
        request={"id": str(uuid4())},
        item={"geometry": None, "properties": {"datetime": None}},
        sources=(SourceFile("https://example.org/a", "a", size=3),),
        created=now,
        updated=now,
    )
    return replace(order, **members)


def test_an_order_is_kept_whole(orders, path):
    order = new_order()
    assert orders.place(order, 5) == order
    assert SqliteOrders(path).order(order.id) == order
    assert orders.order(order.id, "bernd") is None
    assert orders.order("no-such-order") is None


def test_identical_requests_are_one_order_while_it_lives(orders):
    first = orders.place(new_order(request={"id": "x", "a": [1]}), 5)
    same = new_order(request={"a": [1], "id": "x"})
    assert orders.place(same, 5) == first
    assert orders.place(replace(same, owner="bernd"), 5).id == same.id
    assert orders.begin(first.id)
    assert orders.succeed(first.id, PRODUCT, utc_now() + timedelta(days=1))
    assert orders.place(new_order(request={"id": "x", "a": [1]}), 5).id == first.id
    for end in (orders.cancel, lambda id_: orders.fail(id_, "no"), orders.cancel):
        live = orders.place(new_order(request={"id": "x", "a": [1]}), 5)
        end(live.id)
        assert orders.place(new_order(request={"id": "y"}), 50).request == {"id": "y"}
        assert orders.order(live.id).state not in (OrderState.ORDERED, OrderState.SUCCEEDED)


def test_of_many_askers_at_once_one_places_the_order(path):
    def place(_):
        return SqliteOrders(path).place(new_order(request={"id": "x"}), 5).id

    SqliteOrders(path)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(place, range(40)))) == 1


def test_an_ended_order_is_changed_by_nobody(orders):
    order = orders.place(new_order(), 5)
    assert orders.begin(order.id).state is OrderState.SHIPPING
    assert orders.report(order.id, 4, 10, "Storing")
    assert orders.order(order.id).percent == 40
    assert orders.cancel(order.id)
    ended = orders.order(order.id)
    assert not orders.cancel(order.id)
    assert not orders.report(order.id, 9, 10, "Storing")
    assert not orders.succeed(order.id, PRODUCT, utc_now())
    assert not orders.fail(order.id, "late")
    assert not orders.pass_on(order.id, "r", utc_now(), "late")
    assert orders.begin(order.id) is None
    assert orders.order(order.id) == ended
    assert ended.state is OrderState.CANCELED


def test_a_delivered_product_expires_in_its_time(orders):
    now = utc_now()
    soon, later = (orders.place(new_order(), 5) for _ in range(2))
    orders.succeed(soon.id, PRODUCT, now + timedelta(seconds=1))
    orders.succeed(later.id, PRODUCT, now + timedelta(days=1))
    assert orders.bytes_of("anna") == 20
    assert orders.expire(now) == 0
    assert orders.expire(now + timedelta(minutes=1)) == 1
    assert orders.order(soon.id).state is OrderState.EXPIRED
    assert orders.live([soon.id, later.id, "other"]) == {later.id}
    assert orders.bytes_of("anna") == 10


def test_the_number_of_waiting_orders_is_limited(orders):
    for _ in range(3):
        last = orders.place(new_order(), 3)
    with pytest.raises(TooManyError, match="3 of your orders"):
        orders.place(new_order(), 3)
    orders.cancel(last.id)
    orders.place(new_order(), 3)


def test_pages_go_on_where_they_ended(orders):
    now = utc_now()
    made = [orders.place(new_order(created=now + timedelta(seconds=number // 2)), 50) for number in range(9)]
    newest_first = sorted(made, key=lambda order: (order.created, order.id), reverse=True)
    seen, token = [], None
    for _ in range(5):
        page = orders.orders("anna", 2, token)
        assert page.matched == 9
        seen += page.orders
        token = page.end
    assert (seen, token) == (newest_first, None)
    assert orders.orders("bernd", 5).orders == []
    assert orders.orders("anna", 50, states=(OrderState.FAILED,)).matched == 0
    with pytest.raises(InvalidInputError):
        orders.orders("anna", 2, "wrong")


def test_a_file_of_a_newer_version_is_not_touched(orders, path):
    with orders._change() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SetupError, match="schema 99"):
        SqliteOrders(path)


def test_a_file_that_is_no_table_of_orders_is_refused(tmp_path):
    (tmp_path / "x").write_text("not a database" * 100)
    with pytest.raises(SetupError, match="cannot be opened"):
        SqliteOrders(tmp_path / "x")


def test_the_keeper_outlives_an_order_that_it_cannot_read(orders, path, tmp_path, caplog):
    order = orders.place(new_order(), 5)

    def spoil(item):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE orders SET item = ? WHERE id = ?", (item, order.id))

    async def keep():
        nobody = InternalSettings(data_apis_url="http://127.0.0.1:9")
        settings = Settings(data_dir=tmp_path, internal=nobody)
        ensure_secrets(settings)
        async with keep_orders(settings, orders) as keeper:
            for item, said in (("spoilt", "JSONDecodeError"), ("{}", "All connection attempts failed")):
                spoil(item)
                keeper.wake()
                with anyio.fail_after(20):
                    while said not in caplog.text:  # noqa: ASYNC110 (a log tells nobody that it has grown)
                        await anyio.sleep(0.05)

    anyio.run(keep)
