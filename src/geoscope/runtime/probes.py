"""How the supervisor tells that a part is well."""

import time

import httpx
from obstore.exceptions import BaseError

from geoscope.objects import BUCKETS, open_bucket
from geoscope.runtime.plan import FileProbe, HttpProbe, ObjectStoreProbe, Part
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

PROBE_TIMEOUT_S = 3.0


async def is_well(part: Part) -> bool:
    """Ask a part once; no answer is a no."""
    match part.probe:
        case HttpProbe(url, socket):
            return await _answers(url, str(socket) if socket else None)
        case FileProbe(path, max_age_s):
            try:
                return time.time() - path.stat().st_mtime <= max_age_s
            except OSError:
                return False
        case ObjectStoreProbe(settings, master_url):
            return await _knows_its_volumes(master_url) and await _has_its_buckets(settings)
        case None:
            return True


async def _answers(url: str, socket: str | None) -> bool:
    transport = httpx.AsyncHTTPTransport(uds=socket, trust_env=False)
    async with httpx.AsyncClient(transport=transport, timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False


async def _knows_its_volumes(master_url: str) -> bool:
    async with httpx.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
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
