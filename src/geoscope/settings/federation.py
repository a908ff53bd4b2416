"""Other catalogues that are searched together with this one."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from geoscope.settings.values import BackendName, Group, WebUrl


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
    backends: dict[BackendName, FederatedBackend] = Field(
        {}, description="By name; one of a portfolio is replaced by one of the same name here."
    )
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
