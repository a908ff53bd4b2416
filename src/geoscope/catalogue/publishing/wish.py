"""What somebody asks for when they publish: the inputs of the process `publish-collection`."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from geoscope.access import Policy
from geoscope.catalogue.datetimes import parse_instant

COLLECTION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,99}$"
ENTITY_ID = r"^[a-z0-9][a-z0-9._-]{0,62}$"

type Visibility = Literal["private", "entity", "public"]
type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
type Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


def _policy(text: str) -> str:
    return str(Policy.parse(text))


def _instant(text: str) -> str:
    parse_instant(text, "datetime")
    return text


class Shared(BaseModel):
    """Who finds a collection and reads its files, besides its owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    visibility: Visibility = Field(description="Nobody, the members of one entity, or everybody.")
    entity: Annotated[str, StringConstraints(pattern=ENTITY_ID)] | None = Field(
        None, description="Id of the entity, with the visibility `entity`."
    )

    @model_validator(mode="after")
    def _entity_fits(self) -> Self:
        if (self.visibility == "entity") != (self.entity is not None):
            raise ValueError("'entity' is given if, and only if, 'visibility' is 'entity'")
        return self


class Wish(BaseModel):
    """What is to be published, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Annotated[str, StringConstraints(pattern=COLLECTION_ID)] = Field(
        description="Id of the collection; a new one must not be taken."
    )
    source: str | None = Field(
        None,
        description="Folder in the object store, as s3://BUCKET/FOLDER, whose files stay where they are. "
        "By default the files that were uploaded for this collection.",
    )
    title: Line | None = Field(None, description="Its title.")
    description: Paragraph | None = Field(None, description="What it holds, in CommonMark.")
    licence: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+-]{1,60}$")] | None = Field(
        None, description="SPDX identifier of its licence, such as CC-BY-4.0; `other` for one of its own."
    )
    keywords: Annotated[tuple[Line, ...], Field(max_length=30)] | None = Field(None, description="Keywords.")
    visibility: Visibility | None = Field(
        None,
        description="Who finds it besides its owner. A new one is private; what is there stays as it is.",
    )
    entity: Annotated[str, StringConstraints(pattern=ENTITY_ID)] | None = Field(
        None, description="Id of the entity, with the visibility `entity`."
    )
    policy: Annotated[str, AfterValidator(_policy)] | None = Field(
        None,
        description="Whom its data is for among those who find it: public, registered, role:NAME or "
        "entity:ID. That of a new one is for all of them; what is there stays as it is.",
    )
    datetime: Annotated[str, AfterValidator(_instant)] | None = Field(
        None, description="Time of those files that name none themselves (RFC 3339)."
    )
    dry_run: bool = Field(default=False, description="Only tell what would be published.")
    strict: bool = Field(default=False, description="Publish nothing if one file cannot be read.")
    prune: bool = Field(default=False, description="Remove the items whose files are gone.")

    @model_validator(mode="after")
    def _entity_fits(self) -> Self:
        if (self.visibility == "entity") != (self.entity is not None):
            raise ValueError("'entity' is given if, and only if, 'visibility' is 'entity'")
        return self


class Named(BaseModel):
    """The name of a collection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Annotated[str, StringConstraints(pattern=COLLECTION_ID)]
