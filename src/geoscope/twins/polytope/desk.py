"""The desk that takes requests and has them answered: a durable queue, some at work, results on disk.

Of several processes of the same installation one works, the one that holds the lock; it goes with the
process, however that ends, and the next one takes up what was being done.
"""

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from geoscope.access import Principal, issue_token_for
from geoscope.errors import (
    GeoscopeError,
    InvalidInputError,
    NotFoundError,
    SetupError,
    TooLargeError,
    UnavailableError,
)
from geoscope.holdings import Holdings
from geoscope.mars.texts import read_yaml
from geoscope.settings import Settings
from geoscope.twins.polytope.coverages import write_coverages
from geoscope.twins.polytope.fields import write_fields
from geoscope.twins.polytope.kept_request import KeptRequest, Status
from geoscope.twins.polytope.plan import Plan, make_plan
from geoscope.twins.polytope.requests_kept import RequestStore
from geoscope.twins.vocabulary.parameters import ParameterTable, parameter_table

COVERAGE_JSON = "application/prs.coverage+json"
GRIB = "application/x-grib"

LOOK_AGAIN_S = 5.0
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
SWEEP_S = 300.0
# How long it is known that a result was there and is no more.
FORGET_AFTER_S = 7 * 86_400.0

log = logging.getLogger(__name__)


class Desk:
    """Takes requests, has them answered, keeps the results.

    Parameters
    ----------
    settings : Settings
        Says where everything is kept, and the limits.
    holdings : Holdings
        The platform's data.
    """

    def __init__(self, settings: Settings, holdings: Holdings) -> None:
        self.limits = settings.polytope
        self._settings = settings
        self._holdings = holdings
        self.readers = holdings.readers
        self._folder = settings.data_dir / "polytope"
        self._results = self._folder / "results"
        self._results.mkdir(parents=True, exist_ok=True)
        self.requests = RequestStore(self._folder / "requests.sqlite")
        self._work_is_there = asyncio.Event()
        self._ended: dict[str, asyncio.Event] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def submit(self, principal: Principal, request: object) -> KeptRequest:
        """Check a request and put it into the queue.

        Raises
        ------
        InvalidInputError, NotFoundError, TooLargeError, NotAllowedError
            If it cannot be answered: said at once, and nothing is kept of it.
        TooManyError
            If the asker has too many that are not answered yet.
        """
        plain = await asyncio.to_thread(_plain, request)
        await self._plan(principal, plain)
        kept = await asyncio.to_thread(
            self.requests.add, principal, {"request": plain}, self.limits.max_live_per_user
        )
        self._ended[kept.id] = asyncio.Event()
        self._work_is_there.set()
        return kept

    async def wait(self, id_: str, seconds: float) -> None:
        """Wait until a request has been answered, for some time."""
        if ended := self._ended.get(id_):
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), seconds)

    async def revoke(self, kept: KeptRequest) -> None:
        """Forget a request: what waits is not begun, what is at work ends, a result is removed."""
        await asyncio.to_thread(self.requests.remove, kept.id, kept.principal.subject)
        if task := self._at_work.get(kept.id):
            task.cancel()
        self._ended.pop(kept.id, None)
        self.path_of(kept.id).unlink(missing_ok=True)

    async def revoke_waiting(self, owner: str) -> int:
        """Forget an owner's requests that are still in the queue; return how many they were."""
        ids = await asyncio.to_thread(self.requests.remove_waiting, owner)
        for id_ in ids:
            self._ended.pop(id_, None)
        return len(ids)

    def path_of(self, id_: str) -> Path:
        """Return where the result of a request lies."""
        return self._results / id_

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Answer requests while this is entered."""
        working = asyncio.create_task(self._work())
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def _work(self) -> None:
        lock = await self._locked()
        try:
            await _until_kept(self.requests.take_back)
            async with asyncio.TaskGroup() as group:
                for _ in range(self.limits.workers):
                    group.create_task(self._answer_one_after_the_other())
                group.create_task(self._sweep())
        finally:
            lock.close()

    async def _locked(self) -> IO[str]:
        """Wait for the lock that the working process holds."""
        lock = (self._folder / "lock").open("w")
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                return lock

    async def _answer_one_after_the_other(self) -> None:
        while True:
            kept = await _until_kept(self.requests.claim)
            if kept is None:
                self._work_is_there.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._work_is_there.wait(), LOOK_AGAIN_S)
                continue
            task = asyncio.create_task(self._answer(kept))
            self._at_work[kept.id] = task
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if not task.cancelled():  # this process ends: what was begun is begun anew
                    task.cancel()
                    await asyncio.wait([task])
                    raise
            finally:
                self._at_work.pop(kept.id, None)
                if ended := self._ended.pop(kept.id, None):
                    ended.set()

    async def _answer(self, kept: KeptRequest) -> None:
        partial = self._results / f"{kept.id}.part"
        keep_s = self.limits.keep_hours * 3600
        problem = ""
        try:
            async with asyncio.timeout(self.limits.max_minutes * 60):
                media_type, size = await self._write_patiently(kept, partial)
            partial.replace(self.path_of(kept.id))
        except GeoscopeError as error:
            problem = str(error)
        except TimeoutError:
            problem = (
                f"It took longer than the {self.limits.max_minutes:g} minutes that are allowed. Ask for less."
            )
        except OSError as error:
            log.exception("The result of %s cannot be written", kept.id)
            problem = f"The result cannot be written: {error.strerror}."
        except Exception:
            log.exception("The request %s failed", kept.id)
            problem = "Something went wrong inside the service; its log says what."
        finally:
            partial.unlink(missing_ok=True)
        if problem:
            await _until_kept(self.requests.fail, kept.id, problem, keep_s)
        elif not await _until_kept(self.requests.finish, kept.id, media_type, size, keep_s):
            self.path_of(kept.id).unlink(missing_ok=True)  # revoked meanwhile

    async def _write_patiently(self, kept: KeptRequest, path: Path) -> tuple[str, int]:
        """Write a result; again after a while if a part of the platform does not answer, as at a start."""
        for pause_s in PAUSES_S:
            try:
                return await self._write(kept, path)
            except UnavailableError:
                await asyncio.sleep(pause_s)
        return await self._write(kept, path)

    async def _write(self, kept: KeptRequest, path: Path) -> tuple[str, int]:
        """Write the result of a request; return its media type and size."""
        plan = await self._plan(kept.principal, kept.request["request"])
        room = self.limits.max_bytes_per_user - await asyncio.to_thread(
            self.requests.bytes_of, kept.principal.subject
        )
        size = 0
        with path.open("wb") as file:
            async for piece in await self._pieces(plan):
                size += len(piece)
                if size > room:
                    raise TooLargeError(
                        "Your results need too much room.", "Revoke older requests, or ask for less."
                    )
                await asyncio.to_thread(file.write, piece)
        return (GRIB if plan.feature is None else COVERAGE_JSON), size

    async def _pieces(self, plan: Plan) -> AsyncIterator[bytes]:
        if plan.feature is None:
            return write_fields(plan.parts)
        return write_coverages(plan.parts, plan.feature, await self._table(), self.limits)

    async def _table(self) -> ParameterTable | None:
        try:
            return await asyncio.to_thread(parameter_table, self._settings.data_dir)
        except SetupError:
            return None  # without ecCodes the cubes' own names are told

    async def _plan(self, principal: Principal, request: object) -> Plan:
        # Those are asked who know what the asker may have, with a token of a few minutes that says who it is.
        authorization = f"Bearer {issue_token_for(self._settings, principal)}"
        return await make_plan(request, self._holdings.seen_by(principal, authorization), self.limits)

    async def _sweep(self) -> None:
        """Remove what has expired, and what a process that was killed left behind."""
        while True:
            try:
                needed = await asyncio.to_thread(self.requests.expire, FORGET_AFTER_S)
                for path in self._results.iterdir():
                    if path.name.removesuffix(".part") not in needed:
                        path.unlink(missing_ok=True)
            except (GeoscopeError, OSError):
                log.exception("Expired results cannot be removed")
            await asyncio.sleep(SWEEP_S)


async def _until_kept[**P, R](change: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Change what is kept; again and again while the disk is full or the file is locked."""
    while True:
        try:
            return await asyncio.to_thread(change, *args, **kwargs)
        except UnavailableError:
            log.exception("The queue cannot be written")
            await asyncio.sleep(LOOK_AGAIN_S)


def _plain(request: object) -> object:
    """Return a request as it is kept: YAML text is read here, once."""
    plain = read_yaml(request) if isinstance(request, str) else request
    if not isinstance(plain, (Mapping, list)):
        raise InvalidInputError(
            "The request is no object of keys and values.", "Expected one, such as class: d1."
        )
    return plain


def describe(kept: KeptRequest) -> dict[str, Any]:
    """Return what is told of a request in a list."""
    return {
        "id": kept.id,
        "status": kept.status,
        "verb": "retrieve",
        "timestamp": kept.submitted,
        "user": kept.principal.subject,
        "user_request": kept.request.get("request"),
    } | ({"status_message": kept.message} if kept.status is Status.FAILED else {})


def require(kept: KeptRequest | None, id_: str) -> KeptRequest:
    """Refuse an id that is none of the asker's.

    Raises
    ------
    NotFoundError
        Saying so.
    """
    if kept is None:
        raise NotFoundError(f"You have no request {id_[:60]!r}.")
    return kept
