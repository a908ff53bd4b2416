"""Signing in: what a token costs to verify, what a whole sign-in costs the portal, and whether it leaks."""

import base64
import hashlib
import os
import re
import secrets
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
from django.contrib.auth.hashers import Argon2PasswordHasher

from benchmarks.running import Bench
from geoscope.access import issue_token
from geoscope.access.tokens import verified_claims, verify_token
from geoscope.settings import Settings

TOKENS = 2000
FLOWS = 100
SIGN_INS = 1000
CLIENTS = 4
# Made once, as it takes longer than a request.
TLS = httpx.create_ssl_context()
NAME, PASSWORD = "benchmark", "a river runs through it"
REDIRECT = "http://127.0.0.1:9/callback"

PREPARE = f"""
import django
django.setup()
from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client
from geoscope.portal.accounts.models import User
user = User.objects.create_user("{NAME}", "benchmark@example.org", "{PASSWORD}")
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
client = Client(pk="{NAME}", name="{NAME}", type="public", skip_consent=True)
client.set_redirect_uris(["{REDIRECT}"])
client.set_scopes(["openid", "platform"])
client.set_grant_types(["authorization_code", "refresh_token"])
client.save()
"""


def measure(bench: Bench) -> str:
    settings = bench.settings
    _prepare(settings)
    once, again = _verification_us(settings)
    process = _portal_process(settings)
    flow_ms = statistics.median(_flow_ms(settings) for _ in range(FLOWS))
    sign_in = partial(_sign_in, settings)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(sign_in, range(SIGN_INS // 10)))
        before = _weight(process)
        list(clients.map(sign_in, range(SIGN_INS // 10, SIGN_INS)))
        after = _weight(process)
    seconds = time.perf_counter() - begun
    return f"""## Signing in

| | | target |
| --- | ---: | ---: |
| verify an access token the first time | {once:.0f} microseconds | 100 |
| verify it again | {again:.0f} microseconds | |
| authorization code flow with PKCE, both requests, median of {FLOWS} | {flow_ms:.0f} ms | 60 |

{SIGN_INS} sign-ins by password from {CLIENTS} clients without a pause, each with tokens of its own, took
{seconds:.0f} s; argon2 took {_password_ms():.0f} ms of processor time of each.
The portal had {before[0]:.0f} MiB and {before[1]} open files after the first tenth, {after[0]:.0f} MiB and
{after[1]} after the last."""


def _prepare(settings: Settings) -> None:
    environment = os.environ | {
        "GEOSCOPE_DATA_DIR": str(settings.data_dir),
        "GEOSCOPE_EDGE__PORT": str(settings.edge.port),
        "DJANGO_SETTINGS_MODULE": "geoscope.portal.settings",
    }
    subprocess.run([sys.executable, "-c", PREPARE], env=environment, check=True)


def _verification_us(settings: Settings) -> tuple[float, float]:
    tokens = [issue_token(settings, f"user-{number}", frozenset({"reader"})) for number in range(TOKENS)]
    verified_claims(settings, tokens[0])
    begun = time.perf_counter()
    for token in tokens:
        verify_token(settings, token)
    once_s = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(TOKENS):
        verify_token(settings, tokens[-1])
    return once_s / TOKENS * 1e6, (time.perf_counter() - begun) / TOKENS * 1e6


def _password_ms() -> float:
    """Return the processor time of one check of a password, with the portal's own hasher."""
    hasher = Argon2PasswordHasher()
    begun = time.process_time()
    hasher.encode(PASSWORD, hasher.salt())
    return (time.process_time() - begun) * 1000


def _portal_process(settings: Settings) -> psutil.Process:
    """Return gunicorn's worker: the one process that serves pages."""
    port = urlsplit(settings.internal.portal_url).port
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            process = psutil.Process(connection.pid)
            return (process.children() or [process])[0]
    raise RuntimeError("the portal does not run")


def _weight(process: psutil.Process) -> tuple[float, int]:
    return process.memory_info().rss / 2**20, process.num_fds()


def _browser(settings: Settings, number: int) -> httpx.Client:
    """Return a browser at an address of its own, as sign-ins are limited by address."""
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    headers = {"X-Forwarded-For": address, "Host": "127.0.0.1"}
    return httpx.Client(
        base_url=settings.internal.portal_url, headers=headers, verify=TLS, trust_env=False, timeout=60
    )


def _sign_in(settings: Settings, number: int) -> float:
    """Sign in by password and get tokens; return how long the code flow took, in milliseconds."""
    with _browser(settings, number) as browser:
        page = browser.get("/account/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        form = {"login": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token[1] if token else ""}
        if browser.post("/account/login/", data=form).status_code != 302:
            raise RuntimeError("the sign-in was refused")
        return _code_flow_ms(browser)


def _flow_ms(settings: Settings) -> float:
    return _sign_in(settings, secrets.randbelow(2**20) + 2**20)


def _code_flow_ms(browser: httpx.Client) -> float:
    verifier = secrets.token_urlsafe(40)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": NAME,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid platform",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    begun = time.perf_counter()
    answer = browser.get("/identity/o/authorize", params=asked)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    given |= {"client_id": NAME, "code_verifier": verifier}
    browser.post("/identity/o/api/token", data=given).raise_for_status()
    return (time.perf_counter() - begun) * 1000
