"""The one folder that holds everything an installation keeps: checked before anything is written."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from geoscope import __version__
from geoscope.errors import SetupError
from geoscope.runtime.state import read_state

MARKER = "geoscope.json"
LAYOUT_VERSION = 1
MIB = 1024**2
NEEDED_FREE_BYTES = 500 * MIB

# The longest address of a Unix socket on Linux is 107 bytes (unix(7)); room for a file name is left.
MAX_SOCKET_FOLDER_LENGTH = 80

FOLDERS = ("catalogue", "jobs", "logs", "objects", "portal", "run", "services")


def prepare_data_folder(folder: Path) -> bool:
    """Make the data folder ready for use, or say why it cannot be used.

    Parameters
    ----------
    folder : Path
        A folder of this platform, an empty one, or one that does not exist yet.

    Returns
    -------
    bool
        True when the folder is new: nothing was ever kept in it.

    Raises
    ------
    SetupError
        If it belongs to something else or to a newer version, cannot be written, or the disk is full.
    """
    existing = folder if folder.exists() else _nearest_existing(folder)
    if not existing.is_dir():
        raise SetupError(f"{existing} is a file, not a folder.", "Choose another place with --data-dir.")
    is_new = not (folder / MARKER).exists()
    if is_new and folder.exists() and any(folder.iterdir()):
        raise SetupError(
            f"The folder {folder} holds other files and no {MARKER}: it belongs to something else.",
            "Choose an empty folder with --data-dir.",
        )
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < NEEDED_FREE_BYTES:
        raise SetupError(
            f"The disk of {folder} has {free_bytes // MIB} MiB left; {NEEDED_FREE_BYTES // MIB} are needed.",
            "Make room there, or choose another place with --data-dir.",
        )
    try:
        _check_writable(existing)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if is_new:
            _write_marker(folder)
        else:
            _check_version(folder)
        for name in FOLDERS:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The folder {folder} cannot be written: {error.strerror}.", _remedy_for(error)
        ) from error
    return is_new


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the lock goes with the process, however it ends.

    Raises
    ------
    SetupError
        If another platform runs on this folder, saying where.
    """
    with (folder / "run" / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            running = read_state(folder)
            where = f" at {running.address} (process {running.pid})" if running else ""
            raise SetupError(
                f"Geoscope is running already on {folder}{where}.",
                "`geoscope stop` ends it; --data-dir and --port start a second one elsewhere.",
            ) from error
        yield


def is_locked(folder: Path) -> bool:
    """Tell whether a platform runs on this folder now."""
    path = folder / "run" / "lock"
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def socket_folder(folder: Path) -> Path:
    """Return a private folder for Unix sockets, with a name short enough for their addresses."""
    inside = folder / "run"
    if len(os.fsencode(inside)) <= MAX_SOCKET_FOLDER_LENGTH:
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()) / f"geoscope-{os.getuid()}-{digest}"
    outside.mkdir(mode=0o700, exist_ok=True)
    owner = outside.stat()
    if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
        raise SetupError(f"The folder {outside} belongs to somebody else.", "Remove it, or set TMPDIR.")
    return outside


def _nearest_existing(folder: Path) -> Path:
    return next(parent for parent in folder.parents if parent.exists())


def _check_writable(folder: Path) -> None:
    """Write a few bytes for real: permission bits do not tell of read-only or full disks."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"\0" * 65536)
        probe.flush()
        os.fsync(probe.fileno())


def _write_marker(folder: Path) -> None:
    content = {"layout": LAYOUT_VERSION, "version": __version__, "created": datetime.now(UTC).isoformat()}
    partial = folder / f".{MARKER}.partial"
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(folder / MARKER)


def _check_version(folder: Path) -> None:
    try:
        layout = json.loads((folder / MARKER).read_text())["layout"]
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"The file {folder / MARKER} is damaged.", "Restore it from a backup.") from error
    if layout > LAYOUT_VERSION:
        raise SetupError(
            f"The folder {folder} was written by a newer Geoscope (layout {layout}, not {LAYOUT_VERSION}).",
            "Install the newer version, or choose another folder with --data-dir.",
        )


def _remedy_for(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "The disk is full: make room there, or choose another place with --data-dir."
    if error.errno == errno.EROFS:
        return "The disk is read-only: choose another place with --data-dir."
    return "Choose a folder that you may write to with --data-dir."
