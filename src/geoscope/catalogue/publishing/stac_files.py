"""STAC files beside the data: `collection.json` and items, as STAC tools and Destination Earth place them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import orjson
from obstore.store import S3Store

from geoscope.catalogue.publishing.sources import SourceFile
from geoscope.catalogue.records import MAX_DOCUMENT_BYTES
from geoscope.errors import InvalidInputError

type Document = dict[str, Any]

_ABSOLUTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
FOLDERS_OF_LEVEL = {"YYYY": 1, "MM": 2, "DD": 3, "NONE": 0}


@dataclass(frozen=True)
class StacFiles:
    """What STAC files say of a folder.

    Parameters
    ----------
    root : str
        The folder that asset paths may be relative to; empty for the published folder itself.
    collection : dict
        `collection.json`, or empty.
    config : dict
        `collection_config.json`, or empty.
    items : dict of str to dict
        Items by the paths of their files.
    problems : list of tuple
        Path and reason of each file that cannot be used.
    """

    root: str = ""
    collection: Document = field(default_factory=dict)
    config: Document = field(default_factory=dict)
    items: dict[str, Document] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def read_stac_files(store: S3Store, files: Mapping[str, SourceFile]) -> StacFiles:
    """Read the STAC files of a folder, if there are any."""
    candidates = [path for path in files if PurePosixPath(path).name == "collection.json"]
    if not candidates:
        return StacFiles()
    place = min(candidates, key=lambda path: (path.count("/"), path))
    folder = place.removesuffix("collection.json").rstrip("/")
    root = folder.removesuffix("metadata").rstrip("/") if PurePosixPath(folder).name == "metadata" else folder
    problems: list[tuple[str, str]] = []
    documents: dict[str, Document] = {}
    for path, file in files.items():
        if PurePosixPath(path).suffix.lower() in (".json", ".geojson") and _is_below(path, root):
            try:
                documents[path] = _read(store, file)
            except InvalidInputError as error:
                problems.append((path, str(error)))
    config_path = f"{folder}/collection_config.json".lstrip("/")
    return StacFiles(
        root=root,
        collection=documents.get(place, {}),
        config=documents.get(config_path, {}),
        items={path: each for path, each in documents.items() if each.get("type") == "Feature"},
        problems=problems,
    )


def referenced_file(
    href: str, item_path: str, root: str, files: Mapping[str, SourceFile]
) -> SourceFile | None:
    """Return the file that an asset names, relative to the item or to the collection's folder.

    None for an address elsewhere on the web, which stays as it is.

    Raises
    ------
    InvalidInputError
        If there is no such file, or the address leads where nobody may read.
    """
    if _ABSOLUTE.match(href) or href.startswith("//"):
        if href.startswith(("https://", "http://")):
            return None
        raise InvalidInputError(
            f"the address {href[:200]!r} cannot be used.", "Expected a relative path or https."
        )
    for base in (str(PurePosixPath(item_path).parent), root):
        path = _joined(base, href)
        if path in files:
            return files[path]
    raise InvalidInputError(f"there is no file {href[:200]!r}.")


def folders_of_items(stac: StacFiles, files: Mapping[str, SourceFile]) -> dict[str, list[SourceFile]]:
    """Return the files of each item folder `data/YYYY/MM/DD/ITEM/...`, if the configuration asks for such.

    The depth is `item_folder_level` of `collection_config.json`: YYYY, MM, DD or NONE.
    """
    level = stac.config.get("item_folder_level")
    if level not in FOLDERS_OF_LEVEL:
        return {}
    data = _joined(stac.root, "data")
    ignored = stac.config.get("item_asset_ignore_list") or []
    folders: dict[str, list[SourceFile]] = {}
    for path, file in files.items():
        parts = path.removeprefix(f"{data}/").split("/")
        depth = FOLDERS_OF_LEVEL[level]
        if path.startswith(f"{data}/") and len(parts) > depth + 1 and file.name not in ignored:
            folders.setdefault(f"{data}/{'/'.join(parts[: depth + 1])}", []).append(file)
    return folders


def _read(store: S3Store, file: SourceFile) -> Document:
    if file.size > MAX_DOCUMENT_BYTES:
        raise InvalidInputError(f"It has more than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        document = orjson.loads(bytes(store.get(file.path).bytes()))
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"It is not JSON: {error}.") from error
    return document if isinstance(document, dict) else {}


def _joined(base: str, path: str) -> str:
    """Join and tidy paths; what would lead out of the folder leads nowhere."""
    parts: list[str] = []
    for part in f"{base}/{path}".split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
