"""The object store's own files of policies and identities, and its buckets, as the portal writes them.

SeaweedFS keeps each policy and each identity in a small file below `/etc/iam`, and obeys a change within
milliseconds. Its IAM API would write every identity anew at each change (0.8 seconds with 200 of them), and
if it may write at all, it lets whoever holds a key make more keys: it stays read-only.
"""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import quote

import httpx
import jwt

from geoscope.errors import UnavailableError
from geoscope.objects import open_bucket
from geoscope.secrets import S3Keys, read_s3_keys, read_secret
from geoscope.settings import current_settings

type Kind = Literal["policies", "identities"]

_FOLDER = "/etc/iam/"
# Where a file is until it is whole.
_INCOMING = f"{_FOLDER}incoming/"
_PAGE = 1000
_TIMEOUT_S = 5.0
_TOKEN_LIFETIME_S = 60
# How long a new key is waited for; it takes 15 ms, or a second with a thousand keys.
_PATIENCE_S = 10.0


def put(kind: Kind, name: str, document: dict[str, Any]) -> None:
    """Write a policy or an identity, whole or not at all; what was there under the name is replaced.

    Raises
    ------
    UnavailableError
        If the object store does not take it.
    """
    # An upload that breaks off leaves a broken file, and while there is one, the store takes up no other.
    incoming = f"{_INCOMING}{token_hex(16)}"
    # Inline, as the store reads no other: a form with one file is how its filer is asked for that.
    form = {"file": (name, json.dumps(document), "application/json")}
    _ask("POST", incoming, params={"saveInside": "true"}, files=form)
    if _ask("POST", _file(kind, name), params={"mv.from": incoming}).status_code == 404:
        raise UnavailableError("The object store has lost a change.", "Try again soon.")


def remove(kind: Kind, name: str) -> None:
    """Remove a policy or an identity; one that is not there is removed already.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    _ask("DELETE", _file(kind, name))


def entries(kind: Kind) -> dict[str, dict[str, Any]]:
    """Return all policies or identities by name.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    files = _files(f"{_FOLDER}{kind}/")
    return {name.removesuffix(".json"): _read(entry.get("Content")) for name, entry in files}


def sweep(on_its_way: timedelta = timedelta(minutes=1)) -> None:
    """Remove what writes that broke off have left behind.

    Parameters
    ----------
    on_its_way : timedelta
        How long a file may take to become whole.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    latest = datetime.now(UTC) - on_its_way
    for name, entry in list(_files(_INCOMING)):
        if datetime.fromisoformat(entry["Mtime"]) < latest:
            _ask("DELETE", _INCOMING + name)


def make_bucket(name: str) -> None:
    """Make a bucket of the platform's, unless it is there.

    Raises
    ------
    UnavailableError
        If the object store does not make it.
    """
    settings = current_settings()
    answer = _send("PUT", _signed("PUT", name, read_s3_keys(settings, "platform")))
    if answer.status_code not in (200, 409):
        raise UnavailableError(f"The bucket {name} cannot be made now.", "Try again soon.")


def wait_until_accepted(keys: S3Keys, bucket: str) -> None:
    """Wait until new keys open a bucket.

    Raises
    ------
    UnavailableError
        If they do not within ten seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not _send("GET", _signed("GET", bucket, keys)).is_success:
        if time.monotonic() > deadline:
            raise UnavailableError("The object store does not take the new key.", "Try again soon.")
        time.sleep(0.02)


def _files(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names and entries of the files in a folder of the filer."""
    last, more = "", True
    while more:
        answer = _ask("GET", folder, params={"limit": str(_PAGE), "lastFileName": last})
        page = answer.json() if answer.status_code == 200 else {}
        for entry in page.get("Entries") or ():
            last = entry["FullPath"].rpartition("/")[2]
            yield last, entry
        more = bool(page.get("ShouldDisplayLoadMore"))


def _file(kind: Kind, name: str) -> str:
    return f"{_FOLDER}{kind}/{quote(name, safe='')}.json"


def _read(content: str | None) -> dict[str, Any]:
    """Return the document of an entry; what is no document is as good as empty."""
    try:
        document = json.loads(base64.b64decode(content or ""))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _ask(method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 (httpx's)
    """Send a request to the filer, signed for this folder and this minute."""
    settings = current_settings()
    secret = "object-store-filer-read" if method == "GET" else "object-store-filer"
    claims = {"exp": int(time.time()) + _TOKEN_LIFETIME_S, "allowed_prefixes": [_FOLDER]}
    token = jwt.encode(claims, read_secret(settings, secret), algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = _send(method, settings.internal.object_store_filer_url + path, headers=headers, **options)
    if not answer.is_success and answer.status_code != 404:
        raise UnavailableError(
            f"The object store refused a change ({answer.status_code}).", "Try again soon."
        )
    return answer


def _send(method: str, address: str, **options: Any) -> httpx.Response:  # noqa: ANN401 (httpx's)
    try:
        return _client().request(method, address, **options)
    except httpx.HTTPError as error:
        raise UnavailableError("The object store does not answer.", "Try again soon.") from error


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """Return a client for plain HTTP on this machine: without a TLS context, which takes 20 ms to make."""
    return httpx.Client(transport=httpx.HTTPTransport(verify=False, trust_env=False), timeout=_TIMEOUT_S)


def _signed(method: Literal["GET", "PUT"], bucket: str, keys: S3Keys) -> str:
    """Return an address that stands for one request to a bucket as a whole, good for a minute."""
    # A tenth of a second to import: only processes that manage buckets pay for it.
    from obstore import sign  # noqa: PLC0415

    store = open_bucket(current_settings(), bucket, keys, patient=False)
    return sign(store, method, "", timedelta(minutes=1))
