"""The health watch: asks every service now and then whether it is well, and tells the registry.

It also reminds the portal of its housekeeping.
"""

import time
from typing import Any

import anyio
import httpx

from geoscope.access import issue_token
from geoscope.runtime.edge import OBJECT_STORE_HEALTH
from geoscope.service import Manifest, is_below
from geoscope.settings import Settings

EVERY_S = 10.0
HOUSEKEEPING_EVERY_S = 60.0
TIMEOUT_S = 5.0
WATCH_ROLE = "service-watch"


class HealthWatch:
    """Observes the services and reports each observation to `PUT /services/ID/health`.

    Parameters
    ----------
    settings : Settings
        With the internal addresses of the running parts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._now = anyio.Event()

    def look_now(self) -> None:
        """Observe at once instead of at the next round."""
        self._now.set()

    async def run(self, manifests: list[Manifest]) -> None:
        """Observe the services, round after round; the list may change meanwhile."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            kept_house_s = float("-inf")
            while True:
                async with anyio.create_task_group() as tasks:
                    for manifest in list(manifests):
                        tasks.start_soon(self._observe, client, manifest)
                    if time.monotonic() - kept_house_s >= HOUSEKEEPING_EVERY_S:
                        kept_house_s = time.monotonic()
                        tasks.start_soon(self._tell, client, "POST", "/health/housekeeping")
                self._now = anyio.Event()
                with anyio.move_on_after(EVERY_S):
                    await self._now.wait()

    async def _observe(self, client: httpx.AsyncClient, manifest: Manifest) -> None:
        observation = await self._ask(client, manifest)
        await self._tell(client, "PUT", f"/services/{manifest.id}/health", observation)

    async def _tell(
        self, client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None = None
    ) -> None:
        token = issue_token(self._settings, "service:watch", frozenset({WATCH_ROLE}))
        address, headers = self._settings.internal.portal_url + path, {"Authorization": f"Bearer {token}"}
        try:
            await client.request(method, address, json=body, headers=headers)
        except httpx.HTTPError:
            return  # the portal restarts; the next round tells it

    async def _ask(self, client: httpx.AsyncClient, manifest: Manifest) -> dict[str, Any]:
        started = time.perf_counter()
        detail = ""
        try:
            response = await client.get(self._health_address(manifest))
            is_up = response.is_success
            if not is_up:
                detail = f"The health path answered {response.status_code}."
        except httpx.HTTPError as error:
            is_up, detail = False, f"No answer ({type(error).__name__})."
        return {
            "status": "up" if is_up else "down",
            "response_ms": round((time.perf_counter() - started) * 1000, 1),
            "detail": detail,
        }

    def _health_address(self, manifest: Manifest) -> str:
        """Return where a service's health is asked: behind the edge, at whatever runs it."""
        internal = self._settings.internal
        if manifest.upstream:
            return manifest.upstream.rstrip("/") + _stripped_health(manifest)
        if manifest.part == "object-store":
            return internal.object_store_url + OBJECT_STORE_HEALTH
        return (
            internal.portal_url if manifest.part == "portal" else internal.data_apis_url
        ) + manifest.health


def _stripped_health(manifest: Manifest) -> str:
    if not manifest.strip_route:
        return manifest.health
    route = next(route for route in manifest.routes if is_below(manifest.health, route))
    return manifest.health.removeprefix(route)
