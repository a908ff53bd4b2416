"""The tree of settings as a whole, its sources, and what follows from it."""

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from geoscope.settings.addresses import EdgeSettings, InternalSettings
from geoscope.settings.catalogue import CatalogueSettings
from geoscope.settings.cubes import CutSettings, LiveTwinSettings, PolytopeSettings, TwinSettings
from geoscope.settings.identity import IdentitySettings
from geoscope.settings.portal import MailSettings, PortalSettings
from geoscope.settings.values import Folder

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")

DESTINATION_EARTH_ISSUERS = (
    "https://auth.destine.eu/realms/desp",
    "https://identity.data.destination-earth.eu/auth/realms/dedl",
)

# Host names of Destination Earth that pages and the catalogue answer to.
DESTINATION_EARTH_DOMAINS = (
    "auth.destine.eu",
    "identity.data.destination-earth.eu",
    "hda.data.destination-earth.eu",
)


def default_data_dir() -> Path:
    """Return the platform's folder in the user's data home (XDG Base Directory Specification 0.8)."""
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser() / "geoscope"


class Settings(BaseSettings):
    """All settings of the platform."""

    model_config = SettingsConfigDict(
        env_prefix="GEOSCOPE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=True,
        # What is not valid may hold a password.
        hide_input_in_errors=True,
    )

    data_dir: Folder = Field(default_factory=default_data_dir, description="Everything the platform keeps.")
    site_name: str = Field("Geoscope", description="Name shown on the pages.")
    edge: EdgeSettings = EdgeSettings()
    internal: InternalSettings = InternalSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    cuts: CutSettings = CutSettings()
    identity: IdentitySettings = IdentitySettings()
    live_twin: LiveTwinSettings = LiveTwinSettings()
    mail: MailSettings = MailSettings()
    polytope: PolytopeSettings = PolytopeSettings()
    portal: PortalSettings = PortalSettings()
    twins: TwinSettings = TwinSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the file in the data folder."""
        given = init_settings()
        data_dir = given.get("data_dir") or os.environ.get("GEOSCOPE_DATA_DIR") or default_data_dir()
        file = TomlConfigSettingsSource(settings_cls, Path(data_dir).expanduser() / "geoscope.toml")
        return init_settings, env_settings, file

    @property
    def listen_host(self) -> str:
        """The address that the edge listens on; empty for every one."""
        if self.edge.host is None:
            return "" if self.edge.public_host else "127.0.0.1"
        return self.edge.host

    @property
    def public_url(self) -> str:
        """The platform's own address, without a slash at the end."""
        if self.edge.public_host:
            return f"https://{self.edge.public_host}{self._https_port}"
        return f"http://{self._own_host}:{self.edge.port}"

    @property
    def realm_issuers(self) -> tuple[str, ...]:
        """Who else issues this platform's tokens: its realms, as clients of Destination Earth name them."""
        own = (f"{self.public_url}/realms/desp", f"{self.public_url}/auth/realms/dedl")
        return own + (DESTINATION_EARTH_ISSUERS if self.identity.destination_earth_hosts else ())

    @property
    def s3_port(self) -> int:
        """The port of the S3 endpoint."""
        return self.edge.s3_port or self.edge.port + 1

    @property
    def s3_url(self) -> str:
        """The address of the S3 endpoint, without a slash at the end."""
        if self.edge.public_host:
            return f"https://s3.{self.edge.public_host}{self._https_port}"
        return f"http://{self._own_host}:{self.s3_port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the platform."""
        return self.edge.public_host is None and self.listen_host in LOOPBACK_HOSTS

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Host names that the platform answers to (a guard against DNS rebinding); `*` is any."""
        foreign = DESTINATION_EARTH_DOMAINS if self.identity.destination_earth_hosts else ()
        if self.edge.public_host:
            return (self.edge.public_host, *LOOPBACK_HOSTS, *foreign)
        return (*LOOPBACK_HOSTS, *foreign) if self.is_loopback else ("*",)

    @property
    def _https_port(self) -> str:
        return "" if self.edge.https_port == 443 else f":{self.edge.https_port}"

    @property
    def _own_host(self) -> str:
        every_address = ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)
        return "127.0.0.1" if self.listen_host in every_address else self.listen_host


@lru_cache(maxsize=1)
def current_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
