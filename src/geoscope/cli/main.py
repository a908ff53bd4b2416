"""`geoscope ...`: all commands in one table, and one place where errors become words and an exit code."""

import sys

import typer
from rich.console import Console

from geoscope import __version__
from geoscope.cli import catalogue, data, operate, publish, services
from geoscope.errors import GeoscopeError

application = typer.Typer(
    name="geoscope",
    help="An open, self-hostable Earth digital-twin platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

OPERATE, USE = "Run the platform", "Use the data"

for command in (operate.up, operate.status, operate.logs, operate.stop, operate.restart, operate.demo):
    application.command(rich_help_panel=OPERATE)(command)
application.command("login-link", rich_help_panel=OPERATE)(operate.login_link)
application.command(rich_help_panel=OPERATE)(operate.keys)
application.add_typer(services.application, name="service", rich_help_panel=OPERATE)
application.add_typer(catalogue.application, name="catalogue", rich_help_panel=OPERATE)
application.command(rich_help_panel=USE)(data.search)
# A longitude such as -100 is a value, not an option.
application.command(rich_help_panel=USE, context_settings={"ignore_unknown_options": True})(data.series)
application.command("open", rich_help_panel=USE)(data.open_item)
application.command(rich_help_panel=USE)(publish.publish)
application.command(rich_help_panel=USE)(publish.unpublish)


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
