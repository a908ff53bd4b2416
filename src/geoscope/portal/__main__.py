"""What the runtime and the operator run: `python -m geoscope.portal serve`, `prepare` and `login-link`."""

import argparse
import os
import sys

import django

from geoscope.errors import GeoscopeError, SetupError
from geoscope.settings import current_settings


def main() -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m geoscope.portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve", help="prepare, then answer requests")
    server.add_argument("--bind", required=True, help="HOST:PORT to listen on")
    server.add_argument("--workers", type=int, default=1, help="how many processes answer")
    commands.add_parser("prepare", help="bring the database up to date and make the first administrator")
    link = commands.add_parser("login-link", help="print the path of a link that signs in once")
    link.add_argument("--user", help="whom it signs in; the first administrator by default")
    arguments = parser.parse_args()

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geoscope.portal.settings")
    try:
        if arguments.command == "serve":
            serve(arguments.bind, arguments.workers)
        elif arguments.command == "prepare":
            prepare()
        else:
            print_login_link(arguments.user)
    except GeoscopeError as error:
        print(error, file=sys.stderr)  # noqa: T201 (a command's words to the person)
        return 1
    return 0


def serve(bind: str, workers: int) -> None:
    """Make the database ready, then answer requests until told to stop."""
    prepare()

    from geoscope.portal.server import PortalServer  # noqa: PLC0415 (needed by this command alone)

    PortalServer(bind, workers).run()


def prepare() -> None:
    """Make the database and the first administrator, forget sessions that ended; quick when all is done."""
    folder = current_settings().data_dir / "portal"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    django.setup()

    # Models can be imported only now that Django is set up.
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    from geoscope.portal.accounts.administrator import ensure_administrator  # noqa: PLC0415
    from geoscope.portal.database import migrate_if_needed  # noqa: PLC0415
    from geoscope.portal.identity.clients import ensure_clients  # noqa: PLC0415
    from geoscope.portal.identity.families import forget_expired  # noqa: PLC0415

    migrate_if_needed()
    ensure_administrator()
    ensure_clients()
    SessionStore.clear_expired()
    forget_expired()
    # Workers that are forked from here must not share a connection.
    connections.close_all()


def print_login_link(user_name: str | None) -> None:
    """Print the path of a fresh login link."""
    django.setup()

    from geoscope.portal.accounts.administrator import find_user  # noqa: PLC0415
    from geoscope.portal.accounts.links import create_link  # noqa: PLC0415

    print(create_link(find_user(user_name)))  # noqa: T201 (the command's result)


if __name__ == "__main__":
    sys.exit(main())
