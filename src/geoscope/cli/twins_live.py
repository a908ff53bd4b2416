"""`geoscope twins run` and `install-model`: twin data of one's own, from a small atmosphere model."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from geoscope.catalogue.publishing.uploading import checked
from geoscope.cli.following import Token, execute, platform_of
from geoscope.cli.options import AsJson, DataDir, PlatformUrl, settings_of
from geoscope.errors import InvalidInputError
from geoscope.twins.live.environment import ModelEnvironment

application = typer.Typer()
console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

PROCESS = "run-twin"
INTERRUPTED = 130
# What a control keeps of a what-if, so that nothing but the what-if tells them apart.
SHARED_WITH_CONTROL = ("days", "start", "realization", "spin_up", "interval", "variables", "level", "policy")

type Json = dict[str, Any]


@application.command("install-model")
def install_model(data_dir: DataDir = None) -> None:
    """Install the atmosphere model once, in a folder of its own (about 0.7 GB)."""
    environment = ModelEnvironment(settings_of(data_dir))
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    try:
        with Progress(*columns, console=messages, transient=True) as progress:
            bar = progress.add_task("Installing the model", total=None)
            is_new = environment.install(lambda line: progress.update(bar, description=line[:70]))
    except KeyboardInterrupt:
        messages.print("Stopped. The same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    state = "is installed" if is_new else "was there already"
    console.print(f"The model {state}: {environment.folder}", markup=False, soft_wrap=True)


@application.command("run")
def run(
    days: Annotated[int, typer.Option(min=1, help="Length of the simulation.")] = 30,
    name: Annotated[
        str | None, typer.Option(help="Name of the experiment.", show_default="made of the what-if")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="First day.", show_default="2001-01-01")
    ] = None,
    sst_offset: Annotated[
        float, typer.Option(help="What-if: kelvins added to the sea surface temperature.")
    ] = 0.0,
    sst_area: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Where they are added, in degrees.", show_default="everywhere"),
    ] = None,
    co2: Annotated[
        float | None, typer.Option(help="What-if: carbon dioxide in ppm.", show_default="420")
    ] = None,
    realization: Annotated[
        int, typer.Option("--member", min=1, help="Member of an ensemble: another beginning.")
    ] = 1,
    spin_up: Annotated[int, typer.Option(min=0, help="Days before the first one that are not stored.")] = 30,
    interval: Annotated[int, typer.Option(help="Hours between outputs: 1, 3, 6, 12 or 24.")] = 6,
    variables: Annotated[
        list[str] | None,
        typer.Option("--variable", help="Short name of a variable to store.", show_default="all"),
    ] = None,
    level: Annotated[int, typer.Option(min=0, max=7, help="HEALPix level of what is stored.")] = 5,
    title: Annotated[str | None, typer.Option(help="Title of the collection.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Whom the data is for: public, registered, role:NAME or entity:ID.",
            show_default="public, if it is new",
        ),
    ] = None,
    with_control: Annotated[
        bool,
        typer.Option(
            "--with-control", help="Run the same without the what-if before it, as NAME-control or control."
        ),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--detach", help="Show the progress, or leave the job alone.")
    ] = True,
    token: Token = None,
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Run a small real atmosphere model as a job; its output becomes a twin.

    The same command with more days goes on where the simulation ended. Ctrl-C stops it; again, it goes on.
    """
    given = {
        "days": days,
        "name": name,
        "start": start,
        "sst_offset": sst_offset or None,
        "sst_area": _box(sst_area),
        "co2": co2,
        "realization": realization,
        "spin_up": spin_up,
        "interval": interval,
        "variables": variables,
        "level": level,
        "title": title,
        "policy": policy,
    }
    inputs = {key: value for key, value in given.items() if value is not None}
    wanted = [inputs]
    if with_control:
        control = {key: value for key, value in inputs.items() if key in SHARED_WITH_CONTROL}
        wanted.insert(0, control | ({"name": f"{name}-control"} if name else {}))
    outcomes = []
    with platform_of(url, data_dir, token) as http:
        for each in wanted:
            if follow:
                outcomes.append(
                    execute(http, PROCESS, each, "what was stored until now stays; the same command goes on")
                )
            else:
                job = checked(http.post(f"/processes/{PROCESS}/execution", json={"inputs": each}))
                outcomes.append({"job": job["jobID"], "status": job["status"]})
    if as_json:
        console.print_json(data=outcomes)
    elif follow:
        _print(outcomes)
    else:
        for outcome in outcomes:
            console.print(
                f"Job {outcome['job']}: {outcome['status']}. The same command without --detach follows it."
            )


def _box(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is no area.", "Expected W,S,E,N in degrees, as -170,-5,-120,5."
        ) from error
    return [west, south, east, north]


def _print(outcomes: list[Json]) -> None:
    table = Table("Collection", "Item", "Steps", "New days", box=None, pad_edge=False, header_style="dim")
    for outcome in outcomes:
        for item, about in outcome["items"].items():
            table.add_row(outcome["collection"], item, f"{about['steps']:,}", str(outcome["new_days"]))
    console.print(table)
