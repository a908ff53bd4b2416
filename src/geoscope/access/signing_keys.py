"""The installation's signing keys: one that signs, those before it until their tokens end, one to come.

The ring is a file that only the portal's machine needs. Data services need public keys alone.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from geoscope.errors import SetupError
from geoscope.secrets import SIGNING_KEYS, new_signing_key, write_secret
from geoscope.settings import Settings

# Verifiers read the public keys again within a minute; a new key waits two before it signs.
ANNOUNCED = timedelta(minutes=2)
# No token of an access lives longer than this, so a key that no longer signs is kept for as long.
KEPT = timedelta(hours=1)
LARGEST_AGE = timedelta(days=90)


@dataclass(frozen=True)
class SigningKey:
    """One key of the ring.

    Parameters
    ----------
    key_id : str
        Its JWK thumbprint (RFC 7638), as it stands in a token's header.
    pem : str
        The private key, PKCS 8.
    private_key : RSAPrivateKey
        The same, parsed.
    public_key : RSAPublicKey
        Its public half.
    public_jwk : dict
        The public half as a JSON Web Key (RFC 7517).
    not_before, expires_at : datetime
        When it begins to sign, and when nothing that it signed is valid any more, in UTC; None: not limited.
    """

    key_id: str
    pem: str
    private_key: RSAPrivateKey
    public_key: RSAPublicKey
    public_jwk: dict[str, Any]
    not_before: datetime | None
    expires_at: datetime | None


def signing_keys(settings: Settings) -> tuple[SigningKey, ...]:
    """Return the keys that count now, those to come as well, oldest first.

    Raises
    ------
    SetupError
        If the ring is not there or cannot be read.
    """
    now = datetime.now(UTC)
    return tuple(key for key in _ring(settings) if key.expires_at is None or key.expires_at > now)


def current_signing_key(settings: Settings) -> SigningKey:
    """Return the key that signs now: the youngest whose time has come."""
    now = datetime.now(UTC)
    return [key for key in signing_keys(settings) if key.not_before is None or key.not_before <= now][-1]


def rotate_signing_key(settings: Settings) -> datetime:
    """Make a new key that signs in two minutes; what older ones signed stays valid until it ends.

    Returns
    -------
    datetime
        When the new key begins to sign, in UTC.
    """
    begins = datetime.now(UTC) + ANNOUNCED
    ends = begins + KEPT
    kept = [
        _entry(key.pem, key.not_before, min(key.expires_at or ends, ends)) for key in signing_keys(settings)
    ]
    write_secret(_path(settings), json.dumps([*kept, _entry(new_signing_key(), begins, None)], indent=1))
    return begins


def rotate_if_due(settings: Settings) -> None:
    """Make a new key when the youngest is older than 90 days."""
    youngest = signing_keys(settings)[-1].not_before
    if youngest is not None and datetime.now(UTC) - youngest > LARGEST_AGE:
        rotate_signing_key(settings)


def _entry(pem: str, not_before: datetime | None, expires_at: datetime | None) -> dict[str, str | None]:
    times = {"not_before": not_before, "expires_at": expires_at}
    return {"pem": pem} | {name: at.isoformat() if at else None for name, at in times.items()}


def _path(settings: Settings) -> Path:
    return _path_in(settings.data_dir)


@lru_cache(maxsize=4)
def _path_in(data_dir: Path) -> Path:
    """Return the path of the ring; one object, as each new one would be put together and hashed anew."""
    return data_dir / "secrets" / SIGNING_KEYS


def _ring(settings: Settings) -> tuple[SigningKey, ...]:
    path = _path(settings)
    try:
        return _read_ring(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SetupError(
            f"The signing keys {path} cannot be read: {error}.",
            "`geoscope up` makes them; start the platform once, as the same user.",
        ) from error


@lru_cache(maxsize=4)
def _read_ring(path: Path, _changed_ns: int) -> tuple[SigningKey, ...]:
    return tuple(_read_key(entry) for entry in json.loads(path.read_text()))


def _read_key(entry: dict[str, str | None]) -> SigningKey:
    pem = entry["pem"] or ""
    private_key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private_key, RSAPrivateKey):
        raise TypeError("one of the keys is not an RSA key")
    public_key = private_key.public_key()
    jwk = RSAAlgorithm.to_jwk(public_key, as_dict=True)
    jwk |= {"kid": thumbprint(jwk), "use": "sig", "alg": "RS256"}
    times = [datetime.fromisoformat(at) if (at := entry.get(name)) else None for name in _TIMES]
    return SigningKey(jwk["kid"], pem, private_key, public_key, jwk, *times)


_TIMES = ("not_before", "expires_at")


def thumbprint(jwk: dict[str, Any]) -> str:
    """Return the thumbprint of an RSA key (RFC 7638, section 3)."""
    members = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()
