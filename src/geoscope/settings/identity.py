"""Accounts, the OpenID provider, and providers of others whose accounts may sign in."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from geoscope.settings.values import BackendName, Group, WebUrl


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
