from functools import lru_cache

from allauth.core.internal import jwkkit
from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """The OpenID provider."""

    name = "geoscope.portal.identity"
    label = "identity"

    def ready(self) -> None:
        """Keep parsed keys, which allauth parses at each use (36 ms), and listen to sign-outs."""
        from geoscope.portal.identity import sessions  # noqa: PLC0415 (models are ready only now)

        jwkkit.load_jwk_from_pem = lru_cache(maxsize=16)(jwkkit.load_jwk_from_pem)
        sessions.connect()
