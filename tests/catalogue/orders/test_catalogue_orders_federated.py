"""Orders that a backend of the federation delivers: eodag fetches from another platform's orders.

The other platform is this very one under its own name: what is ordered there is an order here, too.
"""

import json
import sqlite3
import uuid
from contextlib import closing
from importlib.resources import files

import pytest
import yaml
from catalogue_documents import make_collection
from order_installation import MAX_PRODUCT_BYTES, Installation, content, offline_item, until

pytest.importorskip("eodag")

THERE, HERE = "EO.TEST.DAT.THERE", "EO.FAR.DAT.HERE"
PORTFOLIO = f"""
[[collections]]
id = "{HERE}"
title = "Products of the far platform"
provider = "Far"
backends = [{{ name = "far", collection = "S2_MSI_L2A" }}]
"""


@pytest.fixture(scope="module")
def federated(tmp_path_factory, origin):
    """An installation that has itself, by eodag, as a backend."""
    data_dir = tmp_path_factory.mktemp("federated") / "data"
    orders = f"""origins = ["{origin.url}"]
allow_private_addresses = true
max_product_bytes = {MAX_PRODUCT_BYTES}
"""
    installation = Installation(data_dir, orders)
    shipped = (files("geoscope.catalogue.clients") / "eodag_geoscope.yml").read_text()
    definition = yaml.safe_load(shipped)["geoscope"]
    definition["search"]["api_endpoint"] = f"{installation.url}/stac/v2/search"
    definition["auth"]["matching_url"] = installation.url
    definition["products"] = {"S2_MSI_L2A": {"_collection": THERE}}
    far = {"kind": "eodag", "title": "Far", "provider": "geoscope_far", "definition": definition}
    installation.environment["GEOSCOPE_CATALOGUE__FEDERATION__BACKENDS"] = json.dumps({"far": far})
    (data_dir / "portfolio").mkdir()
    (data_dir / "portfolio" / "far.toml").write_text(PORTFOLIO)
    try:
        installation.start()
        with installation.administrator() as administrator:
            administrator.post("/stac/collections", json=make_collection(THERE)).raise_for_status()
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def anna(federated):
    """Somebody who has an account at the backend, too."""
    with federated.client("anna") as anna:
        credentials = {"token": federated.token("anna-at-the-far-platform")}
        anna.put("/stac/federation/credentials/far", json={"credentials": credentials}).raise_for_status()
        yield anna


@pytest.fixture
def publish_there(federated, origin):
    def publish(manner, size, name):
        id_ = f"item-{uuid.uuid4().hex[:8]}"
        with federated.administrator() as administrator:
            item = offline_item(id_, f"{origin.url}/{manner}/{size}/{name}", type="application/x-grib")
            administrator.post(f"/stac/collections/{THERE}/items", json=item).raise_for_status()
        return id_

    return publish


def kept(federated, id_, condition="1"):
    """Return an order as the table has it, if it meets a condition."""
    with closing(sqlite3.connect(federated.settings.data_dir / "catalogue" / "orders.sqlite")) as orders:
        orders.row_factory = sqlite3.Row
        row = orders.execute(f"SELECT * FROM orders WHERE id = ? AND {condition}", (id_,)).fetchone()  # noqa: S608
    return row and dict(row)


def found_here(client, id_):
    """Return an item of the backend as soon as the federation has it."""
    path = f"/stac/v2/collections/{HERE}/items/{id_}"
    return until(lambda: (answer := client.get(path)).status_code == 200 and answer.json(), 90)


def ended(client, id_):
    def look():
        order = client.get(f"/stac/v2/orders/{id_}").json()
        return order if order["status"] not in ("ordered", "shipping") else None

    return until(look, 180)


def test_a_federated_product_is_ordered_at_its_backend_and_downloaded_here(anna, publish_there):
    id_ = publish_there("good", 3_000_000, "far.grib")
    item = found_here(anna, id_)
    assert item["properties"]["federation:backends"] == ["far"]
    [retrieve] = [link for link in item["links"] if link["rel"] == "retrieve"]
    ordered = anna.post(retrieve["href"], json=retrieve["body"]).json()
    order = ended(anna, ordered["id"])
    assert (order["status"], order["federation:backends"]) == ("succeeded", ["far"]), order
    asset = anna.get(f"/stac/v2/collections/{HERE}/items/{ordered['id']}").json()["assets"]["downloadLink"]
    download = anna.get(asset["href"])
    assert download.content == content("far.grib", 3_000_000)
    assert download.headers["Content-Disposition"] == f'attachment; filename="{ordered["id"]}.grib"'


def test_a_backend_that_takes_its_time_is_asked_again_and_its_order_survives_a_killed_worker(
    federated, anna, publish_there, origin
):
    body = {"id": publish_there("held", 3_000_000, "late.grib")}
    found_here(anna, body["id"])
    ordered = anna.post(f"/stac/v2/collections/{HERE}/order", json=body).json()
    first = until(lambda: kept(federated, ordered["id"], "reference IS NOT NULL"), 120)
    federated.kill("worker")
    federated.start_worker()
    # The first job makes way for others.
    until(lambda: kept(federated, ordered["id"])["job"] != first["job"], 200)
    origin.released.set()
    order = ended(anna, ordered["id"])
    assert order["status"] == "succeeded", order
    last = kept(federated, ordered["id"])
    assert (last["attempts"], last["product"] is not None) == (0, True)
    with federated.client("anna-at-the-far-platform") as there:
        placed = there.get("/stac/v2/orders").json()["orders"]
    assert [order["request"] for order in placed].count(body) == 1


def test_what_a_backend_refuses_is_said(anna, federated):
    answer = anna.post(f"/stac/v2/collections/{HERE}/order", json={"class": "d1", "date": "20260528"})
    assert answer.status_code == 200
    order = ended(anna, answer.json()["id"])
    assert order["status"] == "failed"
    assert order["message"]
    assert federated.token("x")[:20] not in order["message"]
    wrong = anna.post(
        f"/stac/v2/collections/{HERE}/order", json={"class": "d1", "federation:backends": ["other"]}
    )
    assert wrong.status_code == 404
