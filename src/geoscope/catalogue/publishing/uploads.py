"""Uploading: clients send files straight to the object store, to addresses that are signed here."""

from datetime import timedelta
from typing import Annotated, Any

import obstore
from obstore.store import S3Store
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from geoscope.catalogue.publishing.object_errors import told_object_store_errors
from geoscope.catalogue.publishing.places import THUMBNAILS
from geoscope.catalogue.publishing.sources import KINDS
from geoscope.errors import InvalidInputError, NotFoundError, TooLargeError
from geoscope.objects import REGION, Place, open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

READER, WRITER = "data-apis", "uploads"
SIGNATURE_LIFETIME = timedelta(hours=6)
MOST_LISTED = 1000
MOST_FILES_AT_ONCE = 1000


class FileToUpload(BaseModel):
    """A file that a client has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, StringConstraints(min_length=1, max_length=800, pattern=r"^[^\x00-\x1f\\]+$")] = (
        Field(description="Below the folder of the collection, with slashes.")
    )
    size: Annotated[int, Field(ge=0)] = Field(description="In bytes.")
    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = Field(
        description="MD5 of its content, by which a file that is there already is known."
    )


class UploadRequest(BaseModel):
    """The files that a client has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: Annotated[tuple[FileToUpload, ...], Field(min_length=1, max_length=MOST_FILES_AT_ONCE)]


def sign_uploads(settings: Settings, folder: Place, s3_url: str, asked: UploadRequest) -> dict[str, Any]:
    """Return an address for each file that is not there yet, to be sent with PUT.

    Parameters
    ----------
    settings : Settings
        Says how much may be uploaded.
    folder : Place
        Where the files go.
    s3_url : str
        The S3 endpoint as the client sees it.
    asked : UploadRequest
        The files.

    Raises
    ------
    InvalidInputError
        If a path leads out of the folder.
    TooLargeError
        If there would be too many bytes.
    """
    present = _present(settings, folder)
    for file in asked.files:
        if any(part in ("", ".", "..") for part in file.path.split("/")):
            raise InvalidInputError(f"files: the path {file.path!r} cannot be used.", "Expected FOLDER/FILE.")
    missing = [file for file in asked.files if present.get(file.path) != (file.size, file.md5)]
    after = {path: size for path, (size, _) in present.items()} | {file.path: file.size for file in missing}
    most = settings.catalogue.publishing.max_bytes
    if sum(after.values()) > most:
        raise TooLargeError(
            f"With these files the collection would have {sum(after.values())} bytes.",
            f"At most {most} are kept.",
        )
    keys = read_s3_keys(settings, WRITER)
    store = S3Store(
        folder.bucket,
        endpoint=s3_url,
        region=REGION,
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    paths = [folder.below(file.path).key for file in missing]
    addresses = obstore.sign(store, "PUT", paths, SIGNATURE_LIFETIME) if paths else []
    return {
        "source": folder.address,
        "present": len(asked.files) - len(missing),
        "uploads": [
            {"path": file.path, "method": "PUT", "href": address}
            for file, address in zip(missing, addresses, strict=True)
        ],
    }


def list_uploads(settings: Settings, folder: Place) -> list[dict[str, Any]]:
    """Return path and size of every uploaded file."""
    return [{"path": path, "size": size} for path, (size, _) in sorted(_present(settings, folder).items())]


def remove_upload(settings: Settings, folder: Place, path: str) -> None:
    """Remove an uploaded file.

    Raises
    ------
    NotFoundError
        If it is not there.
    """
    if path not in _present(settings, folder):
        raise NotFoundError(f"There is no uploaded file {path[:200]!r}.")
    open_bucket(settings, folder.bucket, read_s3_keys(settings, WRITER)).delete(folder.below(path).key)


def list_folder(settings: Settings, place: Place) -> dict[str, Any]:
    """Return the folders and files right below a place, for a person to choose from."""
    bucket = open_bucket(settings, place.bucket, read_s3_keys(settings, READER))
    with told_object_store_errors():
        found = bucket.list_with_delimiter(f"{place.key}/" if place.key else None)
    names = [each["path"] for each in found["objects"]]
    return {
        "address": place.address,
        "folders": [
            {
                "name": prefix.rstrip("/").rpartition("/")[2],
                "address": Place(place.bucket, prefix.strip("/")).address,
            }
            for prefix in found["common_prefixes"][:MOST_LISTED]
        ],
        "files": [
            {
                "name": each["path"].rpartition("/")[2],
                "size": each["size"],
                "kind": KINDS.get(f".{each['path'].rpartition('.')[2].lower()}"),
            }
            for each in found["objects"][:MOST_LISTED]
        ],
        "is_complete": max(len(names), len(found["common_prefixes"])) <= MOST_LISTED,
    }


def _present(settings: Settings, folder: Place) -> dict[str, tuple[int, str]]:
    """Return size and MD5 of the uploaded files by path."""
    bucket = open_bucket(settings, folder.bucket, read_s3_keys(settings, READER), prefix=folder.key)
    with told_object_store_errors():
        found = [each for page in bucket.list() for each in page]
    return {
        each["path"]: (each["size"], (each["e_tag"] or "").strip('"'))
        for each in found
        if not each["path"].startswith(f"{THUMBNAILS}/")
    }
