"""What OGC API - Processes - Part 1: Core 1.0 (OGC 18-062r2) speaks of: processes, requests and jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from geoscope.errors import ConflictError, InvalidInputError, NotFoundError
from geoscope.processes import Process

type JobState = Literal["accepted", "running", "successful", "failed", "dismissed"]

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0"


class NoSuchProcessError(NotFoundError):
    """No process of this id is installed."""

    problem_type: ClassVar[str] = f"{EXCEPTIONS}/no-such-process"


class NoSuchJobError(NotFoundError):
    """There is no job of this id."""

    problem_type: ClassVar[str] = f"{EXCEPTIONS}/no-such-job"


class ResultNotReadyError(NotFoundError):
    """The job has not ended yet."""

    problem_type: ClassVar[str] = f"{EXCEPTIONS}/result-not-ready"


class JobDismissedError(ConflictError):
    """The job was dismissed before it had a result."""


class Document(BaseModel):
    """A part of the standard, written in its own camel case; what is unknown is left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Link(Document):
    """A web link (RFC 8288)."""

    href: str
    rel: str
    type: str = "application/json"
    title: str | None = None


class ProcessSummary(Document):
    """A process in the list of processes."""

    id: str
    title: str
    description: str
    version: str
    job_control_options: tuple[str, ...] = ("async-execute", "dismiss")
    output_transmission: tuple[str, ...] = ("value",)
    links: tuple[Link, ...] = ()


class ProcessDescription(ProcessSummary):
    """A process with its inputs and outputs."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]


class ProcessList(Document):
    """Every process that can be asked for."""

    processes: tuple[ProcessSummary, ...]
    links: tuple[Link, ...]


class ExecutionRequest(BaseModel):
    """The body of an execution request; of the results only the whole document can be asked for."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    response: Literal["document"] = "document"


class StatusInfo(Document):
    """How a job stands."""

    process_id: str = Field(serialization_alias="processID")
    type: Literal["process"] = "process"
    job_id: str = Field(serialization_alias="jobID")
    status: JobState
    message: str
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime
    progress: Annotated[int, Field(ge=0, le=100, description="Percent.")]
    links: tuple[Link, ...] = ()


class JobList(Document):
    """Jobs, the newest first."""

    jobs: tuple[StatusInfo, ...]
    links: tuple[Link, ...]


def summarize(process: Process, base: str) -> ProcessSummary:
    """Return a process as the list of processes shows it."""
    link = Link(href=f"{base}/processes/{process.id}", rel="self", title=process.title)
    return ProcessSummary(
        id=process.id,
        title=process.title,
        description=process.summary,
        version=process.version,
        links=(link,),
    )


def describe(process: Process, base: str) -> ProcessDescription:
    """Return a process with its inputs, its outputs and the address to ask for it."""
    href = f"{base}/processes/{process.id}"
    return ProcessDescription(
        **summarize(process, base).model_dump(exclude={"links"}),
        links=(
            Link(href=href, rel="self", title=process.title),
            Link(href=f"{href}/execution", rel=f"{RELATIONS}/execute", title="Ask for it with POST"),
        ),
        inputs=dict(process.inputs),
        outputs=dict(process.outputs),
    )


def check_inputs(process: Process, inputs: Mapping[str, Any]) -> None:
    """Refuse inputs that the process does not know, and the lack of those that it needs.

    Raises
    ------
    InvalidInputError
        Naming them.
    """
    unknown = sorted(inputs.keys() - process.inputs.keys())
    needed = {name for name, about in process.inputs.items() if about.get("minOccurs", 1) > 0}
    if unknown:
        known = ", ".join(process.inputs) or "none"
        raise InvalidInputError(
            f"The process {process.id!r} has no input {', '.join(map(repr, unknown))}.",
            f"Its inputs: {known}.",
        )
    if missing := sorted(needed - inputs.keys()):
        raise InvalidInputError(
            f"The process {process.id!r} needs the input {', '.join(map(repr, missing))}."
        )


def with_links(job: StatusInfo, base: str) -> StatusInfo:
    """Return the job with its own address and, once there, that of its results."""
    href = f"{base}/jobs/{job.job_id}"
    links = [Link(href=href, rel="self", title="This job")]
    if job.status == "successful":
        links.append(Link(href=f"{href}/results", rel=f"{RELATIONS}/results", title="Its results"))
    return job.model_copy(update={"links": tuple(links)})
