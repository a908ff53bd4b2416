"""How secrets of clients are kept: random and long as they are, one round of SHA-256 is enough."""

import hashlib
import secrets

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_noop as _

ALGORITHM = "sha256_random"


class RandomSecretHasher(BasePasswordHasher):
    """For secrets of 128 bits and more that a program made; never for a password that a person chose."""

    algorithm = ALGORITHM

    def salt(self) -> str:
        """Return a new salt."""
        return secrets.token_urlsafe(12)

    def encode(self, password: str, salt: str) -> str:
        """Return what is stored."""
        digest = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def verify(self, password: str, encoded: str) -> bool:
        """Tell whether a secret is the stored one."""
        _algorithm, salt, _digest = encoded.split("$", 2)
        return constant_time_compare(encoded, self.encode(password, salt))

    def safe_summary(self, encoded: str) -> dict[str, str]:  # type: ignore[override]  # words, not promises
        """Return what the admin pages show."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {_("algorithm"): algorithm, _("salt"): mask_hash(salt, show=2), _("hash"): mask_hash(digest)}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to even out: there is one round."""
