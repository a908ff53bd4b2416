"""The page of one's orders, before the real catalogue; what comes of an order is a journey's matter."""

import json
import re
from html import unescape

import pytest

TAPES = "tapes"
ORIGIN = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def more_settings():
    return {
        "GEOSCOPE_CATALOGUE__ORDERS__ORIGINS": json.dumps([ORIGIN]),
        "GEOSCOPE_CATALOGUE__ORDERS__ALLOW_PRIVATE_ADDRESSES": "true",
    }


@pytest.fixture(scope="module")
def _tapes(data_half):
    collection = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": TAPES,
        "title": "Tapes",
        "description": "On tape.",
        "license": "other",
        "links": [],
        "extent": {"spatial": {"bbox": [[0, 0, 60, 60]]}, "temporal": {"interval": [[None, None]]}},
    }
    data_half.post("/stac/collections", json=collection).raise_for_status()
    for name in ("one", "two"):
        item = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": name,
            "collection": TAPES,
            "geometry": {"type": "Point", "coordinates": [5, 45]},
            "bbox": [5, 45, 5, 45],
            "links": [],
            "assets": {"data": {"href": f"{ORIGIN}/{name}.grib", "roles": ["data"]}},
            "properties": {
                "datetime": "1999-12-01T00:00:00Z",
                "title": f"Tape {name}",
                "storage:tier": "offline",
                "order:status": "orderable",
            },
        }
        data_half.post(f"/stac/collections/{TAPES}/items", json=item).raise_for_status()
    yield
    data_half.delete(f"/stac/collections/{TAPES}").raise_for_status()


pytestmark = pytest.mark.usefixtures("_tapes")


def words_of(answer):
    return unescape(answer.content.decode())


def order(browser, name):
    return browser.post(f"/orders/new/{TAPES}", {"request": json.dumps({"id": name})})


def test_stranger_is_told_to_sign_in(browser):
    for answer in (browser.get("/orders"), order(browser, "one")):
        assert answer.status_code == 401
        assert 'href="/account/login/' in words_of(answer)
    page = words_of(browser.get(f"/explore/collections/{TAPES}/items/one"))
    assert "Sign in to order" in page
    assert "This product is not online" in page


def test_item_is_ordered_by_its_button_and_cancelled(browser, make_user):
    browser.force_login(make_user("beate"))
    assert "No orders yet" in words_of(browser.get("/orders"))
    page = words_of(browser.get(f"/explore/collections/{TAPES}/items/one"))
    assert f'action="/orders/new/{TAPES}"' in page
    assert 'name="request" value="{"id":"one"}"' in page

    answer = order(browser, "one")
    assert answer.status_code == 302
    order_id = answer.headers["location"].removeprefix("/orders#")
    page = words_of(browser.get("/orders"))
    assert f'<li id="{order_id}">' in page
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in words_of(browser.get("/orders", headers={"HX-Request": "true"}))

    assert browser.post(f"/orders/{order_id}/cancel").status_code == 302
    page = words_of(browser.get("/orders"))
    assert "Cancelled" in page
    assert 'hx-trigger="every 2s"' not in page


def test_same_order_twice_is_one_and_can_be_made_again(browser, make_user):
    browser.force_login(make_user("carla"))
    first, second = (order(browser, "two").headers["location"] for _ in range(2))
    assert first == second
    order_id = first.removeprefix("/orders#")
    browser.post(f"/orders/{order_id}/cancel")
    again = browser.post(f"/orders/{order_id}/again").headers["location"]
    assert again != first
    browser.post(f"/orders/{again.removeprefix('/orders#')}/cancel")


def test_orders_of_others_are_not_there(browser, new_browser, make_user):
    browser.force_login(make_user("doris"))
    order_id = order(browser, "one").headers["location"].removeprefix("/orders#")
    other = new_browser()
    other.force_login(make_user("emil"))
    assert order_id not in words_of(other.get("/orders"))
    assert other.post(f"/orders/{order_id}/cancel").status_code == 404
    assert other.post(f"/orders/{order_id}/again").status_code == 404
    browser.post(f"/orders/{order_id}/cancel")


@pytest.mark.parametrize(
    ("request_text", "status", "words"),
    [
        ("no json", 400, "The form holds no order"),
        ('"text"', 400, "no order"),
        ('{"id": "zebra"}', 404, "zebra"),
        ("{}", 400, "no order"),
    ],
)
def test_what_cannot_be_ordered_is_explained_above_the_list(browser, make_user, request_text, status, words):
    browser.force_login(make_user())
    answer = browser.post(f"/orders/new/{TAPES}", {"request": request_text})
    assert answer.status_code == status
    assert "This could not be done" in words_of(answer)
    assert words in words_of(answer)


def test_ordering_needs_a_form_of_this_site(new_browser, make_user):
    stranger = new_browser(enforce_csrf_checks=True)
    stranger.force_login(make_user())
    assert order(stranger, "one").status_code == 403


def test_list_of_products_offers_the_order(browser, make_user):
    browser.force_login(make_user())
    page = words_of(browser.get("/explore/products", {"collection": TAPES}))
    assert len(re.findall(rf'action="/orders/new/{TAPES}"', page)) == 2
    assert "to be ordered" in page
