"""The edge's configuration comes from the manifests alone, and Caddy itself finds it valid."""

import json
import subprocess

import pytest

from geoscope.manifests import core_manifests
from geoscope.runtime import edge
from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.runtime.plan import program
from geoscope.runtime.ports import free_ports
from geoscope.service import Manifest
from geoscope.settings import Settings
from real_edge import running_edge

ECHO = {
    "id": "echo",
    "title": "Echo",
    "summary": "Echoes.",
    "provider": {"name": "x"},
    "category": "see",
    "version": "1",
    "routes": ("/echo",),
    "upstream": "http://127.0.0.1:9000",
    "health": "/echo/health",
}


def stranger(**more):
    return Manifest(**ECHO | more)


@pytest.fixture
def data_dir(tmp_path):
    prepare_data_folder(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("more", [{}, {"host": "0.0.0.0"}, {"host": "::1"}, {"public_host": "earth.example"}])
def test_caddy_finds_the_configuration_valid(data_dir, more):
    settings = Settings(data_dir=data_dir, edge=more)
    guarded = stranger(access={"policy": "registered"}, strip_route=True)
    remote = stranger(id="far-away", routes=("/far",), health="/far/h", upstream="https://far.example/base")
    edge.write_config(settings, [*core_manifests(), guarded, remote])
    command = [program("caddy"), "validate", "--config", edge.config_path(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_gets_its_certificate_at_the_first_start(data_dir):
    """Caddy's own cleaning runs meanwhile, and would remove a folder that holds no certificate yet."""
    ports = free_ports(("port", "s3_port", "https_port"))
    settings = Settings(data_dir=data_dir, edge=ports, identity={"destination_earth_hosts": True})
    being_obtained = data_dir / "edge" / "certificates" / "local" / "earth.example"
    being_obtained.mkdir(parents=True)
    with running_edge(settings):
        pass
    assert being_obtained.exists()


def route_ids(config):
    return [route["@id"] for route in config["apps"]["http"]["servers"]["platform"]["routes"]]


def test_every_service_has_its_route_and_the_portal_takes_the_rest(data_dir):
    config = edge.make_config(Settings(data_dir=data_dir), [*core_manifests(), stranger()])
    ids = route_ids(config)
    assert {
        "service-catalogue",
        "service-cuts",
        "service-viewer",
        "service-workflows",
        "service-echo",
    } <= set(ids)
    assert ids[0] == "host-guard"
    assert ids[-1] == "portal"


def test_only_a_public_service_is_reached_without_asking_the_portal(data_dir):
    settings = Settings(data_dir=data_dir)
    for policy, asks in (("public", False), ("registered", True)):
        config = edge.make_config(settings, [stranger(access={"policy": policy})])
        assert ("/account/verify?service=echo" in json.dumps(config)) is asks


def test_the_host_guard_is_for_loopback_only(data_dir):
    assert "host-guard" not in route_ids(
        edge.make_config(Settings(data_dir=data_dir, edge={"host": "0.0.0.0"}), [])
    )


def test_the_admin_api_is_no_tcp_port(data_dir):
    admin = edge.make_config(Settings(data_dir=data_dir), [])["admin"]
    assert admin["listen"].startswith("unix/")
    assert admin["listen"].endswith("|0600")


def test_the_edge_leaves_idle_connections_before_the_servers_do(data_dir):
    settings = Settings(data_dir=data_dir)
    assert 0 < int(edge.IDLE.removesuffix("s")) < settings.internal.KEEP_ALIVE_S
    config = json.dumps(edge.make_config(settings, [*core_manifests(), stranger()]))
    assert config.count('"reverse_proxy"') == config.count('"idle_timeout"')
    # gunicorn alone, of the usual servers, waits no longer than two seconds.
    assert 0 < int(edge.IDLE_STRANGERS.removesuffix("s")) < 2
    strangers_only = edge.make_config(settings, [stranger()])["apps"]["http"]["servers"]["platform"]["routes"]
    echo = next(route for route in strangers_only if route["@id"] == "service-echo")
    assert echo["handle"][-1]["transport"]["keep_alive"]["idle_timeout"] == edge.IDLE_STRANGERS
