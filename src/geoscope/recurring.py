"""Work that comes again and again: now and then a service asks for a job, such as one that cleans up."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from geoscope.access import issue_token
from geoscope.errors import GeoscopeError
from geoscope.settings import Settings

# The first time when the platform, whose API is asked, has surely begun to listen.
FIRST_AFTER_S = 300.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def asked_now_and_then(
    settings: Settings, process: str, subject: str, role: str, every_s: float
) -> AsyncIterator[None]:
    """Ask for a job in the background, again and again, until this is left.

    Parameters
    ----------
    settings : Settings
        Say where the jobs' API listens.
    process : str
        Id of the process; it needs no inputs.
    subject, role : str
        Who asks, and by which role they may.
    every_s : float
        Time between two jobs, in seconds.
    """
    task = asyncio.create_task(_ask(settings, process, subject, role, every_s))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _ask(settings: Settings, process: str, subject: str, role: str, every_s: float) -> None:
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        try:
            token = issue_token(settings, subject, frozenset({role}))
            async with httpx.AsyncClient(base_url=settings.internal.data_apis_url, trust_env=False) as client:
                answer = await client.post(
                    f"/processes/{process}/execution",
                    json={"inputs": {}},
                    headers={"Authorization": f"Bearer {token}"},
                )
                answer.raise_for_status()
        except (httpx.HTTPError, GeoscopeError) as error:
            log.warning("The process %s waits: %s", process, str(error) or type(error).__name__)
        await asyncio.sleep(every_s)
