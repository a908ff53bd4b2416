"""Speaking to a running platform, and following its jobs: what several commands share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.catalogue.publishing.uploading import checked
from geoscope.cli.options import settings_of
from geoscope.credentials import access_token, find_sign_in
from geoscope.errors import GeoscopeError, InvalidInputError, UnavailableError
from geoscope.runtime.state import read_state

console = Console(stderr=True, highlight=False)

POLL_EVERY_S = 0.3
TIMEOUT_S = 60.0
DISMISS_TIMEOUT_S = 5.0
# Whom the operator's own command line acts for: the first administrator.
OPERATOR = "administrator"
INTERRUPTED = 130

type Json = dict[str, Any]

Token = Annotated[
    str | None,
    typer.Option(
        envvar="GEOSCOPE_TOKEN",
        help="Your access token.",
        show_default="that of `geoscope login`, else the operator's",
    ),
]


@contextmanager
def platform_of(url: str | None, data_dir: Path | None, token: str | None) -> Iterator[httpx.Client]:
    """Speak to a platform with a given token, that of `geoscope login`, or on its machine as operator."""
    settings = settings_of(data_dir)
    state = read_state(settings.data_dir)
    base = (url or (state.address if state else settings.public_url)).rstrip("/")
    if token is None and find_sign_in(base) is not None:
        token = access_token(base)
    if token is None:
        own = state.settings(settings) if state else settings
        token = issue_token(own, OPERATOR, frozenset({ADMINISTRATOR}))
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT_S, trust_env=False) as http:
            yield http
    except httpx.TransportError as error:
        raise UnavailableError(
            f"No platform answers at {base}.", "Start it with `geoscope up`, or name another with --url."
        ) from error


def execute(
    http: httpx.Client,
    process: str,
    inputs: Json,
    cancelled: str = "what was registered until now stays; run the command again to go on",
) -> Json:
    """Run a process, show its progress, and return its outputs; Ctrl-C dismisses it and says `cancelled`."""
    job: Json = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    try:
        job |= checked(http.post(f"/processes/{process}/execution", json={"inputs": inputs}))
        address = f"/jobs/{job['jobID']}"
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(job["message"], total=100)
            while job["status"] in ("accepted", "running"):
                progress.update(bar, completed=job["progress"], description=job["message"])
                time.sleep(POLL_EVERY_S)
                job |= checked(http.get(address))
            progress.update(bar, completed=job["progress"], description=job["message"])
    except KeyboardInterrupt:
        _dismiss(http, job, cancelled)
        raise typer.Exit(INTERRUPTED) from None
    if job["status"] != "successful":
        raise InvalidInputError(job["message"])
    return checked(http.get(f"{address}/results"))


def _dismiss(http: httpx.Client, job: Json, cancelled: str) -> None:
    """End a job that nobody waits for any more, and say how far it came; a second Ctrl-C waits no longer."""
    if not job:
        console.print("Stopped before the platform had answered. If it took the job on, it goes on.")
        return
    try:
        checked(http.delete(f"/jobs/{job['jobID']}", timeout=DISMISS_TIMEOUT_S))
    except (httpx.HTTPError, GeoscopeError, KeyboardInterrupt):
        console.print(f"Stopped watching: the platform did not take note, and job {job['jobID']} may go on.")
        return
    reached = f" at {job['progress']} % ({job['message']})" if job["status"] == "running" else ""
    console.print(f"Cancelled{reached}: {cancelled}.", markup=False, soft_wrap=True)
