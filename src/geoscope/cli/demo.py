"""Loading the demo data: a job like any other; this only asks for it and shows its progress."""

from typing import Any

import anyio
import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.settings import Settings

PROCESS = "load-demo"
POLL_EVERY_S = 0.3
LOADED_MARK = "demo-loaded"


async def load_demo_at_start(settings: Settings, console: Console) -> None:
    """Load the demo unless it was loaded before; a failure is told and does not stop the platform."""
    mark = settings.data_dir / LOADED_MARK
    if mark.exists():
        return
    try:
        await follow_demo(settings, console)
    except GeoscopeError as error:
        console.print(f"The demo data could not be loaded: {error}", style="yellow", markup=False)


async def follow_demo(settings: Settings, console: Console) -> None:
    """Ask for the demo and show its progress until it ends.

    Raises
    ------
    UnavailableError
        If the job fails or is cancelled, in its own words.
    """
    token = issue_token(settings, "service:command-line", frozenset({ADMINISTRATOR}))
    headers = {"Authorization": f"Bearer {token}"}
    try:
        document = await _ask_and_follow(settings.internal.data_apis_url, headers, console)
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"The platform does not answer ({type(error).__name__}).", "`geoscope status` says more."
        ) from error
    if document["status"] != "successful":
        raise UnavailableError(document.get("message") or f"The job ended as {document['status']}.")
    (settings.data_dir / LOADED_MARK).touch()


async def _ask_and_follow(base: str, headers: dict[str, str], console: Console) -> dict[str, Any]:
    """Return the job as it ended."""
    async with httpx.AsyncClient(base_url=base, timeout=30.0, trust_env=False) as client:
        response = await client.post(f"/processes/{PROCESS}/execution", json={"inputs": {}}, headers=headers)
        document = _document(response)
        with _progress(console) as progress:
            bar = progress.add_task("Demo data", total=100)
            while document["status"] in ("accepted", "running"):
                progress.update(bar, completed=document.get("progress", 0), description=_words(document))
                await anyio.sleep(POLL_EVERY_S)
                document = _document(await client.get(f"/jobs/{document['jobID']}"))
            if document["status"] == "successful":
                progress.update(bar, completed=100, description="Demo data loaded")
    return document


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _words(document: dict[str, Any]) -> str:
    return str(document.get("message") or "Demo data")


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = response.json()
    except ValueError as error:
        raise UnavailableError(f"The platform answered {response.status_code}.") from error
    if response.is_error:
        raise UnavailableError(str(document.get("detail") or document))
    return document
