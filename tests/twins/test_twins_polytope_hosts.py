"""Clients that know Destination Earth's own host names alone reach the Polytope API by the edge."""

import os
import ssl
import subprocess
import sysconfig
from pathlib import Path

import httpx
import pytest

from geoscope.manifests import core_manifests
from geoscope.runtime import edge
from geoscope.runtime.ports import free_ports
from geoscope.secrets import ensure_secrets
from geoscope.settings import EdgeSettings, IdentitySettings, InternalSettings, Settings
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
    edge.write_config(settings, core_manifests())
    folder = str(tmp_path / "edge")
    caddy = Path(sysconfig.get_path("scripts")) / "caddy"
    environment = os.environ | {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}
    authority = tmp_path / "edge" / "pki" / "authorities" / "local" / "root.crt"

    def ask(method, address, **more):
        path = httpx.URL(address).raw_path.decode()
        context = ssl.create_default_context(cafile=str(authority))
        with httpx.Client(verify=context, trust_env=False, timeout=30) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{ports['https']}{path}",
                extensions={"sni_hostname": HOST},
                **more | {"headers": {"Host": HOST} | more.get("headers", {})},
            )

    def listens():
        try:
            return authority.exists() and ask("GET", "/").is_success
        except httpx.TransportError:
            return False

    with subprocess.Popen([caddy, "run", "--config", edge.config_path(settings)], env=environment) as process:
        until(listens, what="the edge")
        yield ask
        process.terminate()


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
