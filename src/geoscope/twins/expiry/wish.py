"""What is asked for when old versions are forgotten: the inputs of `expire-twin-versions`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class ExpiryWish(BaseModel):
    """Which versions are to be forgotten."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    twin: Annotated[str, StringConstraints(pattern=r"^[^/\s]{1,200}/[^/\s]{1,200}$")] | None = Field(
        None, description="COLLECTION/ITEM of the only twin to look at; by default all."
    )
    older_than_days: Annotated[float, Field(ge=1, le=36_500)] | None = Field(
        None,
        description="Versions are forgotten that another has followed more than so many days ago; by default "
        "as the operator has set (`twins.keep_versions_days`).",
    )
