"""What settings are made of: kinds of values, and a branch of the tree."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

Port = Annotated[int, Field(ge=1, le=65535)]
WebUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s@?#]+(/[^\s?#]*)?$")]
BackendName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$")
]


def _postgresql_address(address: SecretStr) -> SecretStr:
    if not address.get_secret_value().startswith(("postgresql://", "postgres://")):
        # The address itself is not said: it may hold a password.
        raise ValueError("expected an address that begins with postgresql://")
    return address


DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql_address)]


class Group(BaseModel):
    """A branch of the tree; a misspelt name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
