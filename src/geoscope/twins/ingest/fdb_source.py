"""An FDB as a source: its fields are copied into a file on the platform's disk, and read as any other."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from geoscope.errors import InvalidInputError, TooLargeError
from geoscope.settings import Settings
from geoscope.twins.fdb.archive import FdbArchive
from geoscope.twins.fdb.requests import read_place

# Of the disk, this much is left free.
SPARED_BYTES = 1024**3


def copy_of_fields(settings: Settings, place: str) -> Path:
    """Copy the fields that fit a request, unless that was done before an interruption.

    Parameters
    ----------
    settings : Settings
        Names the data folder.
    place : str
        `fdb:CONFIGURATION?key=value,key=value`.

    Returns
    -------
    Path
        A GRIB file; its name changes with what the FDB holds.

    Raises
    ------
    InvalidInputError
        If nothing fits, or FDB does not understand the request.
    TooLargeError
        If the disk has no room for them.
    """
    configuration, request = read_place(place)
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    with FdbArchive(configuration) as fdb:
        listed = sorted((sorted(field.keys.items()), field.size_bytes) for field in fdb.list(request))
        if not listed:
            raise InvalidInputError(f"The FDB holds no field that fits {place!r}.")
        _require_room(folder, sum(size for _, size in listed))
        name = hashlib.sha256(repr((str(configuration), listed)).encode()).hexdigest()[:32]
        file, unfinished = folder / f"{name}.grib", folder / f"{name}.part"
        if not file.exists():
            fdb.retrieve(request, unfinished)
            unfinished.replace(file)
    return file


def forget_copies(settings: Settings, paths: Iterable[str]) -> None:
    """Remove those of the files that were copied out of an FDB."""
    for path in map(Path, paths):
        if path.parent == _folder(settings):
            path.unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "twins" / "from-fdb"


def _require_room(folder: Path, size_bytes: int) -> None:
    free = shutil.disk_usage(folder).free - SPARED_BYTES
    if size_bytes > free:
        raise TooLargeError(
            f"The fields are {size_bytes / 1e9:.1f} GB; the disk has {max(free, 0) / 1e9:.1f} GB to spare.",
            "Ask for them in parts, by date.",
        )
