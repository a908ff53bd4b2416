"""What somebody asks for when they ingest: the inputs of the process `ingest-twin`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from geoscope.access import Policy

type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
type Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
type Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,80}$")]

# nside 1024; weights of a finer level would not fit into the memory that an ingest has.
FINEST_LEVEL = 10
COLLECTION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,99}$"


def _policy(text: str) -> str:
    return str(Policy.parse(text))


class Wish(BaseModel):
    """What is to be ingested, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=4000)], ...], Field(min_length=1, max_length=1000)
    ] = Field(
        description="GRIB, NetCDF and Zarr: paths, patterns and folders of the platform's machine, or "
        "s3://BUCKET/FOLDER in its object store, or fdb:CONFIGURATION?REQUEST for fields of an FDB."
    )
    keys: dict[str, str] = Field(
        {}, description="MARS keys that the files lack or have wrong, such as class, dataset or stream."
    )
    collection: Annotated[str, StringConstraints(pattern=COLLECTION_ID)] | None = Field(
        None, description="Id of the collection; by default it is made of the MARS keys."
    )
    title: Line | None = Field(None, description="Title of a new collection.")
    description: Paragraph | None = Field(None, description="What a new collection holds, in CommonMark.")
    licence: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+-]{1,60}$")] | None = Field(
        None, description="SPDX identifier of its licence, such as CC-BY-4.0; `other` for one of its own."
    )
    provider: Line | None = Field(None, description="Who made the data; by default the centre that it names.")
    policy: Annotated[str, AfterValidator(_policy)] | None = Field(
        None,
        description="Whom the data is for: public, registered, role:NAME or entity:ID. A new collection is "
        "public; what is there stays as it is.",
    )
    max_error: dict[Name, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        {}, description="Largest absolute error by variable, for smaller storage; others are kept bit by bit."
    )
    healpix: Annotated[int, Field(ge=0, le=FINEST_LEVEL)] | None = Field(
        None,
        description="Regrid to nested HEALPix of this refinement level: 12 x 4^level cells on Earth, of "
        "about 58.6 / 2^level degrees. By default fields stay on their grid.",
    )
    method: Literal["nearest", "bilinear", "conservative"] | None = Field(
        None,
        description="How to regrid. By default conservative (means) to a coarser grid, else bilinear; codes "
        "and directions are taken from the nearest cell always.",
    )
    replace: bool = Field(
        default=False, description="Replace fields that are there with other values, as a new version."
    )
    decoders: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description="How many processes decode at once; by default as many as the machine has cores."
    )
    dry_run: bool = Field(default=False, description="Only tell what would be stored.")

    @model_validator(mode="after")
    def _method_has_a_target(self) -> Self:
        if self.method is not None and self.healpix is None:
            raise ValueError("a method is for regridding: say also to which level of HEALPix")
        return self
