"""Keeping orders going: each one that waits has a job, whatever was killed in between; products expire.

The jobs are asked for at the platform's processes API, as any client does. Asking twice is harmless: while a
job of the same order waits or runs, that one is the answer.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import anyio
import anyio.to_thread
import httpx

from geoscope.access import issue_token
from geoscope.catalogue.orders.models import Order, utc_now
from geoscope.catalogue.orders.processes import DELIVER_ORDER, DELIVERER_ROLE, REMOVE_EXPIRED_PRODUCTS
from geoscope.catalogue.orders.store import OrderStore
from geoscope.errors import GeoscopeError
from geoscope.settings import Settings

ROUND_S = 10.0
# The first time the server that is asked, which may be this very one, has only begun to listen.
FIRST_ROUND_AFTER_S = 2.0
ORDERS_A_ROUND = 200
MAX_ATTEMPTS = 3

# The jobs' own API says how they stand; before this there is nothing to ask.
QUIET = timedelta(seconds=15)
REMOVE_EVERY = timedelta(hours=6)

SUBJECT = "service:catalogue"

log = logging.getLogger(__name__)


class OrderKeeper:
    """Looks after all orders that wait, every ten seconds and whenever it is woken."""

    def __init__(self, settings: Settings, orders: OrderStore) -> None:
        self._settings, self._orders = settings, orders
        self._woken = anyio.Event()
        self._removed = utc_now() - REMOVE_EVERY
        self._http = httpx.AsyncClient(
            base_url=settings.internal.data_apis_url, timeout=10.0, trust_env=False
        )

    def wake(self) -> None:
        """Look at once: there is a new order."""
        self._woken.set()

    def remove_soon(self) -> None:
        """Remove products at once: one is not wanted any more."""
        self._removed = utc_now() - REMOVE_EVERY
        self.wake()

    async def run(self) -> None:
        """Look after the orders until it is cancelled."""
        pause_s = FIRST_ROUND_AFTER_S
        async with self._http:
            while True:
                with anyio.move_on_after(pause_s):
                    await self._woken.wait()
                self._woken = anyio.Event()
                try:
                    await self._round()
                except (GeoscopeError, httpx.HTTPError) as error:
                    log.warning("Orders wait: %s", str(error) or type(error).__name__)
                except Exception:
                    # It must not end the catalogue, in whose process it is.
                    log.exception("Orders wait")
                pause_s = ROUND_S

    async def withdraw(self, order: Order) -> None:
        """Take back the job of an order that was canceled; if that fails, the job finds out by itself."""
        if order.job is None:
            return
        try:
            await self._ask("DELETE", f"/jobs/{order.job}")
        except httpx.HTTPError as error:
            log.info("The job of the canceled order %s could not be taken back: %s", order.id, error)

    async def _round(self) -> None:
        for order in await anyio.to_thread.run_sync(self._orders.waiting, ORDERS_A_ROUND):
            try:
                await self._look_after(order)
            except httpx.HTTPStatusError as error:
                log.warning("The order %s waits: %s", order.id, error)
        expired = await anyio.to_thread.run_sync(self._orders.expire, utc_now())
        if expired or utc_now() - self._removed >= REMOVE_EVERY:
            await self._submit(REMOVE_EXPIRED_PRODUCTS.id, {})
            self._removed = utc_now()

    async def _look_after(self, order: Order) -> None:
        now = utc_now()
        if order.job is None:
            await self._give_job(order)
        elif now - order.updated > QUIET:
            state = await self._job_state(order.job)
            if state in ("accepted", "running"):
                return
            if state == "successful" and order.look_again is not None:
                if order.look_again <= now:
                    await self._give_job(order)
            elif order.attempts + 1 >= MAX_ATTEMPTS:
                message = f"It was given up after {MAX_ATTEMPTS} jobs that ended without an answer."
                await anyio.to_thread.run_sync(self._orders.fail, order.id, message)
            else:
                await self._give_job(order, is_retry=True)

    async def _give_job(self, order: Order, *, is_retry: bool = False) -> None:
        job = await self._submit(DELIVER_ORDER.id, {"order": order.id})
        await anyio.to_thread.run_sync(partial(self._orders.assign, order.id, job, is_retry=is_retry))

    async def _submit(self, process: str, inputs: dict[str, str]) -> str:
        answer = await self._ask("POST", f"/processes/{process}/execution", {"inputs": inputs})
        answer.raise_for_status()
        job: str = answer.json()["jobID"]
        return job

    async def _job_state(self, job: str) -> str:
        answer = await self._ask("GET", f"/jobs/{job}")
        if answer.status_code == 404:
            return "unknown"
        answer.raise_for_status()
        state: str = answer.json()["status"]
        return state

    async def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        token = issue_token(self._settings, SUBJECT, frozenset({DELIVERER_ROLE}))
        return await self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


@asynccontextmanager
async def keep_orders(settings: Settings, orders: OrderStore) -> AsyncIterator[OrderKeeper]:
    """Look after the orders in the background."""
    keeper = OrderKeeper(settings, orders)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.run)
        try:
            yield keeper
        finally:
            tasks.cancel_scope.cancel()
