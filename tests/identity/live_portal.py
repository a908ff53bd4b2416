"""A real portal in processes of its own, without an edge before it."""

import atexit
import base64
import hashlib
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.runtime.ports import free_ports
from geoscope.secrets import ensure_secrets
from geoscope.settings import EdgeSettings, IdentitySettings, Settings

REDIRECT = "http://127.0.0.1:9/callback"
PLATFORM_SCOPES = "openid profile offline_access platform"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

CLIENTS = [
    {
        "client_id": "notebook",
        "redirects": [REDIRECT],
        "scopes": PLATFORM_SCOPES.split(),
        "grants": ["authorization_code", "refresh_token"],
        "skip_consent": True,
    },
    {
        "client_id": "stranger",
        "name": "Stranger's map",
        "redirects": ["https://maps.example.org/callback"],
        "secret": "a-secret-of-the-stranger-0123456789",
        "scopes": ["openid", "profile", "email"],
        "grants": ["authorization_code", "refresh_token"],
    },
]


def mails_in(folder, address):
    """The mails to an address, oldest first; a file may hold several that were sent in the same second."""
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    mails = [mail for path in files for mail in re.split(r"^-{79}$\n", path.read_text(), flags=re.MULTILINE)]
    return [mail for mail in mails if f"To: {address}" in mail]


class LivePortal:
    """Gunicorn with the portal, on a data folder of its own."""

    prepared: Path | None = None

    def __init__(
        self, data_dir: Path, workers: int = 1, public_port: int | None = None, **environment: str
    ) -> None:
        port = free_ports(("portal",))["portal"]
        self.url = f"http://127.0.0.1:{port}"
        self.port, self.workers = port, workers
        self._addresses = itertools.count()
        self._people: subprocess.Popen | None = None
        hosts = environment.get("GEOSCOPE_IDENTITY__DESTINATION_EARTH_HOSTS") == "true"
        self.settings = Settings(
            data_dir=data_dir,
            edge=EdgeSettings(port=public_port or port),
            identity=IdentitySettings(destination_earth_hosts=hosts),
        )
        prepare_data_folder(data_dir)
        ensure_secrets(self.settings)
        self.environment = os.environ | {
            "GEOSCOPE_DATA_DIR": str(data_dir),
            "GEOSCOPE_EDGE__PORT": str(public_port or port),
            **environment,
        }
        self._prepare()
        self.start()

    def _prepare(self) -> None:
        """Make the file of the database: each later portal begins with a copy."""
        folder = self.settings.data_dir / "portal"
        if "GEOSCOPE_PORTAL__DATABASE_URL" in self.environment:
            return
        if LivePortal.prepared is not None:
            shutil.copytree(LivePortal.prepared, folder, dirs_exist_ok=True)
            return
        self.python("-m", "geoscope.portal", "prepare")
        LivePortal.prepared = Path(tempfile.mkdtemp()) / "portal"
        atexit.register(shutil.rmtree, LivePortal.prepared.parent)
        shutil.copytree(folder, LivePortal.prepared)

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "geoscope.portal", "serve"),
            *("--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers)),
        ]
        self.log_path = self.settings.data_dir / "logs" / "portal.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, self.log_path.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        if self._people is not None:
            self._people.communicate()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log_path.read_text()
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make(self, **told: object) -> None:
        """Make or change users and clients, as `people.py` says."""
        if self._people is None:
            command = [sys.executable, str(Path(__file__).parent / "people.py")]
            pipe = subprocess.PIPE
            self._people = subprocess.Popen(command, env=self.environment, stdin=pipe, stdout=pipe, text=True)
        self._people.stdin.write(json.dumps(told) + "\n")
        self._people.stdin.flush()
        assert self._people.stdout.readline() == "done\n"

    def mails(self, address: str) -> list[str]:
        """Return the mails to an address, oldest first."""
        return mails_in(self.settings.data_dir / "mail", address)

    def visitor(self) -> "Visitor":
        """Return a browser at an address of its own, as limits count by address."""
        number = next(self._addresses)
        return Visitor(self.url, f"198.51.{number // 250}.{number % 250 + 1}")


class Visitor:
    """A browser without scripts: keeps cookies, fills forms."""

    def __init__(self, url: str, address: str = "127.0.0.1") -> None:
        self.http = httpx.Client(
            base_url=url,
            trust_env=False,
            timeout=60,
            headers={"X-Forwarded-For": address},
            follow_redirects=False,
        )

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.http.get(path, **options)

    def submit(self, page: httpx.Response, number: int | None = None, **values: str) -> httpx.Response:
        """Send the form of a page that has all these fields, or the one of this number."""
        forms = re.findall(r"<form(.*?)>(.*?)</form>", page.text, re.DOTALL)
        chosen = (
            forms[number]
            if number is not None
            else next(
                form
                for form in forms
                if all(f'name="{name}"' in form[1] for name in values) and "/language" not in form[0]
            )
        )
        action = re.search(r'action="(.*?)"', chosen[0])
        hidden = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)"', chosen[1])
        data = {name: unescape(value) for name, value in hidden} | values
        target = urljoin(str(page.url), unescape(action[1]) if action else "")
        return self.http.post(target, data=data, headers={"Referer": str(page.url)})

    def sign_in(self, name: str, password: str) -> httpx.Response:
        return self.submit(self.get("/account/login/"), login=name, password=password)

    def code(self, client_id: str = "notebook", redirect: str = REDIRECT, **parameters: str) -> "Code":
        """Ask for a code with PKCE as somebody who has signed in, for a client that needs no consent."""
        verifier = secrets.token_urlsafe(40)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": client_id,
            "redirect_uri": redirect,
            "response_type": "code",
            "scope": PLATFORM_SCOPES,
            "state": "a-state",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | parameters
        answer = self.get(
            "/identity/o/authorize", params={name: value for name, value in asked.items() if value}
        )
        return Code(answer, client_id, redirect, verifier)

    def tokens(self, code: "Code", **parameters: str) -> httpx.Response:
        return self.http.post("/identity/o/api/token", data=code.request() | parameters)

    def refresh(self, token: str, client_id: str = "notebook") -> httpx.Response:
        data = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return self.http.post("/identity/o/api/token", data=data)


class Code:
    """What the authorization endpoint answered."""

    def __init__(self, answer: httpx.Response, client_id: str, redirect: str, verifier: str) -> None:
        self.answer, self.client_id, self.redirect, self.verifier = answer, client_id, redirect, verifier
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        self.query = {name: values[0] for name, values in query.items()}
        self.value = self.query.get("code")

    def request(self) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "code": self.value or "",
            "redirect_uri": self.redirect,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
