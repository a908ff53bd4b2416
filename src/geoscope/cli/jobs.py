"""`geoscope jobs`: the long work that one asked for, over the public API."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import httpx
import orjson
import typer
from rich.console import Console
from rich.table import Column, Table

from geoscope.catalogue.publishing.uploading import checked
from geoscope.cli.following import Json, Token, platform_of
from geoscope.cli.options import AsJson, DataDir, PlatformUrl
from geoscope.errors import ConflictError, NotFoundError

application = typer.Typer(
    help="Your jobs: list them, look at one, cancel it.", no_args_is_help=True, add_completion=False
)
console = Console(highlight=False)


class State(StrEnum):
    """How a job stands, in the words of OGC API - Processes."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


UNDER_WAY = (State.ACCEPTED, State.RUNNING)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, as `geoscope jobs list` shows it.")]


@application.command("list")
def list_jobs(
    status: Annotated[list[State] | None, typer.Option(help="Only these. Repeatable.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=100, help="At most so many.")] = 20,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List your jobs, the newest first; an administrator sees everybody's."""
    states = [each.value for each in status or ()]
    with platform_of(url, data_dir, token) as http:
        jobs = checked(http.get("/jobs", params={"limit": limit, "status": states}))["jobs"]
    if as_json:
        typer.echo(orjson.dumps(jobs, option=orjson.OPT_INDENT_2))
        return
    if not jobs:
        console.print("There is no such job." if status else "There is no job.")
        return
    whole_id = Column("Job", no_wrap=True, min_width=max(len(job["jobID"]) for job in jobs))
    table = Table(
        whole_id, "Process", "Status", "%", "Asked for", box=None, pad_edge=False, header_style="dim"
    )
    for job in jobs:
        progress = str(job["progress"]) if job["status"] == State.RUNNING else ""
        table.add_row(job["jobID"], job["processID"], job["status"], progress, _local(job["created"]))
    console.print(table)


@application.command("show")
def show(
    job: JobId,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show how a job stands, and its results once it is successful."""
    with platform_of(url, data_dir, token) as http:
        found = _job(http, job)
        if found["status"] == State.SUCCESSFUL:
            found["results"] = checked(http.get(f"{_address(job)}/results"))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    console.print(f"{found['processID']}: {_standing(found)}", markup=False, soft_wrap=True)
    for word, moment in (("Asked for", "created"), ("Started", "started"), ("Ended", "finished")):
        if found.get(moment):
            console.print(f"{word} {_local(found[moment])}")
    for name, value in found.get("results", {}).items():
        console.print(f"{name}: {_text(value)}", markup=False, soft_wrap=True)


@application.command("cancel")
def cancel(
    job: JobId,
    forget: Annotated[
        bool, typer.Option("--forget", help="Also forget one that has ended, with its results.")
    ] = False,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Cancel a job of yours: it stops before its next step, and what it has done until then stays."""
    with platform_of(url, data_dir, token) as http:
        found = _job(http, job)
        if found["status"] not in UNDER_WAY and not forget:
            raise ConflictError(
                f"The job has ended already ({found['status']}).",
                "With --forget it is forgotten, with its results.",
            )
        ended = checked(http.delete(_address(job)))
    console.print(f"{found['processID']}: {ended['message']}", markup=False, soft_wrap=True)


def _job(http: httpx.Client, job: str) -> Json:
    answer = http.get(_address(job))
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFoundError(f"There is no job {job!r}.", "`geoscope jobs list` shows those that are.")
    return checked(answer)


def _address(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"


def _standing(job: Json) -> str:
    if job["status"] == State.RUNNING:
        return f"running, {job['progress']} %: {job['message']}"
    return f"{job['status']}. {job['message']}"


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
