"""Speaking to a running platform, and following its jobs: what several commands share."""

import time
from collections.abc import Callable, Iterator
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
from geoscope.errors import ConflictError, GeoscopeError, InvalidInputError, UnavailableError
from geoscope.runtime.state import read_state

console = Console(stderr=True, highlight=False)

POLL_EVERY_S = 0.3
TIMEOUT_S = 60.0
DISMISS_TIMEOUT_S = 5.0
# Whom the operator's own command line acts for: the first administrator.
OPERATOR = "administrator"
INTERRUPTED = 130
# A job outlives a restart of the services that tell of it, and a token, which is good for ten minutes.
PATIENCE_S = 120.0
ASK_AGAIN_AFTER_S = 1.0
TOKEN_KEPT_S = 30.0

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
    if token is not None:
        bearer = _Bearer(lambda: token)
    elif find_sign_in(base) is not None:
        bearer = _Bearer(lambda: access_token(base))
    else:
        own = state.settings(settings) if state else settings
        bearer = _Bearer(lambda: issue_token(own, OPERATOR, frozenset({ADMINISTRATOR})))
    try:
        with httpx.Client(
            base_url=base,
            headers={"Authorization": bearer.header},
            event_hooks={"request": [bearer]},
            timeout=TIMEOUT_S,
            trust_env=False,
        ) as http:
            yield http
    except httpx.TransportError as error:
        raise UnavailableError(
            f"No platform answers at {base}.", "Start it with `geoscope up`, or name another with --url."
        ) from error


class _Bearer:
    """Gives each request a token that is still good, however long a job is followed."""

    def __init__(self, token_now: Callable[[], str]) -> None:
        self._token_now = token_now
        self._renew()

    def __call__(self, request: httpx.Request) -> None:
        if time.monotonic() - self._asked > TOKEN_KEPT_S:
            self._renew()
        request.headers["Authorization"] = self.header

    def _renew(self) -> None:
        self.header, self._asked = f"Bearer {self._token_now()}", time.monotonic()


def execute(
    http: httpx.Client,
    process: str,
    inputs: Json,
    cancelled: str = "what was registered until now stays; run the command again to go on",
) -> Json:
    """Run a process, show its progress, and return its outputs; Ctrl-C dismisses it and says `cancelled`."""
    job: Json = {}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    try:
        job |= checked(http.post(f"/processes/{process}/execution", json={"inputs": inputs}))
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(job["message"], total=100)
            while job["status"] in ("accepted", "running"):
                progress.update(bar, completed=job["progress"], description=job["message"])
                time.sleep(POLL_EVERY_S)
                job |= _state(http, job["jobID"])
            if job["status"] == "successful":
                progress.update(bar, completed=job["progress"], description=job["message"])
            else:
                progress.remove_task(bar)  # what went wrong is said below
    except KeyboardInterrupt:
        _dismiss(http, job, cancelled)
        raise typer.Exit(INTERRUPTED) from None
    if job["status"] == "dismissed":
        raise ConflictError(
            "The job was cancelled by somebody else.", f"{cancelled[:1].upper()}{cancelled[1:]}."
        )
    if job["status"] != "successful":
        raise InvalidInputError(job["message"])
    return checked(http.get(f"/jobs/{job['jobID']}/results"))


def _state(http: httpx.Client, job: str) -> Json:
    """Ask how a job stands; who is being restarted is asked again for a while."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return checked(http.get(f"/jobs/{job}"))
        except (httpx.TransportError, UnavailableError) as error:
            if time.monotonic() > give_up:
                raise UnavailableError(
                    f"The platform does not answer any more, and job {job} may go on.",
                    f"`geoscope jobs show {job}` tells how it stands.",
                ) from error
            time.sleep(ASK_AGAIN_AFTER_S)


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
