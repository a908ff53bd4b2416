"""`geoscope login`, `whoami`, `token`, `logout`: from another machine's point of view."""

import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from geoscope.access import verify_token


class CommandLine:
    """The command line of one person, with a configuration folder of their own."""

    def __init__(self, url, folder, **environment):
        self.url, self.folder = url, folder
        self.environment = os.environ | {
            "XDG_CONFIG_HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "GEOSCOPE_URL": url,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "COLUMNS": "200",
        } | environment  # fmt: skip
        self.file = folder / "geoscope" / "sign-ins.json"

    def begin(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "geoscope", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments):
        process = self.begin(*arguments)
        output, problems = process.communicate(timeout=60)
        return process.returncode, output, problems

    def login(self, visitor, answer="confirm"):
        process = self.begin("login", "--no-browser")
        lines = []
        while not any("/identity/o/device?code=" in line for line in lines):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        address = urlsplit(re.search(r"http\S+", lines[-1])[0])
        code = parse_qs(address.query)["code"][0]
        assert code in "".join(lines[:-1])
        page = visitor.get(address.path, params={"code": code})
        assert code in page.text
        forms = page.text.split("<form")[1:]
        number = next(number for number, form in enumerate(forms) if 'value="confirm"' in form)
        visitor.submit(page, number=number, action=answer)
        output, problems = process.communicate(timeout=60)
        return process.returncode, output, problems

    def expire(self):
        kept = json.loads(self.file.read_text())
        kept[self.url]["expires_s"] = 0
        self.file.write_text(json.dumps(kept))


@pytest.fixture
def command_line(portal, tmp_path):
    return CommandLine(portal.url, tmp_path)


def test_from_login_to_logout(portal, ada, command_line):
    code, output, problems = command_line.login(ada)
    assert (code, f"Signed in at {portal.url} as ada." in output) == (0, True), problems
    assert stat.S_IMODE(command_line.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(command_line.file.parent.stat().st_mode) == 0o700
    _code, output, _problems = command_line.run("whoami", "--json")
    assert json.loads(output)["user"] == "ada"
    assert "catalogue-editor" in json.loads(output)["roles"]
    first = command_line.run("token")[1].strip()
    assert verify_token(portal.settings, first).subject == "ada"
    assert command_line.run("token")[1].strip() == first

    # Renewed by itself, and by one of several programs at once.
    command_line.expire()
    with ThreadPoolExecutor(3) as pool:
        renewed = {answer[1].strip() for answer in pool.map(lambda _: command_line.run("token"), range(3))}
    assert len(renewed) == 1
    assert renewed != {first}
    assert verify_token(portal.settings, renewed.pop()).subject == "ada"

    refresh_token = json.loads(command_line.file.read_text())[portal.url]["refresh_token"]
    assert "Signed out" in command_line.run("logout")[1]
    assert json.loads(command_line.file.read_text()) == {}
    assert ada.refresh(refresh_token, "geoscope-cli").status_code == 400
    code, _output, problems = command_line.run("token")
    assert (code, "geoscope login" in problems) == (1, True)
    assert "Nobody is signed in" in command_line.run("logout")[1]


def test_a_refusal_in_the_browser_is_told(ada, command_line):
    code, _output, problems = command_line.login(ada, answer="deny")
    assert (code, "refused" in problems) == (1, True)
    assert not command_line.file.exists()


def test_a_sign_in_that_was_ended_elsewhere_is_told_and_forgotten(portal, ada, command_line):
    command_line.login(ada)
    refresh_token = json.loads(command_line.file.read_text())[portal.url]["refresh_token"]
    ada.http.post("/identity/o/api/revoke", data={"token": refresh_token, "client_id": "geoscope-cli"})
    command_line.expire()
    code, _output, problems = command_line.run("whoami")
    assert (code, "has ended" in problems, "geoscope login" in problems) == (1, True, True)


def test_where_no_platform_is_it_is_said(tmp_path):
    code, _output, problems = CommandLine("http://127.0.0.1:9", tmp_path).run("login")
    assert (code, "No platform answers" in problems) == (1, True)


def test_a_keyring_is_used_where_there_is_one(portal, ada, tmp_path):
    backend = "keyrings.alt.file.PlaintextKeyring"
    command_line = CommandLine(portal.url, tmp_path, PYTHON_KEYRING_BACKEND=backend)
    code, _output, problems = command_line.login(ada)
    assert code == 0, problems
    assert not command_line.file.exists()
    assert json.loads(command_line.run("whoami", "--json")[1])["user"] == "ada"
    assert "Signed out" in command_line.run("logout")[1]
    assert command_line.run("token")[0] == 1
