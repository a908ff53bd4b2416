"""Seeing to it that products of jobs are removed when they expire: now and then a job is asked for that."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from geoscope.access import issue_token
from geoscope.cuts.process import REMOVE_EXPIRED_CUTS, SWEEPER_ROLE
from geoscope.errors import GeoscopeError
from geoscope.settings import Settings

# The first time when the platform, whose API is asked, has surely begun to listen.
FIRST_AFTER_S = 300.0
EVERY_S = 6 * 3600.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def sweep_now_and_then(settings: Settings) -> AsyncIterator[None]:
    """Ask for the sweeping job in the background."""
    task = asyncio.create_task(_sweep(settings))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep(settings: Settings) -> None:
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        try:
            token = issue_token(settings, "service:cuts", frozenset({SWEEPER_ROLE}))
            async with httpx.AsyncClient(base_url=settings.internal.data_apis_url, trust_env=False) as client:
                answer = await client.post(
                    f"/processes/{REMOVE_EXPIRED_CUTS.id}/execution",
                    json={"inputs": {}},
                    headers={"Authorization": f"Bearer {token}"},
                )
                answer.raise_for_status()
        except (httpx.HTTPError, GeoscopeError) as error:
            log.warning("Expired cuts wait to be removed: %s", str(error) or type(error).__name__)
        await asyncio.sleep(EVERY_S)
