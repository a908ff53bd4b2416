"""Secrets of one installation: generated on first start, kept in files that only the owner reads."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from geoscope.errors import SetupError
from geoscope.settings import Settings

SIGNING_KEYS = "signing-keys.json"
PORTAL_KEY = "portal-key"
FEDERATION_KEY = "federation-key"

# Who holds keys to the object store; what each may do stands in geoscope.runtime.object_store.
S3_IDENTITIES = ("platform", "data-apis", "jobs", "uploads", "administrator")

# The object store's parts sign what they say to each other.
OBJECT_STORE_PARTS = ("admin", "filer", "filer-read", "tokens", "volume", "volume-read")


@dataclass(frozen=True)
class S3Keys:
    """A pair of keys to the S3 endpoint."""

    access_key: str
    secret_key: str


def read_secret(settings: Settings, name: str) -> str:
    """Return the text of one secret.

    Raises
    ------
    SetupError
        If the secret is not there or cannot be read.
    """
    path = settings.data_dir / "secrets" / name
    try:
        return path.read_text()
    except OSError as error:
        raise SetupError(
            f"The secret {path} cannot be read: {error.strerror}.",
            "`geoscope up` makes it; start the platform once, as the same user.",
        ) from error


def read_s3_keys(settings: Settings, identity: str) -> S3Keys:
    """Return the object store keys of one identity (see `S3_IDENTITIES`)."""
    return S3Keys(**json.loads(read_secret(settings, f"s3-{identity}.json")))


def write_secret(path: Path, text: str) -> None:
    """Write a file of mode 600 whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def ensure_secrets(settings: Settings) -> None:
    """Generate every secret that is not there yet; keep those that are."""
    folder = settings.data_dir / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    makers: dict[str, Callable[[], str]] = {
        SIGNING_KEYS: lambda: _first_signing_key(folder),
        PORTAL_KEY: _new_text,
        FEDERATION_KEY: _new_text,
    }
    makers |= {f"s3-{identity}.json": lambda: json.dumps(asdict(new_s3_keys())) for identity in S3_IDENTITIES}
    makers |= {f"object-store-{part}": _new_text for part in OBJECT_STORE_PARTS}
    for name, make in makers.items():
        if not (folder / name).exists():
            write_secret(folder / name, make())


def _first_signing_key(folder: Path) -> str:
    """Return a ring of one key: that of an installation before there were rings, or a new one."""
    earlier = folder / "signing-key.pem"
    pem = earlier.read_text() if earlier.exists() else new_signing_key()
    begins = datetime.now(UTC).isoformat()
    return json.dumps([{"pem": pem, "not_before": begins, "expires_at": None}], indent=1)


def new_signing_key() -> str:
    """Return a new private RSA key as PEM (PKCS 8).

    2048 bits, as NIST SP 800-57 part 1 allows until 2030: verified twice as fast as with 3072, and the key is
    changed after 90 days.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _new_text() -> str:
    return secrets.token_urlsafe(48)


def new_s3_keys() -> S3Keys:
    """Return a new pair of keys; nobody knows it yet."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    access_key = "GEO" + "".join(secrets.choice(alphabet) for _ in range(17))
    return S3Keys(access_key, secrets.token_urlsafe(40))
