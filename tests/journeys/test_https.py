"""A public host name switches HTTPS on: certificate, redirect, secure cookies, S3 under a name of its own."""

import ssl

import httpx
import pytest

from geoscope.access import issue_token
from geoscope.runtime.ports import free_ports
from real_edge import authority_of
from running import EDGE_PORTS, until

# Browsers and Caddy both keep names below .localhost on this machine.
HOST = "earth.localhost"


class Loopback(httpx.HTTPTransport):
    """Sends every name to this machine, as the name service does for a real host name."""

    def handle_request(self, request):
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@pytest.fixture(scope="module")
def public(new_platform):
    ports = free_ports(("https", "http"), among=EDGE_PORTS)
    platform = new_platform()
    platform.environment = {
        "GEOSCOPE_EDGE__HTTPS_PORT": str(ports["https"]),
        "GEOSCOPE_EDGE__HTTP_PORT": str(ports["http"]),
    }
    platform.start("--no-demo", "--public-host", HOST, "--host", "127.0.0.1")
    yield platform, ports
    platform.end()


@pytest.fixture
def client(public):
    platform, _ports = public
    root = authority_of(platform.data_dir)
    trusting = ssl.create_default_context(cafile=until(lambda: root.exists() and str(root)))
    with httpx.Client(transport=Loopback(verify=trusting)) as client:
        yield client


def test_pages_and_apis_are_served_with_a_valid_certificate(public, client):
    _platform, ports = public
    base = f"https://{HOST}:{ports['https']}"
    page = client.get(base)
    assert page.status_code == 200
    assert "max-age" in page.headers["strict-transport-security"]
    links = client.get(f"{base}/stac").json()["links"]
    assert all(link["href"].startswith(base) for link in links)


def test_plain_http_is_redirected(public, client):
    _platform, ports = public
    answer = client.get(f"http://{HOST}:{ports['http']}/explore")
    assert (answer.status_code, answer.headers["location"].split("/")[0]) == (308, "https:")


def test_s3_has_a_name_of_its_own(public, client):
    _platform, ports = public
    answer = client.get(f"https://s3.{HOST}:{ports['https']}/demo/nothing")
    assert (answer.status_code, "NoSuchKey" in answer.text) == (404, True)


def test_tokens_name_the_public_address(public, client):
    platform, ports = public
    token = issue_token(platform.settings, "ada")
    jobs = client.get(f"https://{HOST}:{ports['https']}/jobs", headers={"Authorization": f"Bearer {token}"})
    assert jobs.status_code == 200


def test_the_welcome_names_the_public_address(public):
    platform, ports = public
    assert f"https://{HOST}:{ports['https']}/account/login/" in "".join(platform.output)
