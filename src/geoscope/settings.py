"""One typed tree of settings: defaults here, then `geoscope.toml`, then `GEOSCOPE_*` variables.

`GEOSCOPE_EDGE__PORT=9000` sets `edge.port`. The file is `geoscope.toml` in the data folder.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Port = Annotated[int, Field(ge=1, le=65535)]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")


def default_data_dir() -> Path:
    """Return the platform's folder in the user's data home (XDG Base Directory Specification 0.8)."""
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser() / "geoscope"


class Group(BaseModel):
    """A branch of the tree; a misspelt name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EdgeSettings(Group):
    """Where the platform listens."""

    host: str | None = Field(
        None,
        description="Address to listen on: loopback until told otherwise, every one with a public host name.",
    )
    port: Port = Field(8080, description="Port of pages and APIs.")
    s3_port: Port | None = Field(
        None, description="Port of the S3 endpoint; by default the next after `port`."
    )
    public_host: HostName | None = Field(
        None, description="Public host name; when set, HTTPS with an automatic certificate."
    )
    https_port: Port = Field(443, description="Port of HTTPS, when a public host name is set.")
    http_port: Port = Field(80, description="Port that redirects to HTTPS, when a public host name is set.")


class InternalSettings(Group):
    """Addresses of the parts behind the edge. The runtime sets them for each part that it starts."""

    portal_url: str = "http://127.0.0.1:8081"
    data_apis_url: str = "http://127.0.0.1:8082"
    object_store_url: str = "http://127.0.0.1:8083"


class CatalogueSettings(Group):
    """The catalogue's store and limits."""

    max_page_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1000, description="Largest `limit` of a search."
    )


class CutSettings(Group):
    """Limits of cuts and tiles."""

    max_values: Annotated[int, Field(ge=1)] = Field(
        5_000_000, description="Largest number of values that one answer may hold."
    )


class Settings(BaseSettings):
    """All settings of the platform."""

    model_config = SettingsConfigDict(
        env_prefix="GEOSCOPE_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Folder = Field(default_factory=default_data_dir, description="Everything the platform keeps.")
    site_name: str = Field("Geoscope", description="Name shown on the pages.")
    edge: EdgeSettings = EdgeSettings()
    internal: InternalSettings = InternalSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    cuts: CutSettings = CutSettings()

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
        if self.edge.public_host:
            return (self.edge.public_host, *LOOPBACK_HOSTS)
        return LOOPBACK_HOSTS if self.is_loopback else ("*",)

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
