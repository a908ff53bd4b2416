"""Products ordered at a provider and fetched from there, as the job that delivers an order does it."""

import os
import time

import pytest
from cds_server import CdsServer

from geoscope.catalogue.federation.delivery import DeliveryError, open_delivery
from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError
from geoscope.settings import Settings

COLLECTION = "EO.ECMWF.DAT.REANALYSIS_ERA5_SINGLE_LEVELS"
PORTFOLIO = f"""
[[collections]]
id = "{COLLECTION}"
title = "ERA5"
backends = [{{ name = "cds", collection = "ERA5_SL" }}]
"""
REQUEST = {
    "variable": ["2m_temperature"],
    "product_type": ["reanalysis"],
    "year": ["2024"],
    "month": ["01"],
    "day": ["02"],
    "time": ["00:00"],
}


@pytest.fixture(scope="module")
def server():
    server = CdsServer(os.urandom(3_000_000))
    yield server
    server.close()


@pytest.fixture
def cds(server):
    """The server, as if nobody had asked it yet."""
    server.ordered.clear()
    server.fetched = 0
    server.outcome, server.files_url, server.product = "successful", server.url, os.urandom(3_000_000)
    return server


@pytest.fixture(scope="module")
def delivery(settings, server):
    (settings.data_dir / "portfolio").mkdir()
    (settings.data_dir / "portfolio" / "own.toml").write_text(PORTFOLIO)
    backend = {
        "kind": "eodag",
        "provider": "cop_cds",
        "definition": server.definition,
        "credentials": {"apikey": "key-0815"},
    }
    own = Settings(data_dir=settings.data_dir, catalogue={"federation": {"backends": {"cds": backend}}})
    with open_delivery(own) as opened:
        yield opened


def ready(delivery, shipment):
    deadline = time.monotonic() + 60
    while shipment.state == "shipping":
        assert time.monotonic() < deadline
        shipment = delivery.poll(shipment, "anna")
    return shipment


def test_a_product_is_ordered_waited_for_and_fetched(delivery, cds, tmp_path):
    shipment = delivery.order(COLLECTION, REQUEST, "anna")
    assert (shipment.state, shipment.backend) == ("shipping", "cds")
    assert cds.ordered[0]["inputs"]["variable"] == ["2m_temperature"]
    assert cds.keys == {"key-0815"}
    assert "key-0815" not in shipment.reference
    shipment = ready(delivery, shipment)
    assert shipment.state == "succeeded"
    folder = tmp_path / "delivered"
    folder.mkdir()
    told = []
    (path,) = delivery.download(
        shipment, "anna", folder, lambda done, whole: told.append((done, whole)) or True
    )
    assert path.read_bytes() == cds.product
    assert told[-1] == (len(cds.product), len(cds.product))
    assert len(cds.ordered) == 1


def test_a_job_that_fails_there_fails_here(delivery, cds):
    cds.outcome = "failed"
    shipment = ready(delivery, delivery.order(COLLECTION, REQUEST, "anna"))
    assert shipment.state == "failed"


def test_a_download_can_be_stopped(delivery, cds, tmp_path):
    cds.product = os.urandom(40_000_000)
    shipment = ready(delivery, delivery.order(COLLECTION, REQUEST, "anna"))
    folder = tmp_path / "delivered"
    folder.mkdir()
    with pytest.raises(DeliveryError):
        delivery.download(shipment, "anna", folder, lambda _done, _whole: False)


def test_nothing_is_fetched_from_a_private_address_that_the_provider_leads_to(delivery, cds, tmp_path):
    cds.files_url = f"http://127.0.0.2:{cds.port}"
    shipment = ready(delivery, delivery.order(COLLECTION, REQUEST, "anna"))
    folder = tmp_path / "delivered"
    folder.mkdir()
    with pytest.raises(DeliveryError):
        delivery.download(shipment, "anna", folder, lambda _done, _whole: True)
    assert cds.fetched == 0


def test_what_cannot_be_ordered_is_refused(delivery):
    with pytest.raises(NotFoundError):
        delivery.order("EO.NOBODY.DAT.X", REQUEST, "anna")
    with pytest.raises(GeoscopeError):
        delivery.order(COLLECTION, {**REQUEST, "federation:backends": ["elsewhere"]}, "anna")
    shipment = delivery.order(COLLECTION, REQUEST, "anna")
    with pytest.raises(InvalidInputError):
        delivery.poll(shipment._replace(reference="{}"), "anna")
