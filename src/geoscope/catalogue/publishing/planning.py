"""What is to be done: the items that a folder holds, which of them are new, and which are gone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from obstore.store import S3Store

from geoscope.catalogue.publishing.documents import SOURCE_DIGEST, source_digest
from geoscope.catalogue.publishing.sources import SourceFile, as_id, item_ids, list_files
from geoscope.catalogue.publishing.stac_files import (
    StacFiles,
    folders_of_items,
    read_stac_files,
    referenced_file,
)
from geoscope.catalogue.publishing.wish import Wish
from geoscope.errors import InvalidInputError, TooLargeError
from geoscope.registration import CatalogueClient

type Json = dict[str, Any]


@dataclass(frozen=True)
class PlannedItem:
    """An item that is to be made.

    Parameters
    ----------
    id : str
        Its id.
    path : str
        The file or folder that it is made from, for messages.
    digest : str
        Of its files.
    files : tuple of SourceFile
        The one that is described comes first.
    document : dict or None
        The STAC item of its own file, if it has one.
    assets : dict of str to str
        With `document`: the paths of its assets' files.
    """

    id: str
    path: str
    digest: str
    files: tuple[SourceFile, ...]
    document: Json | None
    assets: dict[str, str]

    def to_json(self) -> Json:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read what `to_json` made."""
        return cls(**{**document, "files": tuple(SourceFile(**file) for file in document["files"])})


@dataclass(frozen=True)
class Plan:
    """All that is to be done, and what was found out on the way."""

    items: list[PlannedItem]
    unchanged: list[str]
    vanished: list[str]
    ignored: list[str]
    problems: list[tuple[str, str]]
    stac: StacFiles
    existing: Json | None

    def to_json(self) -> Json:
        """Return it as JSON."""
        return {**asdict(self), "items": [item.to_json() for item in self.items]}

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read what `to_json` made."""
        return cls(
            **{
                **document,
                "items": [PlannedItem.from_json(item) for item in document["items"]],
                "stac": StacFiles(**document["stac"]),
            }
        )


def make_plan(store: S3Store, catalogue: CatalogueClient, wish: Wish, max_items: int) -> Plan:
    """Look at the folder and at the catalogue.

    Raises
    ------
    InvalidInputError
        If the folder holds nothing that can be published.
    TooLargeError
        If it holds more items than are allowed.
    """
    files = {file.path: file for file in list_files(store)}
    stac = read_stac_files(store, files)
    planned, problems = _items_of_stac(stac, files)
    taken = {path for item in planned for path in [item.path, *(file.path for file in item.files)]}
    planned += _items_of_folders(stac, files, taken)
    taken |= {file.path for item in planned for file in item.files}
    planned += _items_of_files(files, taken)
    if not planned and not problems:
        raise InvalidInputError(
            "The folder holds no file that can be published.",
            "Expected GeoTIFF, NetCDF, Zarr, GRIB or STAC files.",
        )
    if len(planned) > max_items:
        raise TooLargeError(
            f"The folder holds {len(planned)} items.", f"A collection holds at most {max_items}."
        )
    unique = _without_doubles(planned, problems)
    existing = catalogue.collection(wish.collection)
    known = {item["id"]: item["properties"].get(SOURCE_DIGEST) for item in catalogue.items(wish.collection)}
    taken |= {file.path for item in planned for file in item.files}
    metadata = {path for path in files if path.endswith(".json")}
    return Plan(
        items=[item for item in unique if known.get(item.id) != item.digest],
        unchanged=[item.id for item in unique if known.get(item.id) == item.digest],
        vanished=sorted(known.keys() - {item.id for item in unique}),
        ignored=sorted(files.keys() - taken - metadata),
        problems=problems,
        stac=StacFiles(stac.root, stac.collection, stac.config),
        existing=existing,
    )


def _items_of_stac(
    stac: StacFiles, files: Mapping[str, SourceFile]
) -> tuple[list[PlannedItem], list[tuple[str, str]]]:
    planned: list[PlannedItem] = []
    problems = list(stac.problems)
    for path, document in stac.items.items():
        try:
            assets = _assets_of(document, path, stac, files)
        except InvalidInputError as error:
            problems.append((path, str(error)))
            continue
        own = [files[each] for each in dict.fromkeys(assets.values())]
        own.sort(key=lambda file: file.kind is None)
        digest = source_digest([files[path], *own])
        planned.append(PlannedItem(str(document.get("id", "")), path, digest, tuple(own), document, assets))
    return planned, problems


def _assets_of(document: Json, path: str, stac: StacFiles, files: Mapping[str, SourceFile]) -> dict[str, str]:
    assets = document.get("assets")
    if not isinstance(assets, dict) or not isinstance(document.get("id"), str):
        raise InvalidInputError("It is no STAC item.", "Expected the members 'id' and 'assets'.")
    found = {}
    for key, asset in assets.items():
        href = asset.get("href") if isinstance(asset, dict) else None
        if not isinstance(href, str):
            raise InvalidInputError(f"assets.{key}: it has no href.")
        try:
            file = referenced_file(href, path, stac.root, files)
        except InvalidInputError as error:
            raise InvalidInputError(f"assets.{key}: {error.problem}", error.remedy) from error
        if file is not None:
            found[key] = file.path
    return found


def _items_of_folders(stac: StacFiles, files: Mapping[str, SourceFile], taken: set[str]) -> list[PlannedItem]:
    planned = []
    for folder, members in folders_of_items(stac, files).items():
        own = sorted((file for file in members if file.path not in taken), key=lambda file: file.kind is None)
        if own and own[0].kind is not None:
            id_ = as_id(folder.rpartition("/")[2])
            planned.append(PlannedItem(id_, folder, source_digest(own), tuple(own), None, {}))
    return planned


def _items_of_files(files: Mapping[str, SourceFile], taken: set[str]) -> list[PlannedItem]:
    left = [path for path, file in files.items() if file.kind is not None and path not in taken]
    ids = item_ids(left)
    return [
        PlannedItem(ids[path], path, source_digest([files[path]]), (files[path],), None, {}) for path in left
    ]


def _without_doubles(planned: list[PlannedItem], problems: list[tuple[str, str]]) -> list[PlannedItem]:
    """Return one item of each id; the others are named among the problems."""
    kept: dict[str, PlannedItem] = {}
    for item in planned:
        if item.id in kept:
            problems.append((item.path, f"The id {item.id!r} is that of {kept[item.id].path} already."))
        else:
            kept[item.id] = item
    return list(kept.values())
