"""Cubes: cutting them, asking for them in ECMWF's words, making them."""

from typing import Annotated

from pydantic import Field

from geoscope.settings.values import Folder, Group


class CutSettings(Group):
    """Limits of cuts and tiles."""

    max_values: Annotated[int, Field(ge=1)] = Field(
        20_000_000,
        description="Largest number of values that one answer may hold or be made of; what is more is a job.",
    )
    max_job_values: Annotated[int, Field(ge=1)] = Field(
        2_000_000_000,
        description="Largest number of values that a cut may hold, or be made of, that runs as a job.",
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


class TwinSettings(Group):
    """Ingest of model output, and how long its versions are kept."""

    batch_bytes: Annotated[int, Field(ge=1)] = Field(
        512 * 1024**2,
        description="About how much one commit stores, in bytes of decoded values; always whole steps.",
    )
    decoders: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description="How many processes decode at once; by default as many as there are cores."
    )
    keep_versions_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        30,
        description="How long a version of a cube can be opened after another has followed it; the newest "
        "always stays.",
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
