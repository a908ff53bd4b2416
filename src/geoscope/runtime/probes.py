"""How the supervisor tells that a part is well."""

import time

import httpx

from geoscope.runtime.plan import FileProbe, HttpProbe, Part

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
        case None:
            return True


async def _answers(url: str, socket: str | None) -> bool:
    transport = httpx.AsyncHTTPTransport(uds=socket, trust_env=False)
    async with httpx.AsyncClient(transport=transport, timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False
