"""What a decoder process is asked and what it answers, line by line as JSON.

What comes out of a process that read a stranger's file is not trusted: it is checked against these types.
"""

from typing import Any

import msgspec


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file or a Zarr group: of this machine (`path`), or of the object store (`bucket` and `key`)."""

    kind: str
    path: str = ""
    bucket: str = ""
    key: str = ""

    @property
    def family(self) -> str:
        """Which decoder reads it."""
        return "grib" if self.kind == "grib" else "gridded"

    @property
    def name(self) -> str:
        """How people call it."""
        return self.path or f"s3://{self.bucket}/{self.key}"


class IndexTask(msgspec.Struct, tag="index"):
    """Tell what is in a source, from an offset on; the first message may be one not to look at again."""

    source: Source
    start: int = 0
    skip_first: bool = False


class Wanted(msgspec.Struct, array_like=True):
    """One field to decode, and where in the scratch memory its values go."""

    offset: int
    length: int
    part: str
    place: int
    cells: int
    dtype: str


class DecodeTask(msgspec.Struct, tag="decode"):
    """Decode fields of one source, in the given order."""

    source: Source
    fields: list[Wanted]


class Kind(msgspec.Struct, tag="kind", array_like=True):
    """What fields have in common; later answers name it by its number.

    Attributes
    ----------
    number : int
        Counted from 0 within an index.
    mars : dict
        MARS keys without those that change from field to field.
    variable : dict
        `name`, `title`, `unit`, `standard_name`, `param` and other facts.
    level_type : str
        Type of level as ecCodes names it; empty for fields without levels.
    grid : str
        Id of the grid.
    dtype : str
        In which no value of the packing loses digits.
    part : str
        The name of the variable in its file, if that has names.
    """

    number: int
    mars: dict[str, str]
    variable: dict[str, str]
    level_type: str
    grid: str
    dtype: str
    part: str = ""


class GridFound(msgspec.Struct, tag="grid", array_like=True):
    """A grid, told before the first field on it."""

    id: str
    description: dict[str, Any]


class FieldFound(msgspec.Struct, tag="field", array_like=True):
    """One field: where it is, its kind, its valid time (s since 1970, UTC), its level, its base time or 0."""

    offset: int
    length: int
    kind: int
    time: int
    level: float | None
    base: int = 0
    part: int = -1


class SetAside(msgspec.Struct, tag="aside", array_like=True):
    """Bytes or a part of a file that cannot be used, and why."""

    offset: int
    length: int
    reason: str


class Decoded(msgspec.Struct, tag="decoded", array_like=True):
    """The values of one field are in their place; `missing` of them are NaN."""

    values: int


class Done(msgspec.Struct, tag="done", array_like=True):
    """The task is done."""


class Failed(msgspec.Struct, tag="failed", array_like=True):
    """The source cannot be read at all; `unavailable` if it may be read later."""

    reason: str
    unavailable: bool = False


type Answer = Kind | GridFound | FieldFound | SetAside | Decoded | Done | Failed

task_decoder: msgspec.json.Decoder[IndexTask | DecodeTask] = msgspec.json.Decoder(IndexTask | DecodeTask)
answer_decoder: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(
    Kind | GridFound | FieldFound | SetAside | Decoded | Done | Failed
)
