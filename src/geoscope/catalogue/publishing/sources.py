"""The files of a folder in the object store, as items of a collection are made from them."""

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from obstore.store import S3Store

from geoscope.errors import TooLargeError

KINDS = {
    ".tif": "geotiff",
    ".tiff": "geotiff",
    ".nc": "netcdf",
    ".nc4": "netcdf",
    ".cdf": "netcdf",
    ".grib": "grib",
    ".grib2": "grib",
    ".grb": "grib",
    ".grb2": "grib",
    ".zarr": "zarr",
}
MOST_OBJECTS = 2_000_000


@dataclass(frozen=True)
class SourceFile:
    """A file, or a Zarr group with all of its objects.

    Parameters
    ----------
    path : str
        Below the folder that is published.
    size : int
        Bytes.
    digest : str
        Changes with its content.
    kind : str or None
        `geotiff`, `netcdf`, `zarr` or `grib`; None for what is not described.
    """

    path: str
    size: int
    digest: str
    kind: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @property
    def name(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.path).name


class _Object(NamedTuple):
    path: str
    size: int
    tag: str


def list_files(store: S3Store) -> list[SourceFile]:
    """List the files of a folder in order of path; names that begin with a dot are left out.

    Raises
    ------
    TooLargeError
        If there are more objects than can be looked at.
    """
    found: list[_Object] = []
    for page in store.list():
        found += [_Object(each["path"], each["size"], each["e_tag"] or "") for each in page]
        if len(found) > MOST_OBJECTS:
            raise TooLargeError(f"The folder holds more than {MOST_OBJECTS} objects.", "Publish it in parts.")
    groups: defaultdict[str, list[_Object]] = defaultdict(list)
    for each in found:
        if not any(part.startswith(".") for part in _outside_zarr(each.path)):
            groups[_file_of(each.path)].append(each)
    return [_source_file(path, groups[path]) for path in sorted(groups)]


def item_ids(paths: list[str]) -> dict[str, str]:
    """Return the id of the item that each path becomes: without its ending, where that is not ambiguous."""
    short = {path: as_id(str(PurePosixPath(path).with_suffix(""))) for path in paths}
    uses = Counter(short.values())
    return {path: id_ if uses[id_] == 1 else as_id(path) for path, id_ in short.items()}


def as_id(path: str) -> str:
    """Return a path in the characters that an id may have."""
    text = re.sub(r"[^A-Za-z0-9._~:-]+", "-", path).strip("-.") or "item"
    if len(text) <= 200:
        return text
    return f"{text[:150]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _file_of(path: str) -> str:
    """Return the path of the Zarr group that an object belongs to, or its own."""
    parts = path.split("/")
    for number, part in enumerate(parts[:-1], 1):
        if part.endswith(".zarr"):
            return "/".join(parts[:number])
    return path


def _outside_zarr(path: str) -> list[str]:
    return _file_of(path).split("/")


def _source_file(path: str, objects: list[_Object]) -> SourceFile:
    kind = KINDS.get(PurePosixPath(path).suffix.lower())
    if len(objects) == 1 and objects[0].path == path:
        return SourceFile(path, objects[0].size, objects[0].tag, kind if kind != "zarr" else None)
    digest = hashlib.sha256()
    for each in sorted(objects):
        digest.update(f"{each.path}\0{each.size}\0{each.tag}\n".encode())
    return SourceFile(path, sum(each.size for each in objects), digest.hexdigest(), "zarr")
