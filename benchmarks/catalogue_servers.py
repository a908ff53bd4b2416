"""The catalogues that are compared: each loaded with the same file, and served by one uvicorn worker."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from geoscope.runtime.ports import free_ports
from geoscope.secrets import ensure_secrets
from geoscope.settings import Settings

# A server that may use the machine: generous memory, and no waiting for the disk, which is not compared.
_POSTGRESQL_OPTIONS = (
    *("shared_buffers=2GB", "work_mem=64MB", "maintenance_work_mem=512MB", "effective_cache_size=8GB"),
    *("random_page_cost=1.1", "max_wal_size=8GB", "synchronous_commit=off", "fsync=off", "jit=off"),
)


@dataclass(frozen=True)
class Loaded:
    """A catalogue that has been loaded: how long that took, and how large it is."""

    name: str
    seconds: float
    size_bytes: int
    command: tuple[str, ...]
    environment: dict[str, str]


def load_sqlite(folder: Path, collection: Path, items: Path) -> Loaded:
    environment = _own_environment(folder / "sqlite")
    seconds = _own_load(environment, collection, items)
    size = (folder / "sqlite" / "catalogue" / "catalogue.sqlite").stat().st_size
    return Loaded("Geoscope, SQLite", seconds, size, _OWN_SERVER, environment)


def load_pgstac(folder: Path, url: str, collection: Path, items: Path) -> Loaded:
    environment = _own_environment(folder / "pgstac") | {"GEOSCOPE_CATALOGUE__DATABASE_URL": url}
    _run(["catalogue", "migrate"], environment)
    seconds = _own_load(environment, collection, items)
    return Loaded("Geoscope, pgstac", seconds, _analysed_size(url), _OWN_SERVER, environment)


def load_reference(url: str, collection: Path, items: Path) -> Loaded:
    pypgstac = str(Path(sys.executable).parent / "pypgstac")
    for arguments in (["migrate"], ["load", "collections", str(collection), "--method", "upsert"]):
        subprocess.run([pypgstac, *arguments, "--dsn", url], check=True, stdout=subprocess.DEVNULL)
    started = time.perf_counter()
    subprocess.run(
        [pypgstac, "load", "items", str(items), "--method", "insert", "--dsn", url],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    parts = psycopg.conninfo.conninfo_to_dict(url)
    environment = {
        "PGUSER": str(parts["user"]),
        "PGPASSWORD": "unused",
        "PGHOST": str(parts["host"]),
        "PGPORT": str(parts["port"]),
        "PGDATABASE": str(parts["dbname"]),
    }
    server = ("--factory", "stac_fastapi.pgstac.app:create_app")
    return Loaded("stac-fastapi-pgstac", seconds, _analysed_size(url), server, environment)


@contextmanager
def serving(loaded: Loaded) -> Iterator[tuple[int, int]]:
    """Serve a catalogue with one worker; give its port and its process id."""
    port = free_ports(("catalogue",))["catalogue"]
    command = [sys.executable, "-m", "uvicorn", *loaded.command, "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--log-level", "error", "--no-access-log"], env=os.environ | loaded.environment
    )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL of its own; give the address of a server where databases can be made."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="geoscope-bench-"))
    port = free_ports(("postgresql",))["postgresql"]
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_other, str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    options = " ".join(f"-c {option}" for option in (*_POSTGRESQL_OPTIONS, f"port={port}"))
    try:
        run("initdb", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "-l", str(folder / "log"), "-w", "-o", f"{options} -k {folder}", "start")
        yield f"postgresql://bench@127.0.0.1:{port}"
        run("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def new_database(server: str, name: str) -> str:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return f"{server}/{name}"


_OWN_SERVER = ("--factory", "geoscope.catalogue.api:create_application")


def _own_environment(data_dir: Path) -> dict[str, str]:
    data_dir.mkdir(parents=True)
    ensure_secrets(Settings(data_dir=data_dir))
    return {"GEOSCOPE_DATA_DIR": str(data_dir)}


def _own_load(environment: dict[str, str], collection: Path, items: Path) -> float:
    _run(["catalogue", "load", str(collection)], environment)
    started = time.perf_counter()
    _run(["catalogue", "load", str(items)], environment)
    return time.perf_counter() - started


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "geoscope", *arguments],
        check=True,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
    )


def _analysed_size(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])
