"""Where the input is: files, patterns and folders of this machine, or of the object store."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from glob import iglob
from pathlib import Path

import obstore
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import S3Store

from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.objects import Place, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings
from geoscope.twins.fdb.requests import SCHEME as FDB
from geoscope.twins.ingest.answers import Source
from geoscope.twins.ingest.fdb_source import copy_of_fields

IDENTITY = "jobs"
MOST_FILES = 200_000
KINDS = {
    ".grib": "grib",
    ".grib1": "grib",
    ".grib2": "grib",
    ".grb": "grib",
    ".grb2": "grib",
    ".gb2": "grib",
    ".nc": "netcdf",
    ".nc4": "netcdf",
    ".netcdf": "netcdf",
}
ZARR_FILES = ("zarr.json", ".zgroup", ".zmetadata")
HEAD_BYTES = 4096


@dataclass
class Input:
    """The sources of an ingest.

    Attributes
    ----------
    sources : list of Source
        In order of their names.
    ignored : list of str
        Files of kinds that are not read.
    fingerprint : str
        Changes with the files.
    """

    sources: list[Source] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    fingerprint: str = ""


class _Collector:
    def __init__(self) -> None:
        self.found: dict[str, Source] = {}
        self.ignored: list[str] = []
        self._digest = hashlib.sha256()

    def add(self, source: Source, state: object) -> None:
        if source.name not in self.found:
            self.found[source.name] = source
            self._digest.update(f"{source.name}\0{state}\0".encode())
        if len(self.found) > MOST_FILES:
            raise InvalidInputError(f"These are more than {MOST_FILES:,} files.", "Ingest them in parts.")

    def result(self) -> Input:
        return Input(
            [self.found[name] for name in sorted(self.found)], self.ignored, self._digest.hexdigest()
        )


def find_input(settings: Settings, places: Sequence[str]) -> Input:
    """Find the files that somebody names.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    places : sequence of str
        Absolute paths, patterns with `*`, `s3://` addresses, or `fdb:CONFIGURATION?REQUEST`.

    Raises
    ------
    InvalidInputError
        If one is not there, or no file is of a kind that is read.
    UnavailableError
        If the object store does not answer.
    """
    collector = _Collector()
    for place in places:
        if place.startswith("s3://"):
            _collect_objects(settings, Place.parse(place), collector)
        elif place.startswith(FDB):
            copy = copy_of_fields(settings, place)
            collector.add(Source("grib", path=str(copy)), copy.name)
        else:
            _collect_files(place, collector)
    found = collector.result()
    if not found.sources:
        raise InvalidInputError(
            f"There is no GRIB, NetCDF or Zarr at {', '.join(places)[:300]}.",
            f"Expected files that end with {', '.join(KINDS)}, or Zarr groups.",
        )
    return found


def _collect_files(place: str, collector: _Collector) -> None:
    if not place.startswith("/"):
        raise InvalidInputError(f"The path {place[:200]!r} is not absolute.")
    paths = [Path(name) for name in sorted(iglob(place, recursive=True))]  # noqa: PTH207 (an absolute pattern) if has_magic(place) else [Path(place)]
    if not paths or not all(path.exists() for path in paths):
        raise InvalidInputError(f"There is no file or folder {place[:200]}.")
    for path in paths:
        for file in _files_below(path):
            if file.is_dir():
                collector.add(Source("zarr", path=str(file)), file.stat().st_mtime_ns)
                continue
            # A file that was named itself is read whatever it is called.
            kind = KINDS.get(file.suffix.lower()) or _sniffed(_head(file))
            if kind is None:
                collector.ignored.append(str(file))
            else:
                state = file.stat()
                collector.add(Source(kind, path=str(file)), (state.st_size, state.st_mtime_ns))


def _files_below(path: Path) -> Iterator[Path]:
    """Yield the files of a folder, and those folders that are Zarr groups."""
    if not path.is_dir():
        yield path
        return
    if any((path / name).is_file() for name in ZARR_FILES):
        yield path
        return
    for child in sorted(path.iterdir()):
        if not child.name.startswith(".") and (child.is_dir() or child.is_file()):
            yield from _files_below(child)


def _collect_objects(settings: Settings, place: Place, collector: _Collector) -> None:
    bucket = open_bucket(settings, place.bucket, read_s3_keys(settings, IDENTITY))
    try:
        objects = list(_objects(bucket, place.key))
        if not objects:
            raise InvalidInputError(f"There is no object at {place.address}.")
        groups = _zarr_groups([key for key, _, _ in objects])
        for key, size, state in objects:
            group = next((each for each in groups if not each or key.startswith(each + "/")), None)
            if group is not None:
                collector.add(Source("zarr", bucket=place.bucket, key=group), state)
                continue
            kind = KINDS.get(Path(key).suffix.lower())
            if kind is None and size:
                head = obstore.get_range(bucket, key, start=0, length=min(HEAD_BYTES, size))
                kind = _sniffed(bytes(head))
            if kind is None:
                collector.ignored.append(f"s3://{place.bucket}/{key}")
            else:
                collector.add(Source(kind, bucket=place.bucket, key=key), state)
    except FileNotFoundError as error:
        raise InvalidInputError(f"There is no object at {place.address}.") from error
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error


def _objects(bucket: S3Store, key: str) -> Iterator[tuple[str, int, str]]:
    for page in obstore.list(bucket, prefix=key or None, chunk_size=1000):
        for each in page:
            yield each["path"], each["size"], str(each["e_tag"])
    if key:
        try:
            about = obstore.head(bucket, key)
        except FileNotFoundError:
            return
        yield about["path"], about["size"], str(about["e_tag"])


def _zarr_groups(keys: Sequence[str]) -> list[str]:
    """Return the outermost folders that are Zarr groups."""
    folders = {key.rpartition("/")[0] for key in keys if key.rpartition("/")[2] in ZARR_FILES}
    outermost: list[str] = []
    for folder in sorted(folders):
        if not any(not each or folder.startswith(each + "/") for each in outermost):
            outermost.append(folder)
    return outermost


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES)


def _sniffed(head: bytes) -> str | None:
    if re.search(rb"GRIB...[\1\2]", head, re.DOTALL):
        return "grib"
    return "netcdf" if head.startswith((b"CDF", b"\x89HDF\r\n\x1a\n")) else None
