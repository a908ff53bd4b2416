"""A load as a durable job: the checkpoint in the catalogue lets it go on after whatever stopped it."""

from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import orjson
from anyio import to_thread

from geoscope.catalogue.loading.fetching import shown
from geoscope.catalogue.loading.loader import LoadOptions, Progress, load
from geoscope.catalogue.loading.opening import SourceOptions, is_address, open_source
from geoscope.catalogue.loading.public_hosts import PublicHosts
from geoscope.catalogue.loading.threads import unwrapped_errors
from geoscope.catalogue.store import open_store
from geoscope.errors import InvalidInputError
from geoscope.processes import Job, Json
from geoscope.settings import Settings

REPORTS_EVERY_S = 1.0
PROBLEMS_TOLD = 100


def load_by_job(job: Job, settings: Settings, inputs: Json) -> dict[str, Any]:
    """Load what the inputs of the process `load-catalogue` name.

    Raises
    ------
    InvalidInputError
        If an input is not valid, or the source must not be asked.
    """
    source, options = _options(settings, inputs)
    return job.step(f"Load {shown(source)}", lambda: anyio.run(_load, job, settings, source, options))


async def _load(job: Job, settings: Settings, location: str, options: LoadOptions) -> dict[str, Any]:
    reports = _Reports(job)
    allowed = settings.catalogue.loading
    store = open_store(settings)
    try:
        async with PublicHosts(allowed.allowed_hosts) as transport:
            how = SourceOptions(
                downloads=options.folder,
                collections=options.collections,
                transport=transport,
                max_download_bytes=allowed.max_download_bytes,
            )
            with unwrapped_errors():
                async with anyio.create_task_group() as tasks, open_source(location, how) as source:
                    tasks.start_soon(reports.send)
                    done = await load(store, source, options, reports.note)
                    tasks.cancel_scope.cancel()
    finally:
        store.close()
    return {
        "items": done.items,
        "collections": done.collections,
        "refused": done.refused,
        "problems": _first_problems(done.report) if done.refused else [],
    }


class _Reports:
    """Tells the job how far the load is: from a thread, as a job cannot be spoken to inside an event loop."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._latest: Progress | None = None

    def note(self, progress: Progress) -> None:
        self._latest = progress

    async def send(self) -> None:
        while True:
            await anyio.sleep(REPORTS_EVERY_S)
            if (latest := self._latest) is not None:
                self._latest = None
                done = round(1000 * (latest.share or 0))
                await to_thread.run_sync(self._job.report, done, 1000, _words(latest))


def _options(settings: Settings, inputs: Json) -> tuple[str, LoadOptions]:
    source, collections, limit = inputs.get("source"), inputs.get("collections", []), inputs.get("limit")
    if not isinstance(source, str) or not is_address(source):
        raise InvalidInputError("source: it is no address.", "Expected one that begins with https://.")
    if not isinstance(collections, list) or not all(isinstance(id_, str) for id_ in collections):
        raise InvalidInputError("collections: it is no list of ids.")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InvalidInputError("limit: it is no positive whole number.")
    for name in ("updateCollections", "strict"):
        if not isinstance(inputs.get(name, False), bool):
            raise InvalidInputError(f"{name}: it is neither true nor false.")
    return source, LoadOptions(
        folder=settings.data_dir / "catalogue" / "loads",
        collections=frozenset(collections),
        update_collections=inputs.get("updateCollections", False),
        strict=inputs.get("strict", False),
        limit=limit,
    )


def _words(progress: Progress) -> str:
    verb = "checked" if progress.phase == "checking" else "stored"
    refused = f", {progress.refused:,} documents refused" if progress.refused else ""
    return f"{progress.items:,} items {verb}{refused}"


def _first_problems(report: Path) -> list[Any]:
    with report.open("rb") as lines:
        return [orjson.loads(line) for line in islice(lines, PROBLEMS_TOLD)]
