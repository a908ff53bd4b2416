"""Clients that know Destination Earth's own host names alone reach the Polytope API by the edge."""

import ssl

import httpx
import pytest

from geoscope.runtime.ports import free_ports
from geoscope.secrets import ensure_secrets
from geoscope.settings import EdgeSettings, IdentitySettings, InternalSettings, Settings
from real_edge import authority_of, running_edge
from running import until
from twins.asking import SERIES, SURFACE

HOST = "polytope.lumi.apps.dte.destination-earth.eu"


@pytest.fixture
def lumi(twins, tmp_path):
    """Ask this host of a real edge, by HTTPS with its own authority."""
    ports = free_ports(("edge", "s3", "https", "nothing"))
    nothing = f"http://127.0.0.1:{ports['nothing']}"
    settings = Settings(
        data_dir=tmp_path,
        edge=EdgeSettings(port=ports["edge"], s3_port=ports["s3"], https_port=ports["https"]),
        internal=InternalSettings(portal_url=nothing, data_apis_url=twins.url, object_store_url=nothing),
        identity=IdentitySettings(destination_earth_hosts=True),
    )
    ensure_secrets(settings)
    (tmp_path / "run").mkdir()

    def ask(method, address, **more):
        path = httpx.URL(address).raw_path.decode()
        context = ssl.create_default_context(cafile=authority_of(tmp_path))
        with httpx.Client(verify=context, trust_env=False, timeout=30) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{ports['https']}{path}",
                extensions={"sni_hostname": HOST},
                **more | {"headers": {"Host": HOST} | more.get("headers", {})},
            )

    with running_edge(settings):
        yield ask


def test_the_api_lies_where_clients_look_for_it(lumi, twins):
    assert lumi("GET", "/?code=a&state=b").status_code == 200
    assert lumi("GET", "/api/v1/collections").json() == {"message": ["destination-earth"]}
    body = {"verb": "retrieve", "request": SURFACE | {"feature": SERIES}}
    accepted = lumi("POST", "/api/v1/requests/destination-earth", json=body, headers=twins.headers())
    location = accepted.headers["location"]
    assert location.startswith(f"https://{HOST}/")
    answer = until(
        lambda: (found := lumi("GET", location, headers=twins.headers())).status_code == 303 and found
    )
    found = lumi("GET", answer.headers["location"])
    assert found.json()["type"] == "CoverageCollection"
    assert int(found.headers["content-length"]) == len(found.content)
