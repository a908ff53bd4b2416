"""One typed tree of settings: defaults here, then `geoscope.toml`, then `GEOSCOPE_*` variables.

`GEOSCOPE_EDGE__PORT=9000` sets `edge.port`. The file is `geoscope.toml` in the data folder.
"""

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Port = Annotated[int, Field(ge=1, le=65535)]
WebUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s@?#]+(/[^\s?#]*)?$")]
BackendName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
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
    object_store_filer_url: str = "http://127.0.0.1:8084"


Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$")
]


def _postgresql_address(address: SecretStr) -> SecretStr:
    if not address.get_secret_value().startswith(("postgresql://", "postgres://")):
        # The address itself is not said: it may hold a password.
        raise ValueError("expected an address that begins with postgresql://")
    return address


DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql_address)]


class OrderSettings(Group):
    """Orders of products that are not online, and where products may be fetched from."""

    origins: tuple[Origin, ...] = Field(
        (),
        description="Where products of local items may be fetched from, such as `https://data.example.org` "
        "or `https://*.example.org`.",
    )
    allow_private_addresses: bool = Field(
        default=False, description="Whether `origins` may lie in a private network or on this machine."
    )
    keep_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        14.0, description="How long a delivered product is kept."
    )
    max_product_bytes: Annotated[int, Field(ge=1)] = Field(
        50 * 1024**3, description="Largest product that is delivered."
    )
    max_bytes_per_user: Annotated[int, Field(ge=1)] = Field(
        200 * 1024**3, description="Most that is kept for one user at once."
    )
    max_waiting_per_user: Annotated[int, Field(ge=1)] = Field(
        20, description="Most orders of one user that are not delivered yet."
    )
    max_hours: Annotated[float, Field(gt=0)] = Field(
        24.0, description="Longest time that one delivery may take."
    )


class PublishingSettings(Group):
    """Limits of users' own collections, and of the processes that read their files."""

    max_items: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Most items of a published collection."
    )
    max_bytes: Annotated[int, Field(ge=1)] = Field(
        100 * 1024**3, description="Most bytes that may be uploaded for one collection."
    )
    max_grib_bytes: Annotated[int, Field(ge=1)] = Field(
        2 * 1024**3, description="Largest GRIB file; it is copied to a temporary file to be read."
    )
    reader_timeout_s: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Longest time that the reading of one file may take, in seconds."
    )
    reader_memory_bytes: Annotated[int, Field(ge=512 * 1024**2)] = Field(
        4 * 1024**3, description="Most memory (address space) of a process that reads files."
    )


class FederatedBackend(Group):
    """A server whose items the catalogue finds beside its own."""

    kind: Literal["stac", "static", "eodag"] = Field(
        description="A STAC API, a catalogue of plain STAC files, or a provider that eodag knows."
    )
    title: str = Field("", description="Name shown to people.")
    about: str | None = Field(None, description="Web page about the server.")
    url: WebUrl | None = Field(
        None, description="Root of a STAC API, or the first file of a static catalogue."
    )
    private_network: bool = Field(
        default=False, description="Whether the host name of `url` may lead into a private network."
    )
    headers: dict[str, SecretStr] = Field({}, description="HTTP headers that the server asks for.")
    provider: str | None = Field(None, description="Name of the provider in eodag.")
    definition: dict[str, Any] = Field({}, description="Parts of eodag's definition that are different here.")
    credentials: dict[str, SecretStr] = Field({}, description="What eodag's definition names: `username` ...")
    needs_credentials: bool = Field(default=False, description="Whether a search needs credentials.")
    all_collections: bool = Field(
        default=False, description="Show every collection of the server, without a portfolio."
    )
    prefix: str = Field("", description="What ids of such collections begin with in this catalogue.")
    always: bool = Field(
        default=False, description="Ask also when a search names no collection: for servers that are quick."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.provider if self.kind == "eodag" else self.url) is None:
            raise ValueError("a backend of the kind 'eodag' has a provider, any other a url")
        return self


class FederationSettings(Group):
    """Other catalogues that are searched together with this one."""

    def __hash__(self) -> int:
        """Tell installations apart; a dict has no hash of its own."""
        return hash((self.portfolios, *self.backends))

    portfolios: tuple[Literal["data-lake"], ...] = Field(
        (), description="Portfolios that come with the platform; files in the folder `portfolio` come on top."
    )
    backends: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")], FederatedBackend
    ] = Field({}, description="By name; one of a portfolio is replaced by one of the same name here.")
    deadline_s: Annotated[float, Field(gt=0, le=60)] = Field(
        8.0, description="How long a search waits for backends."
    )
    window: Annotated[int, Field(ge=100, le=50_000)] = Field(
        2000, description="Most items that are fetched to sort or to filter what a backend cannot."
    )
    answer_lifetime_s: Annotated[float, Field(ge=0)] = Field(
        300.0, description="How long answers of backends are kept."
    )
    description_lifetime_s: Annotated[float, Field(ge=1)] = Field(
        3600.0, description="How long is kept what backends say of themselves and of their collections."
    )
    cache_bytes: Annotated[int, Field(ge=0)] = Field(64 * 1024**2, description="Most memory for answers.")
    max_response_bytes: Annotated[int, Field(ge=1024)] = Field(
        32 * 1024**2, description="Largest answer of a backend that is read."
    )
    worker_idle_s: Annotated[float, Field(gt=0)] = Field(
        900.0, description="After how long without work eodag's own process ends."
    )


class LoadingSettings(Group):
    """Loads that are asked for by the API; the command line may load from anywhere."""

    allowed_hosts: tuple[HostName, ...] = Field(
        (), description="Hosts that may be loaded from besides public ones, also by plain HTTP."
    )
    max_download_bytes: Annotated[int, Field(ge=1)] = Field(
        100 * 1024**3, description="Largest file that is fetched to be loaded."
    )


INDEXED_PROPERTIES = (
    *("datetime", "start_datetime", "end_datetime", "created", "updated", "title"),
    *("platform", "constellation", "instruments", "gsd", "federation:backends"),
    *("eo:cloud_cover", "eo:snow_cover", "view:sun_elevation", "view:sun_azimuth", "view:off_nadir"),
    *("sat:orbit_state", "sat:relative_orbit", "sat:absolute_orbit", "sar:instrument_mode"),
    *("sar:polarizations", "grid:code", "s2:mgrs_tile", "proj:code", "processing:level", "product:type"),
    *("storage:tier", "order:status", "ecmwf:class", "ecmwf:dataset", "ecmwf:activity"),
    *("ecmwf:experiment", "ecmwf:generation", "ecmwf:model", "ecmwf:realization", "ecmwf:resolution"),
    *("ecmwf:expver", "ecmwf:stream", "ecmwf:type", "ecmwf:levtype", "ecmwf:levelist", "ecmwf:param"),
    *("ecmwf:date", "ecmwf:time", "ecmwf:step"),
)


class CatalogueSettings(Group):
    """The catalogue's store and limits."""

    indexed_properties: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        INDEXED_PROPERTIES,
        description="Properties of items that searches, sorting and summaries are quick by, in every "
        "collection; a collection adds those that its `summaries` name.",
    )

    database_url: DatabaseUrl | None = Field(
        None,
        description="PostgreSQL database that keeps the catalogue, such as `postgresql://USER@HOST/DATABASE`;"
        " by default it is a file in the data folder.",
    )
    max_page_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1000, description="Largest `limit` of a search."
    )
    data_lake_requires_token: bool = Field(
        default=False, description="Whether `/stac/v2` asks for a token also where data is public."
    )
    orders: OrderSettings = OrderSettings()
    federation: FederationSettings = FederationSettings()
    loading: LoadingSettings = LoadingSettings()
    publishing: PublishingSettings = PublishingSettings()


class CutSettings(Group):
    """Limits of cuts and tiles."""

    max_values: Annotated[int, Field(ge=1)] = Field(
        20_000_000, description="Largest number of values that one answer may hold; what is more is a job."
    )
    max_job_values: Annotated[int, Field(ge=1)] = Field(
        2_000_000_000, description="Largest number of values that a cut may hold that runs as a job."
    )
    keep_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        14.0, description="How long the result of such a job is kept."
    )


class PolytopeSettings(Group):
    """Limits of what is asked for by the Polytope API."""

    max_values: Annotated[int, Field(ge=1)] = Field(
        20_000_000, description="Largest number of values of one feature."
    )
    max_field_bytes: Annotated[int, Field(ge=1)] = Field(
        4 * 1024**3, description="Largest size of the whole fields of one request, decoded."
    )
    max_live_per_user: Annotated[int, Field(ge=1)] = Field(
        50, description="Most requests of a user that are not answered yet."
    )
    max_bytes_per_user: Annotated[int, Field(ge=1)] = Field(
        20 * 1024**3, description="Most bytes of results that are kept for a user."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="Requests that are answered at the same time."
    )
    max_minutes: Annotated[float, Field(gt=0)] = Field(60.0, description="Longest time for one request.")
    keep_hours: Annotated[float, Field(gt=0)] = Field(24.0, description="How long results are kept.")


class PortalSettings(Group):
    """The portal: pages, accounts, registry."""

    database_url: DatabaseUrl | None = Field(
        None,
        description="PostgreSQL database that keeps accounts and the registry; by default it is a file in "
        "the data folder.",
    )


class MailSettings(Group):
    """How mail leaves the platform."""

    host: HostName | None = Field(
        None, description="SMTP server; without one, mail is kept as files in the folder `mail`."
    )
    port: Port = Field(587, description="Port of the SMTP server.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is protected."
    )
    user: str = Field("", description="Name at the SMTP server.")
    password: SecretStr = Field(SecretStr(""), description="Password at the SMTP server.")
    sender: str = Field("geoscope@localhost", description="Address that mail comes from.")


class UpstreamProvider(Group):
    """An OpenID provider of somebody else, whose accounts may sign in here."""

    title: str = Field(min_length=1, description="Name on the button.")
    issuer: WebUrl = Field(description="Its issuer; its discovery document lies below.")
    client_id: str = Field(min_length=1, description="As whom this platform is registered there.")
    client_secret: SecretStr = Field(SecretStr(""), description="The secret that belongs to it.")
    trusts_email: bool = Field(
        default=False,
        description="Whether an address that it calls verified opens an account that is here already.",
    )


def _certificate(told: str) -> str:
    """Return a certificate in PEM, given as such or as the path of its file."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 (few have such a provider)

    text = told if told.lstrip().startswith("-----BEGIN") else _text_of(Path(told).expanduser())
    try:
        load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise ValueError("this is no X.509 certificate in PEM") from error
    return text


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise ValueError(f"the certificate cannot be read: {error}") from error


class SamlProvider(Group):
    """A SAML identity provider of somebody else, whose accounts may sign in here."""

    title: str = Field(min_length=1, description="Name on the button.")
    entity_id: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
        max_length=200,
        description="As whom it signs: its entityID.",
    )
    sso_url: str = Field(
        pattern=r"^https?://[^/\s@?#]+(/[^\s#]*)?$",
        description="Where people sign in there: its SingleSignOnService with the binding HTTP-Redirect.",
    )
    certificate: Annotated[str, AfterValidator(_certificate)] = Field(
        description="What it signs with: a certificate in PEM, or the path of its file."
    )
    attributes: dict[
        Literal["uid", "username", "email", "email_verified", "first_name", "last_name"], str
    ] = Field({}, description="What it calls the attributes of a person; given any, only these are read.")
    trusts_email: bool = Field(
        default=False,
        description="Whether an address that it calls verified opens an account that is here already.",
    )


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


class IdentitySettings(Group):
    """Accounts, and the OpenID provider."""

    def __hash__(self) -> int:
        """Tell installations apart; a dict has no hash of its own."""
        names = (*self.providers, *self.saml_providers)
        return hash((self.jwks_url, self.registration, self.destination_earth_hosts, *names))

    registration: bool = Field(default=True, description="Whether anybody may make an account.")
    jwks_url: WebUrl | None = Field(
        None,
        description="Where data services on other machines read the public signing keys: the portal's "
        "`/.well-known/jwks.json`. By default they lie in the data folder.",
    )
    providers: dict[BackendName, UpstreamProvider] = Field(
        {}, description="Other OpenID providers whose accounts may sign in here, by name."
    )
    saml_providers: dict[BackendName, SamlProvider] = Field(
        {}, description="SAML identity providers whose accounts may sign in here, by name."
    )
    destination_earth_hosts: bool = Field(
        default=False,
        description="Answer to the host names of Destination Earth as well, for clients that know no others.",
    )

    @model_validator(mode="after")
    def _saml_can_be_read(self) -> Self:
        if self.saml_providers and not has_saml():
            raise ValueError("sign-in through SAML needs more: pip install 'geoscope[saml]'")
        entities = [provider.entity_id for provider in self.saml_providers.values()]
        if len(set(entities)) < len(entities):
            raise ValueError("two SAML providers have the same entity_id")
        return self


def has_saml() -> bool:
    """Tell whether the extra `saml` is installed."""
    return find_spec("onelogin") is not None and find_spec("xmlsec") is not None


class TwinSettings(Group):
    """Ingest of model output."""

    batch_bytes: Annotated[int, Field(ge=1)] = Field(
        512 * 1024**2,
        description="About how much one commit stores, in bytes of decoded values; always whole steps.",
    )
    decoders: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description="How many processes decode at once; by default as many as there are cores."
    )


class LiveTwinSettings(Group):
    """The atmosphere model that makes twin data on this machine."""

    model_folder: Folder | None = Field(
        None,
        description="Folder in which the model is installed, such as one that several installations share; "
        "by default `models` in the data folder.",
    )
    cores: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="How many cores the model may use; by default half of those of the machine."
    )
    nice: Annotated[int, Field(ge=0, le=19)] = Field(
        10, description="By how much the model stands back behind other processes (19 is the most)."
    )
    max_days: Annotated[int, Field(ge=1)] = Field(3660, description="Longest simulation, in days.")


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
