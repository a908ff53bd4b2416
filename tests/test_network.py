"""No request leads into a private network that the operator did not allow."""

import http.server
import threading

import anyio
import httpx
import pytest

from geoscope.network import PrivateAddressError, is_public, open_async_transport, open_transport


@pytest.fixture
def asked():
    """A server of this machine and the paths that were asked of it."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, paths
        server.shutdown()
        thread.join()


def get(url, may_be_private):
    with httpx.Client(transport=open_transport(may_be_private, "Allow it.")) as client:
        return client.get(url)


def get_async(url, may_be_private):
    async def ask():
        async with httpx.AsyncClient(transport=open_async_transport(may_be_private, "Allow it.")) as client:
            return await client.get(url)

    return anyio.run(ask)


@pytest.mark.parametrize("way", [get, get_async])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"])
def test_nothing_is_sent_into_a_private_network(way, host, asked):
    port, paths = asked
    with pytest.raises(PrivateAddressError, match=r"private network. Allow it\."):
        way(f"http://{host}:{port}/", lambda _host: False)
    assert paths == []


@pytest.mark.parametrize("way", [get, get_async])
def test_an_allowed_host_is_reached(way, asked):
    port, paths = asked
    answer = way(f"http://localhost:{port}/here", lambda host: host == "localhost")
    assert answer.status_code == 204
    assert paths == ["/here"]


@pytest.mark.parametrize("way", [get, get_async])
def test_a_name_that_leads_nowhere(way):
    with pytest.raises(httpx.ConnectError, match=r"nowhere\.invalid"):
        way("http://nowhere.invalid/", lambda _host: False)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("::ffff:127.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address, expected):
    assert is_public(address) is expected
