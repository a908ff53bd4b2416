import os
import sqlite3
import subprocess
import sys

import psutil
import pytest

from geoscope.runtime.ports import free_ports
from geoscope.secrets import ensure_secrets
from geoscope.settings import Settings
from running import answers, until


@pytest.fixture
def folder(tmp_path):
    ensure_secrets(Settings(data_dir=tmp_path))
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "geoscope.portal", *arguments],
        env=os.environ | {"GEOSCOPE_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_preparing_twice_changes_nothing(folder):
    for _ in range(2):
        done = run(folder, "prepare")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with sqlite3.connect(folder / "portal" / "portal.sqlite") as database:
        users = database.execute("SELECT username, is_superuser, password FROM accounts_user").fetchall()
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    [(name, is_superuser, password)] = users
    assert (name, is_superuser) == ("administrator", 1)
    assert password.startswith("!")  # Django's mark of a password that nothing matches


def test_login_link_is_one_line(folder):
    run(folder, "prepare")
    done = run(folder, "login-link")
    assert done.returncode == 0
    assert done.stdout.startswith("/account/login/")
    assert done.stdout.count("\n") == 1
    unknown = run(folder, "login-link", "--user", "zebra")
    assert unknown.returncode == 1
    assert "'zebra'" in unknown.stderr


def test_database_of_a_newer_version_is_left_alone(folder):
    run(folder, "prepare")
    path = folder / "portal" / "portal.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)",
            ("registry", "0999_future", "2030-01-01"),
        )
    for command in (["prepare"], ["serve", "--bind", "127.0.0.1:0"]):
        done = run(folder, *command)
        assert done.returncode == 1
        assert "newer version" in done.stderr
        assert "registry.0999_future" in done.stderr


def test_server_answers_from_a_new_folder_and_shares_no_connection_among_its_workers(folder):
    port = free_ports(("portal",))["portal"]
    command = [
        sys.executable,
        "-m",
        "geoscope.portal",
        "serve",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
    ]
    environment = os.environ | {"GEOSCOPE_DATA_DIR": str(folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/health"), what="the portal's answer")
            opened = [file.path for file in psutil.Process(server.pid).open_files()]
            workers = psutil.Process(server.pid).children()
        finally:
            server.terminate()
        assert server.wait(timeout=20) == 0
        assert server.stderr.read() == ""
    assert len(workers) == 2
    assert not any(path.endswith(".sqlite") for path in opened)
