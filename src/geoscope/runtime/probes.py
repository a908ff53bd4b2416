"""How the supervisor tells that a part is well."""

import time

import httpx
from obstore.exceptions import BaseError

from geoscope.objects import BUCKETS, open_bucket
from geoscope.runtime.edge import OBJECT_STORE_HEALTH
from geoscope.runtime.plan import FileProbe, HttpProbe, ObjectStoreProbe, Part
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

PROBE_TIMEOUT_S = 3.0


async def is_well(part: Part, *, thoroughly: bool = False) -> bool:
    """Ask a part once; no answer is a no.

    Parameters
    ----------
    part : Part
        Says by its probe what is asked.
    thoroughly : bool
        Ask all that makes a part ready, as at its start; else only whether it still lives, which costs less.
    """
    match part.probe:
        case HttpProbe(url, socket):
            return await _answers(url, str(socket) if socket else None)
        case FileProbe(path, max_age_s):
            try:
                return time.time() - path.stat().st_mtime <= max_age_s
            except OSError:
                return False
        case ObjectStoreProbe(settings, master_url) if thoroughly:
            return await _knows_its_volumes(master_url) and await _has_its_buckets(settings)
        case ObjectStoreProbe(settings):
            return await _answers(settings.internal.object_store_url + OBJECT_STORE_HEALTH, None)


def _client(socket: str | None = None) -> httpx.AsyncClient:
    """Return a client for plain HTTP on this machine: without a TLS context, which takes 20 ms to make."""
    transport = httpx.AsyncHTTPTransport(uds=socket, trust_env=False, verify=False)
    return httpx.AsyncClient(transport=transport, timeout=PROBE_TIMEOUT_S, trust_env=False)


async def _answers(url: str, socket: str | None) -> bool:
    async with _client(socket) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False


async def _knows_its_volumes(master_url: str) -> bool:
    async with _client() as client:
        try:
            topology = (await client.get(f"{master_url}/dir/status")).json()["Topology"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
    return bool(topology.get("DataCenters"))


async def _has_its_buckets(settings: Settings) -> bool:
    keys = read_s3_keys(settings, "platform")
    try:
        for name in BUCKETS:
            bucket = open_bucket(settings, name, keys, patient=False)
            await bucket.list_with_delimiter_async("any-name-that-is-not-there")
    except (BaseError, OSError):
        return False
    return True
