"""Keys of the federation, all made from one secret of the installation."""

import base64
import hashlib

from geoscope.secrets import FEDERATION_KEY, read_secret
from geoscope.settings import Settings


def token_key(settings: Settings) -> bytes:
    """Return the key that signs tokens."""
    return _derived(settings, b"tokens")


def credentials_key(settings: Settings) -> bytes:
    """Return the key that encrypts what persons bring (Fernet: 32 bytes, in URL-safe base64)."""
    return base64.urlsafe_b64encode(_derived(settings, b"credentials"))


def _derived(settings: Settings, purpose: bytes) -> bytes:
    secret = read_secret(settings, FEDERATION_KEY).encode()
    return hashlib.blake2b(purpose, key=hashlib.sha256(secret).digest(), digest_size=32).digest()
