"""The client's side of an upload: the files of a folder, sent to where the catalogue says."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from geoscope.errors import InvalidInputError, UnavailableError

FILES_AT_ONCE = 4
FILES_PER_REQUEST = 500
CHUNK_BYTES = 1024**2
TRIES = 4
# The store answers when it has all of a file; only silence is a fault.
TIMEOUT = httpx.Timeout(30.0, read=300.0, write=300.0)


class LocalFile(NamedTuple):
    """A file that may be uploaded; `name` is its path below the published folder, with slashes."""

    name: str
    path: Path
    size: int


class Upload(NamedTuple):
    """What became of an upload: where the files are, how many were sent, how many were there already."""

    source: str
    sent: int
    present: int


def find_files(path: Path) -> list[LocalFile]:
    """Return the files of a folder in order, or a single file; hidden ones and links are left out.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    if path.is_file():
        found = [path]
        root = path.parent
    else:
        # A Zarr group is a folder that keeps its name.
        root = path.parent if path.suffix == ".zarr" else path
        found = sorted(_walk(path))
    files = [LocalFile(each.relative_to(root).as_posix(), each, each.stat().st_size) for each in found]
    if not files:
        raise InvalidInputError(f"There is no file in {path}.")
    return files


def upload_files(
    http: httpx.Client, collection: str, files: list[LocalFile], sent: Callable[[int], None]
) -> Upload:
    """Send the files that are not there yet; after an interruption it goes on where it was.

    Parameters
    ----------
    http : httpx.Client
        Speaks to the platform in somebody's name.
    collection : str
        Id of the collection that they are for.
    files : list of LocalFile
        The files.
    sent : callable
        Told of the bytes of each file, or part of one, that is there now.
    """
    source, count, present = "", 0, 0
    with (
        httpx.Client(timeout=TIMEOUT, trust_env=False) as store,
        ThreadPoolExecutor(FILES_AT_ONCE) as threads,
    ):
        for batch in batched(files, FILES_PER_REQUEST):
            digests = threads.map(_md5, batch)
            asked = [
                {"path": file.name, "size": file.size, "md5": digest}
                for file, digest in zip(batch, digests, strict=True)
            ]
            answer = checked(http.post(f"/stac/publishing/uploads/{collection}", json={"files": asked}))
            missing = {each["path"]: each["href"] for each in answer["uploads"]}
            sent(sum(file.size for file in batch if file.name not in missing))
            work = [(store, missing[file.name], file, sent) for file in batch if file.name in missing]
            list(threads.map(lambda task: _send(*task), work))
            source, count, present = answer["source"], count + len(work), present + answer["present"]
    return Upload(source, count, present)


def remove_others(http: httpx.Client, collection: str, files: list[LocalFile]) -> int:
    """Remove the uploaded files that are no longer in the folder; return how many."""
    names = {file.name for file in files}
    uploaded = checked(http.get(f"/stac/publishing/uploads/{collection}"))["files"]
    gone = [each["path"] for each in uploaded if each["path"] not in names]
    for path in gone:
        address = httpx.URL(f"/stac/publishing/uploads/{collection}").join(
            httpx.URL(path=f"/stac/publishing/uploads/{collection}/{path}")
        )
        checked(http.delete(address))
    return len(gone)


def checked(answer: httpx.Response) -> dict[str, Any]:
    """Return what the platform answers; what it refuses becomes an error in its own words."""
    if answer.is_success:
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
    try:
        document = answer.json()
        said = str(document.get("description") or document.get("detail") or document.get("title") or document)
    except ValueError:
        said = f"The platform answered {answer.status_code}."
    raise (UnavailableError if answer.status_code >= 500 else InvalidInputError)(said)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        # Within a Zarr group names such as .zarray begin with a dot.
        in_zarr = any(part.endswith(".zarr") for part in Path(place).parts)
        folders[:] = [name for name in folders if in_zarr or not name.startswith(".")]
        for name in names:
            path = Path(place) / name
            if (in_zarr or not name.startswith(".")) and path.is_file() and not path.is_symlink():
                yield path


def _md5(file: LocalFile) -> str:
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _send(store: httpx.Client, address: str, file: LocalFile, sent: Callable[[int], None]) -> None:
    headers = {"Content-Length": str(file.size)}
    for attempt in range(TRIES):
        told = 0

        def chunks() -> Iterator[bytes]:
            nonlocal told
            with file.path.open("rb") as stream:
                while part := stream.read(CHUNK_BYTES):
                    yield part
                    told += len(part)
                    sent(len(part))

        try:
            answer = store.put(address, content=chunks(), headers=headers)
        except httpx.TransportError as error:
            problem = type(error).__name__
        else:
            if answer.is_success:
                return
            problem = f"status {answer.status_code}"
            if answer.status_code < 500:
                break
        sent(-told)
        time.sleep(2.0**attempt)
    raise UnavailableError(
        f"The file {file.name} could not be sent: {problem}.", "Run the command again: it goes on."
    )
