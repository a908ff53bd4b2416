import pytest
from catalogue_documents import make_collection
from order_installation import MAX_PRODUCT_BYTES, Installation, Origin, offline_item, until


@pytest.fixture(scope="session")
def origin():
    origin = Origin()
    yield origin
    origin.stop()


@pytest.fixture(scope="session")
def installation(tmp_path_factory, origin):
    orders = f"""origins = ["{origin.url}"]
allow_private_addresses = true
max_product_bytes = {MAX_PRODUCT_BYTES}
max_waiting_per_user = 5
"""
    installation = Installation(tmp_path_factory.mktemp("orders") / "data", orders)
    try:
        installation.start()
        with installation.administrator() as administrator:
            collection = make_collection("EO.TEST.DAT.OFFLINE")
            administrator.post("/stac/collections", json=collection).raise_for_status()
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def publish(installation):
    """Put an offline item into the catalogue, and return its id."""

    def put(id_, *hrefs, **asset):
        with installation.administrator() as administrator:
            item = offline_item(id_, *hrefs, **asset)
            address = "/stac/collections/EO.TEST.DAT.OFFLINE/items"
            administrator.post(address, json=item).raise_for_status()
        return id_

    return put


@pytest.fixture
def anna(installation):
    with installation.client("anna") as client:
        yield client


@pytest.fixture
def order(anna):
    """Order an item and return the item that it becomes."""

    def place(id_, client=anna):
        answer = client.post("/stac/v2/collections/EO.TEST.DAT.OFFLINE/order", json={"id": id_})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return place


@pytest.fixture
def ended(anna):
    """Wait until an order has ended, and return it."""

    def wait(item, client=anna, timeout_s=200):
        def look():
            found = client.get(f"/stac/v2/orders/{item['id']}").json()
            return found if found["status"] not in ("ordered", "shipping") else None

        return until(look, timeout_s)

    return wait
