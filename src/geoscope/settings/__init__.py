"""One typed tree of settings: defaults here, then `geoscope.toml`, then `GEOSCOPE_*` variables.

`GEOSCOPE_EDGE__PORT=9000` sets `edge.port`. The file is `geoscope.toml` in the data folder.
"""

from geoscope.settings.addresses import EdgeSettings, InternalSettings
from geoscope.settings.catalogue import CatalogueSettings, OrderSettings, PublishingSettings
from geoscope.settings.cubes import CutSettings, LiveTwinSettings, PolytopeSettings
from geoscope.settings.federation import FederatedBackend, FederationSettings
from geoscope.settings.identity import IdentitySettings, has_saml
from geoscope.settings.tree import DESTINATION_EARTH_ISSUERS, Settings, current_settings
from geoscope.settings.values import BackendName

__all__ = [
    "DESTINATION_EARTH_ISSUERS",
    "BackendName",
    "CatalogueSettings",
    "CutSettings",
    "EdgeSettings",
    "FederatedBackend",
    "FederationSettings",
    "IdentitySettings",
    "InternalSettings",
    "LiveTwinSettings",
    "OrderSettings",
    "PolytopeSettings",
    "PublishingSettings",
    "Settings",
    "current_settings",
    "has_saml",
]
