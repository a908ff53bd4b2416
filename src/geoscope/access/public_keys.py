"""The public keys that tokens are verified with: from the ring beside us, or from the portal's address."""

import threading
import time
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from geoscope.access.signing_keys import signing_keys
from geoscope.errors import UnavailableError
from geoscope.settings import Settings

# A rotation is seen within a minute.
FRESH_S = 60.0
# A token with an unknown key makes us look at once, but strangers' tokens not more often than this.
ASKED_AGAIN_AFTER_S = 5.0
TIMEOUT_S = 5.0


def public_key(settings: Settings, key_id: str) -> RSAPublicKey | None:
    """Return the public key of this id, or None if there is none (any more).

    Raises
    ------
    UnavailableError
        If the keys are elsewhere and could not be read so far.
    """
    if settings.identity.jwks_url is not None:
        return _remote_keys(settings.identity.jwks_url).get(key_id)
    return next((key.public_key for key in signing_keys(settings) if key.key_id == key_id), None)


@lru_cache(maxsize=4)
def _remote_keys(url: str) -> "RemoteKeys":
    return RemoteKeys(url)


class RemoteKeys:
    """A JSON Web Key Set at an address; read again in the background, so that no request waits for it.

    While the address does not answer, what was read last stays valid.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, RSAPublicKey] = {}
        self._asked_s = float("-inf")
        self._lock = threading.Lock()

    def get(self, key_id: str) -> RSAPublicKey | None:
        """Return the public key of this id, or None."""
        age_s = time.monotonic() - self._asked_s
        if not self._keys or (key_id not in self._keys and age_s > ASKED_AGAIN_AFTER_S):
            self._read_again()
        elif age_s > FRESH_S:
            self._asked_s = time.monotonic()
            threading.Thread(target=self._read_again, daemon=True).start()
        if not self._keys:
            raise UnavailableError("The platform's identity service does not answer.", "Try again soon.")
        return self._keys.get(key_id)

    def _read_again(self) -> None:
        import httpx  # noqa: PLC0415 (only for keys that are elsewhere)

        with self._lock:
            self._asked_s = time.monotonic()
            try:
                answer = httpx.get(self._url, timeout=TIMEOUT_S, trust_env=False).raise_for_status()
                found = jwt.PyJWKSet.from_dict(answer.json()).keys
            except (httpx.HTTPError, ValueError, jwt.PyJWTError):
                return
            keys = {key.key_id: key.key for key in found if key.key_id and isinstance(key.key, RSAPublicKey)}
            self._keys = keys or self._keys
