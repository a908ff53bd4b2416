"""A stranger's service from its manifest alone: the tutorial's own code, routed, watched, guarded."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from geoscope.access import issue_token
from geoscope.runtime.ports import free_ports
from running import EDGE_PORTS, answers, until

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "write-a-service.md"

ECHO = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"path": self.path, "headers": headers}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def tutorial_file(name):
    """Return a file as the tutorial prints it."""
    blocks = re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', TUTORIAL.read_text(), re.DOTALL)
    return dict(blocks)[name]


@pytest.fixture
def add_service(platform, tmp_path):
    """Bring services onto the platform; they are taken off again."""
    added = []

    def add(text, name):
        (tmp_path / f"{name}.toml").write_text(text)
        done = platform.run("service", "add", str(tmp_path / f"{name}.toml"))
        added.append(name)
        return done.stdout

    yield add
    for name in added:
        if (platform.data_dir / "services" / f"{name}.toml").exists():
            platform.run("service", "remove", name)


@pytest.fixture
def echo_port():
    port = free_ports(("echo",), among=EDGE_PORTS)["echo"]
    with subprocess.Popen([sys.executable, "-c", ECHO, str(port)]) as server:
        until(lambda: answers(f"http://127.0.0.1:{port}/"))
        yield port
        server.kill()


def echo_manifest(port, more=""):
    return f"""
id = "echo"
title = "Echo"
summary = "Says what it heard."
category = "see"
version = "1"
routes = ["/echo"]
upstream = "http://127.0.0.1:{port}"
health = "/echo/health"
{more}
[provider]
name = "Somebody"
"""


def test_the_tutorials_service_is_30_lines():
    code = [line for line in tutorial_file("daylight.py").splitlines() if line.strip()]
    assert len(code) <= 30


def test_the_tutorial_works_as_printed(platform, add_service, tmp_path):
    port = free_ports(("daylight",), among=EDGE_PORTS)["daylight"]
    (tmp_path / "daylight.py").write_text(tutorial_file("daylight.py"))
    uvicorn = [sys.executable, "-m", "uvicorn", "daylight:app", "--port", str(port)]
    with subprocess.Popen(uvicorn, cwd=tmp_path) as server:
        until(lambda: answers(f"http://127.0.0.1:{port}/daylight/health"))
        printed = add_service(tutorial_file("daylight.toml").replace("9100", str(port)), "daylight")
        assert f"{platform.url}/daylight" in printed
        address = f"{platform.url}/daylight?latitude=60&day=2026-06-21"
        assert httpx.get(address).json()["hours"] == pytest.approx(18.9, abs=0.1)

        document = httpx.get(f"{platform.url}/services/daylight").json()
        assert document["title"] == "Daylight"
        found = httpx.get(f"{platform.url}/services", params={"q": "daylight"}).json()["services"]
        assert [service["id"] for service in found] == ["daylight"]
        until(lambda: health(platform, "daylight") == "up", what="the health watch")
        assert "Daylight" in httpx.get(platform.url).text
        server.kill()
        server.wait()
        until(lambda: health(platform, "daylight") == "down", what="the health watch")
    assert answers(f"{platform.url}/stac"), "the others are not touched"


def health(platform, service_id):
    return httpx.get(f"{platform.url}/services/{service_id}").json()["health"]["status"]


def test_a_removed_service_leaves_nothing(platform, add_service, echo_port):
    add_service(echo_manifest(echo_port), "echo")
    assert httpx.get(f"{platform.url}/echo").status_code == 200
    platform.run("service", "remove", "echo")
    assert httpx.get(f"{platform.url}/echo").status_code == 404
    assert httpx.get(f"{platform.url}/services/echo").status_code == 404


def test_the_edge_strips_the_route_foreign_identities_and_the_portals_cookies(
    platform, add_service, echo_port
):
    add_service(echo_manifest(echo_port, "strip_route = true"), "echo")
    heard = httpx.get(
        f"{platform.url}/echo/some/path?x=1",
        headers={
            "Remote-User": "administrator",
            "Remote-Roles": "administrator",
            "Cookie": f"a=1; geoscope-session-{platform.port}=stolen; b=2; geoscope-csrf-{platform.port}=x",
        },
    ).json()
    assert heard["path"] == "/some/path?x=1"
    assert "remote-user" not in heard["headers"]
    assert "remote-roles" not in heard["headers"]
    assert "stolen" not in heard["headers"]["cookie"]
    assert "a=1" in heard["headers"]["cookie"]
    assert "b=2" in heard["headers"]["cookie"]


def test_a_service_for_registered_people_is_closed_to_strangers(platform, add_service, echo_port):
    add_service(echo_manifest(echo_port, 'access = { policy = "registered" }'), "echo")
    assert httpx.get(f"{platform.url}/echo").status_code == 401
    token = issue_token(platform.settings, "ada")
    heard = httpx.get(f"{platform.url}/echo", headers={"Authorization": f"Bearer {token}"}).json()
    assert heard["headers"]["remote-user"] == "ada"
    assert httpx.get(f"{platform.url}/echo", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_service_for_a_role_is_closed_to_others(platform, add_service, echo_port):
    add_service(echo_manifest(echo_port, 'access = { policy = "roles", roles = ["pilot"] }'), "echo")

    def status(*roles):
        token = issue_token(platform.settings, "ada", frozenset(roles))
        return httpx.get(f"{platform.url}/echo", headers={"Authorization": f"Bearer {token}"}).status_code

    assert (status(), status("guest"), status("pilot")) == (403, 403, 200)


def test_a_wrong_manifest_is_refused_with_the_reason(platform, tmp_path):
    (tmp_path / "bad.toml").write_text(echo_manifest(1).replace("/echo", "/stac"))
    done = platform.run("service", "add", str(tmp_path / "bad.toml"), check=False)
    assert done.returncode == 1
    assert "'catalogue' holds /stac" in done.stderr
    assert "Traceback" not in done.stderr
