"""The portal, and the mail that it sends."""

from typing import Literal

from pydantic import Field, SecretStr

from geoscope.settings.values import DatabaseUrl, Group, HostName, Port


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
