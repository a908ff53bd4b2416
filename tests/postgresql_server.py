"""A real PostgreSQL with PostGIS in a folder of its own, and databases with pgstac in it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from geoscope.catalogue.store.pgstac_migration import migrate
from geoscope.runtime.ports import free_ports
from running import until

# Nobody's data: what a crash of the machine would lose is made anew.
SERVER_OPTIONS = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"),
    *("max_connections=60", "shared_buffers=64MB", "max_wal_size=256MB", "jit=off"),
)


@dataclass
class PostgresqlServer:
    """A server that listens on a loopback port and on a socket in its folder."""

    folder: Path
    port: int
    _database_count: int = field(default=0, init=False)
    _process: subprocess.Popen = field(init=False, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", user: str = "geoscope") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{quote(database)}"

    def initialise(self) -> None:
        """Make the cluster; its own user may do everything, and nobody else connects."""
        options = ("-U", "geoscope", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        done = subprocess.run(
            command("initdb", "-D", self.data, *options), capture_output=True, text=True, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        options = [*SERVER_OPTIONS, f"port={self.port}", "listen_addresses=127.0.0.1"]
        options.append(f"unix_socket_directories={self.folder}")
        words = [word for option in options for word in ("-c", option)]
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command("postgres", "-D", self.data, *words), stdout=log, stderr=log, cwd="/"
            )
        until(self._answers, what="PostgreSQL")

    def stop(self, kind: signal.Signals = signal.SIGINT) -> None:
        """Stop; SIGINT keeps what was committed, and SIGQUIT may not, as nothing is synced."""
        self._process.send_signal(kind)
        self._process.wait(timeout=30)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def new_database(self, template: str | None = None) -> str:
        """Make a database, as a copy of another in a few hundredths of a second, and return its address."""
        self._database_count += 1
        name = f"d{self._database_count}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            words = map(psycopg.sql.Identifier, (name, template or "template0"))
            connection.execute(statement.format(*words))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        name = url.rpartition("/")[2]
        with psycopg.connect(self.url(), autocommit=True) as connection:
            statement = psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(statement.format(psycopg.sql.Identifier(name)))


def command(program: str, *arguments: object) -> list[str]:
    """Return a command of an unprivileged user, as PostgreSQL wants, that ends with this process."""
    user = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig", "INT", *user, str(programs() / program), *map(str, arguments)]


def programs() -> Path:
    """The folder of the newest installed server's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not folders:
        pytest.fail("PostgreSQL is not installed: run scripts/install-test-tools.")
    return folders[-1]


@contextmanager
def running_server() -> Iterator[PostgresqlServer]:
    """A server that runs, and is gone in the end."""
    # Directly below the temporary folder: another user must reach it, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="geoscope-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = PostgresqlServer(folder, free_ports(("postgresql",))["postgresql"])
    try:
        server.initialise()
        server.start()
        yield server
        server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def add_template(server: PostgresqlServer) -> str:
    """Make a database that is ready to be a catalogue, and return its name for copies."""
    url = server.new_database()
    migrate(url)
    return url.rpartition("/")[2]
