"""Sign-ins of this person at platforms: got by device code, kept in the keyring or a private file.

Any program of the same person can use them: `access_token(url)` returns a token that is good for a while.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from geoscope.errors import GeoscopeError, NotAllowedError, NotSignedInError, UnavailableError
from geoscope.secrets import write_secret

CLIENT_ID = "geoscope-cli"
SCOPE = "openid profile offline_access platform"
TIMEOUT_S = 30.0
# A token is renewed when less than this is left of it.
SPARE_S = 60
_KEYRING_SERVICE = "geoscope"
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class SignIn:
    """A sign-in at one platform; `expires_s` is when the access token ends, in seconds of Unix time."""

    access_token: str
    refresh_token: str
    expires_s: float


@dataclass(frozen=True)
class DeviceCode:
    """What a person needs to let this program in: an address to open, and the code to compare there."""

    address: str
    user_code: str


def sign_in(url: str, show: Callable[[DeviceCode], None]) -> None:
    """Sign in at a platform by device code (RFC 8628) and keep the sign-in.

    Parameters
    ----------
    url : str
        The platform's address.
    show : callable
        Called once with what the person has to open; then this waits for them.

    Raises
    ------
    NotAllowedError
        If they refuse, or do not answer in time.
    UnavailableError
        If no platform answers there.
    """
    with _client(url) as http:
        endpoints = _endpoints(http)
        asked = {"client_id": CLIENT_ID, "scope": SCOPE}
        device = _answer(http.post(endpoints["device_authorization_endpoint"], data=asked))
        show(DeviceCode(device["verification_uri_complete"], device["user_code"]))
        poll = {"grant_type": _DEVICE_CODE, "client_id": CLIENT_ID, "device_code": device["device_code"]}
        _keep(url, _wait_for_person(http, endpoints["token_endpoint"], poll, device))


def _wait_for_person(
    http: httpx.Client, address: str, poll: dict[str, str], device: dict[str, Any]
) -> SignIn:
    interval_s = float(device.get("interval", 5))
    deadline = time.monotonic() + device["expires_in"]
    while time.monotonic() < deadline:
        time.sleep(interval_s)
        answer = http.post(address, data=poll)
        if answer.is_success:
            return _sign_in_of(answer.json())
        error = _error_of(answer)
        if error == "slow_down":
            interval_s += 5
        elif error == "access_denied":
            raise NotAllowedError("The sign-in was refused in the browser.")
        elif error != "authorization_pending":
            break
    raise NotAllowedError("Nobody allowed the sign-in in time.", "Try again: `geoscope login`.")


def access_token(url: str) -> str:
    """Return an access token that is good for a minute at least; renewed when it has to be.

    Raises
    ------
    NotSignedInError
        If nobody signed in at this platform, or the sign-in was ended.
    """
    kept = find_sign_in(url)
    if kept is not None and kept.expires_s - time.time() > SPARE_S:
        return kept.access_token
    # One program renews; those that waited find the new one.
    with _locked():
        kept = find_sign_in(url)
        if kept is None:
            raise NotSignedInError(f"You are not signed in at {url}.", "Sign in: `geoscope login`.")
        if kept.expires_s - time.time() <= SPARE_S:
            kept = _renewed(url, kept)
            _keep(url, kept)
        return kept.access_token


def _renewed(url: str, kept: SignIn) -> SignIn:
    asked = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token, "client_id": CLIENT_ID}
    with _client(url) as http:
        answer = http.post(_endpoints(http)["token_endpoint"], data=asked)
    if _error_of(answer) == "invalid_grant":
        _forget(url)
        raise NotSignedInError(f"The sign-in at {url} has ended.", "Sign in again: `geoscope login`.")
    return _sign_in_of(_answer(answer))


def sign_out(url: str) -> bool:
    """Forget the sign-in at a platform and tell the platform; return whether there was one."""
    kept = find_sign_in(url)
    if kept is None:
        return False
    _forget(url)
    # The platform may be gone for good: here it is forgotten in any case.
    with contextlib.suppress(UnavailableError), _client(url) as http:
        data = {"token": kept.refresh_token, "client_id": CLIENT_ID}
        http.post(_endpoints(http)["revocation_endpoint"], data=data)
    return True


@contextlib.contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http:
            yield http
    except httpx.TransportError as error:
        raise UnavailableError(f"No platform answers at {url}.", "Name another with --url.") from error


def _endpoints(http: httpx.Client) -> dict[str, Any]:
    answer = http.get("/.well-known/openid-configuration")
    if not answer.is_success:
        raise UnavailableError(f"{http.base_url} is not a platform that one can sign in to.")
    document: dict[str, Any] = answer.json()
    return document


def _answer(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise GeoscopeError(f"The platform refuses: {_error_of(answer) or answer.status_code}.")
    document: dict[str, Any] = answer.json()
    return document


def _error_of(answer: httpx.Response) -> str:
    if answer.is_success:
        return ""
    try:
        return str(answer.json().get("error", ""))
    except ValueError:
        return ""


def _sign_in_of(given: dict[str, Any]) -> SignIn:
    return SignIn(given["access_token"], given["refresh_token"], time.time() + given["expires_in"])


# --- Where sign-ins are kept ---


def find_sign_in(url: str) -> SignIn | None:
    """Return the kept sign-in at a platform, or None."""
    keyring = _keyring()
    if keyring is not None:
        text = keyring.get_password(_KEYRING_SERVICE, url)
        return SignIn(**json.loads(text)) if text else None
    found = _read_file().get(url)
    return SignIn(**found) if found else None


def _keep(url: str, sign_in: SignIn) -> None:
    keyring = _keyring()
    if keyring is not None:
        keyring.set_password(_KEYRING_SERVICE, url, json.dumps(asdict(sign_in)))
    else:
        _write_file(_read_file() | {url: asdict(sign_in)})


def _forget(url: str) -> None:
    keyring = _keyring()
    if keyring is not None:
        keyring.delete_password(_KEYRING_SERVICE, url)
    else:
        _write_file({other: found for other, found in _read_file().items() if other != url})


def _keyring() -> Any:  # noqa: ANN401 (an optional module)
    """Return the keyring module if it is installed and has somewhere to keep things."""
    try:
        import keyring  # noqa: PLC0415 (optional)
    except ImportError:
        return None
    return keyring if keyring.get_keyring().priority > 0 else None


def _folder() -> Path:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "geoscope"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _read_file() -> dict[str, dict[str, Any]]:
    try:
        document: dict[str, dict[str, Any]] = json.loads((_folder() / "sign-ins.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return document


def _write_file(document: dict[str, dict[str, Any]]) -> None:
    write_secret(_folder() / "sign-ins.json", json.dumps(document, indent=1))


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    with (_folder() / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
