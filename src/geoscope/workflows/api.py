"""The routes of OGC API - Processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request, Response

from geoscope.access import ADMINISTRATOR
from geoscope.error_documents import problem_document
from geoscope.errors import GeoscopeError
from geoscope.processes import Process, installed_processes
from geoscope.settings import current_settings
from geoscope.web import SignedInPrincipal, base_url, service_application
from geoscope.workflows.manifest import MANIFEST
from geoscope.workflows.models import (
    ExecutionRequest,
    JobList,
    JobState,
    Link,
    NoSuchProcessError,
    ProcessDescription,
    ProcessList,
    StatusInfo,
    check_inputs,
    describe,
    summarize,
    with_links,
)
from geoscope.workflows.queue import JobQueue

router = APIRouter()


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    application.state.queue = await anyio.to_thread.run_sync(JobQueue.open, current_settings())
    application.state.processes = installed_processes()
    yield
    await anyio.to_thread.run_sync(application.state.queue.close)


def _queue(request: Request) -> JobQueue:
    queue: JobQueue = request.app.state.queue
    return queue


def _processes(request: Request) -> dict[str, Process]:
    processes: dict[str, Process] = request.app.state.processes
    return processes


def _process(request: Request, process_id: str) -> Process:
    processes = _processes(request)
    if process_id not in processes:
        known = ", ".join(processes) or "none"
        raise NoSuchProcessError(f"There is no process {process_id!r}.", f"Those installed: {known}.")
    return processes[process_id]


Queue = Annotated[JobQueue, Depends(_queue)]
Processes = Annotated[dict[str, Process], Depends(_processes)]
AskedProcess = Annotated[Process, Depends(_process)]
Base = Annotated[str, Depends(base_url)]


@router.get("/processes", response_model_exclude_none=True)
async def list_processes(processes: Processes, base: Base) -> ProcessList:
    """List the processes that can be asked for."""
    summaries = tuple(summarize(process, base) for process in processes.values())
    return ProcessList(processes=summaries, links=(Link(href=f"{base}/processes", rel="self"),))


@router.get("/processes/{process_id}", response_model_exclude_none=True)
async def get_process(process: AskedProcess, base: Base) -> ProcessDescription:
    """Describe a process: its inputs and outputs."""
    return describe(process, base)


@router.post("/processes/{process_id}/execution", status_code=201, response_model_exclude_none=True)
def execute(
    process: AskedProcess,
    principal: SignedInPrincipal,
    queue: Queue,
    base: Base,
    response: Response,
    asked: Annotated[ExecutionRequest, Body(default_factory=ExecutionRequest)],
) -> StatusInfo:
    """Ask for a process: 201 with a new job, or 200 with the one that already does the same work."""
    if process.role is not None:
        principal.require_role(process.role)
    check_inputs(process, asked.inputs)
    job, is_new = queue.submit(process.id, asked.inputs, principal.subject, personal=process.personal)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"{base}/jobs/{job.job_id}"
    response.headers["Preference-Applied"] = "respond-async"
    return with_links(job, base)


@router.get("/jobs", response_model_exclude_none=True)
def list_jobs(
    principal: SignedInPrincipal,
    queue: Queue,
    base: Base,
    status: Annotated[list[JobState], Query(default_factory=list)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobList:
    """List the jobs that the principal asked for, the newest first; an administrator sees everybody's."""
    owner = None if ADMINISTRATOR in principal.roles else principal.subject
    jobs = queue.jobs(owner=owner, states=tuple(status), limit=limit)
    return JobList(
        jobs=tuple(with_links(job, base) for job in jobs), links=(Link(href=f"{base}/jobs", rel="self"),)
    )


@router.get("/jobs/{job_id}", response_model_exclude_none=True)
def get_job(job_id: str, queue: Queue, base: Base) -> StatusInfo:
    """Tell how a job stands. Whoever knows its id may ask: ids cannot be guessed."""
    return with_links(queue.job(job_id), base)


@router.get("/jobs/{job_id}/results")
def get_results(job_id: str, queue: Queue) -> dict[str, Any]:
    """Return the outputs of a successful job, by name."""
    return queue.results(job_id)


@router.delete("/jobs/{job_id}", response_model_exclude_none=True)
def dismiss_job(job_id: str, principal: SignedInPrincipal, queue: Queue, base: Base) -> StatusInfo:
    """Cancel a job that has not ended, or forget one that has. Its owner may, and an administrator."""
    if queue.owner(job_id) != principal.subject:
        principal.require_role(ADMINISTRATOR)
    return with_links(queue.dismiss(job_id), base)


def _error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    document, media_type = problem_document(error)
    return document | {"type": getattr(error, "problem_type", document["type"])}, media_type


def create_application() -> FastAPI:
    """Make the application of the workflows service."""
    application = service_application(MANIFEST, error_document=_error_document, lifespan=_lifespan)
    application.include_router(router)
    return application
