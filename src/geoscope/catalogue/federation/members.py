"""The members of the federation: each backend with its settings and its health."""

from dataclasses import dataclass, field

from geoscope.catalogue.federation.backends import Backend
from geoscope.catalogue.federation.eodag_backend import EodagBackend
from geoscope.catalogue.federation.eodag_process import EodagProcess
from geoscope.catalogue.federation.fetching import Fetcher
from geoscope.catalogue.federation.health import Health
from geoscope.catalogue.federation.portfolio import Portfolio
from geoscope.catalogue.federation.stac_api import StacApiBackend
from geoscope.catalogue.federation.static_catalogue import StaticCatalogueBackend
from geoscope.settings import FederatedBackend, FederationSettings

# An answer that is late for one search may be in time for the next.
TIMEOUT_IN_DEADLINES = 3.0


@dataclass(frozen=True)
class Member:
    """A backend, what is set of it, and how it did lately."""

    name: str
    settings: FederatedBackend
    backend: Backend
    health: Health = field(default_factory=Health)

    @property
    def title(self) -> str:
        """How people know it."""
        return self.settings.title or self.name

    @property
    def has_credentials(self) -> bool:
        """Whether the operator gave credentials for it."""
        return bool(self.settings.credentials or self.settings.headers)


def open_members(
    portfolio: Portfolio, settings: FederationSettings, process: EodagProcess
) -> dict[str, Member]:
    """Return all backends of a portfolio by name; none is asked anything yet."""
    return {
        name: Member(name, backend, _open(backend, settings, process))
        for name, backend in portfolio.backends.items()
    }


def _open(backend: FederatedBackend, settings: FederationSettings, process: EodagProcess) -> Backend:
    if backend.kind == "eodag" or backend.url is None:
        return EodagBackend(backend, process)
    fetcher = Fetcher(
        backend.url,
        {name: secret.get_secret_value() for name, secret in backend.headers.items()},
        private_network=backend.private_network,
        max_bytes=settings.max_response_bytes,
        timeout_s=settings.deadline_s * TIMEOUT_IN_DEADLINES,
    )
    kind = StacApiBackend if backend.kind == "stac" else StaticCatalogueBackend
    return kind(backend.url, fetcher, settings.description_lifetime_s)
