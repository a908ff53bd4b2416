"""`geoscope ...`: all commands in one table, and one place where errors become words and an exit code."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import typer
from rich.console import Console
from typer.core import TyperGroup

from geoscope import __version__
from geoscope.cli.panels import OPERATE, USE
from geoscope.errors import GeoscopeError

# Which module of this package holds a command, in the order of the help.
_MODULES = {
    **dict.fromkeys(("up", "status", "logs", "stop", "restart", "demo", "login-link", "keys"), "operate"),
    "service": "services",
    "catalogue": "catalogue",
    **dict.fromkeys(("search", "series", "open"), "data"),
    **dict.fromkeys(("publish", "unpublish"), "publish"),
    "twins": "twins",
    "jobs": "jobs",
    **dict.fromkeys(("login", "logout", "whoami", "token"), "identity"),
}

# The groups of commands that speak to any platform by its public APIs.
_OF_USERS = ("twins", "jobs")


class _Commands(Mapping[str, Any]):
    """The commands by name; each is imported when it is asked for, as what all need takes half a second."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 (a command of Typer's own copy of Click)
        module = import_module(f"geoscope.cli.{_MODULES[name]}")
        group = cast("TyperGroup", typer.main.get_command(module.application))
        if name in group.commands:
            return group.commands[name]
        group.name, group.rich_help_panel = name, USE if name in _OF_USERS else OPERATE
        return group

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 (those of Typer)
        super().__init__(**attributes)
        self.commands = cast("Any", _Commands())


application = typer.Typer(
    name="geoscope",
    cls=_Group,
    help="An open, self-hostable Earth digital-twin platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@application.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    """Run Geoscope, an open, self-hostable Earth digital-twin platform."""
    if show:
        typer.echo(f"geoscope {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a known error is one message and exit code 1, no traceback."""
    try:
        application()
    except GeoscopeError as error:
        console = Console(stderr=True, highlight=False)
        console.print("Error:", style="bold red", end=" ")
        console.print(error.problem, soft_wrap=True, markup=False)
        if error.remedy:
            console.print(error.remedy, soft_wrap=True, markup=False)
        sys.exit(1)
