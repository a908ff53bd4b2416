"""Commands about oneself: login, logout, whoami, token."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import jwt
import orjson
import typer
from rich.console import Console

from geoscope import credentials
from geoscope.cli.options import AsJson, DataDir, PlatformUrl, settings_of
from geoscope.cli.panels import USE
from geoscope.runtime.state import read_state

application = typer.Typer()
console = Console(highlight=False)


@application.command("login", rich_help_panel=USE)
def login(
    url: PlatformUrl = None,
    data_dir: DataDir = None,
    *,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Sign in at a platform: a page in the browser asks whether you allow it."""
    base = _base(url, data_dir)

    def show(code: credentials.DeviceCode) -> None:
        console.print(f"Open this page and compare the code [bold]{code.user_code}[/bold]:")
        console.print(code.address, markup=False, soft_wrap=True)
        if browser and sys.stdout.isatty():
            webbrowser.open(code.address)
        console.print("Waiting for you to allow it there ...")

    credentials.sign_in(base, show)
    console.print(f"Signed in at {base} as {_name(credentials.access_token(base))}.", markup=False)


@application.command("logout", rich_help_panel=USE)
def logout(url: PlatformUrl = None, data_dir: DataDir = None) -> None:
    """Sign out at a platform: the token is revoked there and forgotten here."""
    base = _base(url, data_dir)
    was_signed_in = credentials.sign_out(base)
    console.print(
        f"Signed out at {base}." if was_signed_in else f"Nobody is signed in at {base}.", markup=False
    )


@application.command("whoami", rich_help_panel=USE)
def whoami(url: PlatformUrl = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Say who is signed in at a platform, and with which roles."""
    base = _base(url, data_dir)
    claims = _claims(credentials.access_token(base))
    roles = claims.get("realm_access", {}).get("roles", [])
    if as_json:
        typer.echo(orjson.dumps({"platform": base, "user": claims["sub"], "roles": roles}))
        return
    console.print(f"{claims['sub']} at {base}", markup=False)
    console.print(f"Roles: {', '.join(roles) or 'none yet'}", markup=False)


@application.command("token", rich_help_panel=USE)
def token(url: PlatformUrl = None, data_dir: DataDir = None) -> None:
    """Print an access token for other programs, good for a minute at least and ten at most."""
    typer.echo(credentials.access_token(_base(url, data_dir)))


def _base(url: str | None, data_dir: Path | None) -> str:
    settings = settings_of(data_dir)
    state = read_state(settings.data_dir)
    return (url or (state.address if state else settings.public_url)).rstrip("/")


def _claims(token: str) -> dict[str, Any]:
    """Read what a token says, unchecked: it comes from the platform that it is for."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _name(token: str) -> object:
    return _claims(token)["sub"]
