"""A client that goes away in the middle of a large answer: reading stops, and nothing stays open."""

import socket
import struct
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from geoscope.cubes.cache import FieldCache
from local_holdings import LocalHoldings
from running import until

EVERYTHING = {"bbox": "-180,-90,180,90"}
PATH = "/edr/collections/noise/instances/one/cube"
SMALL = "/edr/collections/noise/instances/one/position?coords=POINT(0%200)&datetime=2020-01-01&f=CSV"


class CountingStore(LocalStore):
    """A store that counts the bytes that were read from it."""

    bytes_read = 0

    async def get(self, *arguments, **parameters):
        found = await super().get(*arguments, **parameters)
        CountingStore.bytes_read += len(found) if found else 0
        return found


class CountedHoldings(LocalHoldings):
    """Holdings that read each time anew."""

    def __init__(self, folder, documents):
        super().__init__(folder, documents)
        self._fields = FieldCache(0)

    def _store(self, place):
        return CountingStore(self.folder / place.key, read_only=True)


@pytest.fixture(scope="module")
def noise(tmp_path_factory, documents_of):
    """A cube of 1200 days and 2 degrees that no compression makes small: four blocks of reading."""
    folder = tmp_path_factory.mktemp("noise")
    time = np.datetime64("2020-01-01", "ns") + np.arange(1200) * np.timedelta64(1, "D")
    values = np.random.default_rng(5).random((1200, 90, 180), np.float32)
    latitude = ("latitude", np.arange(89.0, -90, -2), {"units": "degrees_north"})
    longitude = ("longitude", np.arange(-179.0, 180, 2), {"units": "degrees_east"})
    dataset = xr.Dataset(
        {"noise": (("time", "latitude", "longitude"), values, {"units": "1"})},
        {"time": ("time", time, {"axis": "T"}), "latitude": latitude, "longitude": longitude},
    )
    return folder, documents_of(folder, {"noise": dataset})


@pytest.fixture(scope="module")
def size(noise):
    return sum(file.stat().st_size for file in noise[0].rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def url(noise, served):
    with served(CountedHoldings(*noise)) as url:
        yield url


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def open_files():
    """What this process, in which the server runs, has open: files and connections."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return set(found)


def ask(url, form):
    """Send a request by a bare socket that takes little at a time."""
    place = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    connection.connect((place.hostname, place.port))
    query = urlencode(EVERYTHING | {"f": form})
    connection.sendall(f"GET {PATH}?{query} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    return connection


def go_away(connection, *, abruptly):
    """Close a connection: in order, or as a machine that vanishes."""
    if abruptly:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stands_still(number):
    """Wait until a number does not change any more, and return it."""
    last = [None]

    def same():
        before, last[0] = last[0], number()
        return before == last[0]

    threading.Event().wait(0.3)
    until(same)
    return last[0]


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("form", ["CoverageJSON", "CSV", "Zarr", "NetCDF4", "Parquet"])
def test_nothing_is_read_any_more_and_nothing_stays_open(url, size, temporary, form, abruptly):
    httpx.get(url + SMALL).raise_for_status()
    before, begun = open_files(), CountingStore.bytes_read
    connection = ask(url, form)
    if form in ("NetCDF4", "Parquet"):  # they are made in a temporary file first
        until(lambda: CountingStore.bytes_read > begun and any(temporary.rglob("answer*")))
    else:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    go_away(connection, abruptly=abruptly)
    until(lambda: not open_files() - before, what="the end of all that was opened")
    until(lambda: not list(temporary.iterdir()), what="the end of the temporary files")
    stands_still(lambda: CountingStore.bytes_read)
    # The block that was being read, and at most the next one.
    assert 0 < CountingStore.bytes_read - begun < 0.6 * size
    assert httpx.get(url + SMALL).status_code == 200
