"""`geoscope service ...`: strangers' services, by their manifests."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geoscope.cli.options import DataDir, settings_of
from geoscope.manifests import discover
from geoscope.runtime import control
from geoscope.runtime.data_folder import is_locked
from geoscope.runtime.services_folder import add_service, remove_service, services_folder
from geoscope.runtime.state import read_state
from geoscope.settings import Settings

application = typer.Typer(
    help="Add, list and remove services by their manifests.", no_args_is_help=True, add_completion=False
)
console = Console(highlight=False)


@application.command("add")
def add(
    manifest: Annotated[Path, typer.Argument(help="The service's TOML file.")], data_dir: DataDir = None
) -> None:
    """Bring a service onto the platform: routed, watched and listed from its manifest alone."""
    settings = settings_of(data_dir)
    added = add_service(settings, manifest)
    _wait_until_routed(settings)
    running = read_state(settings.data_dir)
    address = running.address if running else settings.public_url
    console.print(f"{added.title} is at {address}{added.routes[0]}", markup=False, soft_wrap=True)


@application.command("remove")
def remove(service_id: str, data_dir: DataDir = None) -> None:
    """Take a service off the platform; its own server goes on."""
    settings = settings_of(data_dir)
    remove_service(settings, service_id)
    _wait_until_routed(settings)
    console.print(f"{service_id} is removed.", markup=False)


def _wait_until_routed(settings: Settings) -> None:
    """Return when a running platform routes by the changed folder; others will when they start."""
    if is_locked(settings.data_dir):
        control.send(settings.data_dir, "take-up-services")


@application.command("list")
def list_services(data_dir: DataDir = None) -> None:
    """List all services, and the manifests that are left out with the reason."""
    manifests, problems = discover(services_folder(settings_of(data_dir)))
    table = Table("Service", "Title", "Routes", "Runs at", box=None, pad_edge=False, header_style="dim")
    for manifest in manifests:
        table.add_row(manifest.id, manifest.title, " ".join(manifest.routes), manifest.upstream or "here")
    console.print(table)
    for path, problem in problems.items():
        console.print(f"{path.name} is left out: {problem}", style="yellow", markup=False)
