"""Commands of the operator: up, status, logs, stop, restart, demo, keys, login-link."""

import os
import subprocess
import sys
import tempfile
import time
from typing import IO, Annotated

import anyio
import orjson
import typer
from rich.console import Console

from geoscope.cli.demo import follow_demo, load_demo_at_start
from geoscope.cli.options import AsJson, DataDir, settings_of
from geoscope.cli.panels import OPERATE
from geoscope.cli.status import print_status, status_document
from geoscope.errors import SetupError
from geoscope.runtime import control
from geoscope.runtime.data_folder import is_locked
from geoscope.runtime.log_files import follow, log_path, tail
from geoscope.runtime.state import RunState, is_alive, read_state
from geoscope.runtime.supervisor import Supervisor
from geoscope.runtime.up import run_platform
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

application = typer.Typer()
console = Console(highlight=False)

LONGEST_START_S = 180.0
LONGEST_STOP_S = 60.0


@application.command("up", rich_help_panel=OPERATE)
def up(
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port of pages and APIs.", show_default="8080")] = None,
    s3_port: Annotated[
        int | None, typer.Option(help="Port of the S3 endpoint.", show_default="port + 1")
    ] = None,
    public_host: Annotated[str | None, typer.Option(help="Public host name; switches HTTPS on.")] = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    demo: Annotated[bool, typer.Option(help="Load the demo data at the first start.")] = True,
) -> None:
    """Start the platform; Ctrl-C stops it."""
    settings = settings_of(data_dir, host=host, port=port, s3_port=s3_port, public_host=public_host)
    if detach:
        _start_in_background(settings)
        return
    started = time.monotonic()
    status = console.status("Starting Geoscope ...")

    async def when_ready(supervisor: Supervisor, is_first_start: bool) -> None:
        status.stop()
        await anyio.to_thread.run_sync(
            _print_welcome, supervisor.plan.settings, is_first_start, time.monotonic() - started
        )
        if demo:
            await load_demo_at_start(supervisor.plan.settings, console)
        console.print("Press Ctrl-C to stop.", style="dim")

    with status:
        run_platform(settings, when_ready)
    console.print("Geoscope has stopped.")


@application.command("status", rich_help_panel=OPERATE)
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show each part: state, since, memory, address, last error."""
    settings = settings_of(data_dir)
    document = status_document(settings)
    if as_json:
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        print_status(document, console)
    if not document["running"]:
        raise typer.Exit(3)


@application.command("logs", rich_help_panel=OPERATE)
def logs(
    part: Annotated[str | None, typer.Argument(help="Name of a part; all parts without it.")] = None,
    data_dir: DataDir = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    *,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new lines come.")] = False,
) -> None:
    """Show what the parts have printed."""
    folder = settings_of(data_dir).data_dir
    known = sorted(path.stem for path in (folder / "logs").glob("*.log"))
    if part is not None and part not in known:
        raise SetupError(f"There is no log of {part!r}.", f"There are: {', '.join(known) or 'none yet'}.")
    names = [part] if part else known
    for name in names:
        for line in tail(log_path(folder, name), lines):
            _print_log_line(name if part is None else "", line)
    if follow_on:
        for name, line in follow({name: log_path(folder, name) for name in names}):
            _print_log_line(name if part is None else "", line)


@application.command("stop", rich_help_panel=OPERATE)
def stop(data_dir: DataDir = None) -> None:
    """Stop the platform, each part in its order."""
    settings = settings_of(data_dir)
    state = read_state(settings.data_dir)
    control.send(settings.data_dir, "stop")
    deadline = time.monotonic() + LONGEST_STOP_S
    with console.status("Stopping ..."):
        while is_locked(settings.data_dir):
            if time.monotonic() > deadline:
                raise SetupError(
                    "The platform is still stopping.", "`geoscope status` shows which part lasts."
                )
            time.sleep(0.05)
    console.print(f"Geoscope at {state.address} has stopped." if state else "Geoscope has stopped.")


@application.command("restart", rich_help_panel=OPERATE)
def restart(
    name: Annotated[str, typer.Argument(help="A part such as data-apis, or a service such as catalogue.")],
    data_dir: DataDir = None,
) -> None:
    """Restart one part; visitors wait meanwhile instead of seeing an error."""
    settings = settings_of(data_dir)
    with console.status(f"Restarting {name} ..."):
        control.send(settings.data_dir, "restart", name=name)
    console.print(f"{name} is running again.")


@application.command("demo", rich_help_panel=OPERATE)
def demo(data_dir: DataDir = None) -> None:
    """Load the demo data: real models and satellites, 1860 to 2100. Safe to run again."""
    settings = settings_of(data_dir)
    anyio.run(follow_demo, _running_settings(settings), console)


@application.command("login-link", rich_help_panel=OPERATE)
def login_link(
    data_dir: DataDir = None,
    user: Annotated[
        str | None, typer.Option(help="Whom it signs in.", show_default="the administrator")
    ] = None,
) -> None:
    """Print a link that signs in once."""
    settings = _running_settings(settings_of(data_dir))
    typer.echo(settings.public_url + _new_login_path(settings, user))


@application.command("keys", rich_help_panel=OPERATE)
def keys(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print your keys to the S3 endpoint, as variables that boto3, s3fs and rclone read."""
    settings = settings_of(data_dir)
    running = read_state(settings.data_dir)
    pair = read_s3_keys(settings, "administrator")
    variables = {
        "AWS_ACCESS_KEY_ID": pair.access_key,
        "AWS_SECRET_ACCESS_KEY": pair.secret_key,
        "AWS_ENDPOINT_URL_S3": running.s3_address if running else settings.s3_url,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    if as_json:
        typer.echo(orjson.dumps(variables, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(f"export {name}={value}" for name, value in variables.items()))


def _start_in_background(settings: Settings) -> None:
    """Start `geoscope up` as a process of its own, and wait until it is ready or has failed."""
    if is_locked(settings.data_dir):
        state = read_state(settings.data_dir)
        raise SetupError(f"Geoscope is running already{f' at {state.address}' if state else ''}.")
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--detach", "-d")]
    # A file, not a pipe: what the platform says later must not fail because nobody reads it.
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "geoscope", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
            start_new_session=True,
        )
        with console.status("Starting Geoscope in the background ..."):
            state = _wait_for_ready(process, words, settings)
    process.returncode = 0  # it goes on without us
    console.print(f"Geoscope runs at {state.address}; `geoscope stop` ends it.")


def _wait_for_ready(process: "subprocess.Popen[bytes]", words: IO[bytes], settings: Settings) -> RunState:
    deadline = time.monotonic() + LONGEST_START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
            raise SetupError(said.removeprefix("Error: ") or "The platform ended while it started.")
        state = read_state(settings.data_dir)
        if state is not None and state.pid == process.pid and state.ready:
            return state
        time.sleep(0.1)
    raise SetupError("The platform did not get ready in time.", "`geoscope logs` says more.")


def _running_settings(settings: Settings) -> Settings:
    """Return the settings with the address of the running platform."""
    state = read_state(settings.data_dir)
    if state is None or not is_alive(state.pid):
        raise SetupError(f"Nothing runs on {settings.data_dir}.", "Start the platform with `geoscope up`.")
    return state.settings(settings)


def _print_welcome(settings: Settings, is_first_start: bool, seconds: float) -> None:
    lines = {"Geoscope is ready at": settings.public_url}
    if is_first_start:
        lines["Sign in once with"] = settings.public_url + _new_login_path(settings, None)
    lines |= {
        "S3 endpoint": f"{settings.s3_url}  (keys: geoscope keys)",
        "Data folder": str(settings.data_dir),
    }
    for name, value in lines.items():
        console.print(f"{name:<22}{value}", soft_wrap=True, markup=False)
    console.print(f"Started in {seconds:.1f} s.", style="dim")


def _new_login_path(settings: Settings, user: str | None) -> str:
    command = [sys.executable, "-m", "geoscope.portal", "login-link", *(("--user", user) if user else ())]
    environment = os.environ | {"GEOSCOPE_DATA_DIR": str(settings.data_dir)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"No login link could be made: {done.stderr.strip()}")
    return done.stdout.strip()


def _print_log_line(name: str, line: str) -> None:
    typer.echo(f"{name:<20} {line}" if name else line)
