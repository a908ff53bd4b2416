"""The STAC documents of a published collection."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from geoscope.catalogue.placeholders import BASE
from geoscope.catalogue.publishing.descriptions import EXTENSIONS, Description
from geoscope.catalogue.publishing.extents import extent_of
from geoscope.catalogue.publishing.names import Times
from geoscope.catalogue.publishing.pictures import MEDIA_TYPE as PICTURE_TYPE
from geoscope.catalogue.publishing.sources import SourceFile, as_id
from geoscope.catalogue.publishing.stac_files import StacFiles
from geoscope.catalogue.publishing.wish import Wish
from geoscope.errors import InvalidInputError
from geoscope.objects import Place

type Document = dict[str, Any]

# Raised when files are described in another way, so that items are made anew.
READING = "1"
SOURCE_DIGEST = "geoscope:source_digest"
PUBLISHED_FROM = "geoscope:published_from"

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".zip": "application/zip",
}


def source_digest(files: Iterable[SourceFile]) -> str:
    """Return what changes when one of an item's files does, or the way they are described."""
    digest = hashlib.sha256(READING.encode())
    for file in files:
        digest.update(f"{file.path}\0{file.size}\0{file.digest}\n".encode())
    return digest.hexdigest()


def data_href(collection: str, item: str, asset: str) -> str:
    """Return the address of an asset's file, guarded like its collection."""
    return f"{BASE}/stac/data/{collection}/{item}/{asset}"


def file_asset(collection: str, item: str, name: str, place: Place, **members: object) -> Document:
    """Return an asset whose file is in the object store."""
    return {
        **members,
        "href": data_href(collection, item, name),
        "alternate": {"s3": {"href": place.address, "title": "In the object store, for those who hold keys"}},
    }


def described_item(
    wish: Wish,
    id_: str,
    files: list[SourceFile],
    folder: Place,
    description: Description,
    named: Times | None,
) -> Document:
    """Return the item of a file that was described, or of a folder of which one file was.

    Raises
    ------
    InvalidInputError
        If nothing tells its time.
    """
    start, end = _times(wish, description, named)
    main = files[0]
    properties = {
        "title": main.name,
        **description.properties,
        "datetime": start if start == end else None,
        **({} if start == end else {"start_datetime": start, "end_datetime": end}),
    }
    assets = {
        "data": file_asset(
            wish.collection,
            id_,
            "data",
            folder.below(main.path),
            title=main.name,
            type=description.media_type,
            roles=["data"],
            **{"file:size": main.size},
            **({"xarray:open_kwargs": {"engine": "zarr"}} if main.kind == "zarr" else {}),
            **description.asset,
        )
    }
    for file in files[1:]:
        key = _asset_key(file, assets)
        assets[key] = file_asset(
            wish.collection, id_, key, folder.below(file.path), **other_file(file), roles=["data"]
        )
    extensions = [
        "alternate-assets",
        *description.extensions,
        *(["xarray-assets"] if main.kind == "zarr" else []),
    ]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [EXTENSIONS[name] for name in extensions],
        "id": id_,
        "collection": wish.collection,
        "geometry": description.geometry,
        "bbox": description.bbox,
        "properties": properties,
        "assets": assets,
        "links": [],
    }


def other_file(file: SourceFile) -> Document:
    """Return the members of an asset of which only the name is known."""
    suffix = f".{file.name.rpartition('.')[2].lower()}"
    return {
        "title": file.name,
        "type": MEDIA_TYPES.get(suffix, "application/octet-stream"),
        "file:size": file.size,
    }


def thumbnail_asset(collection: str, item: str, place: Place) -> Document:
    """Return the asset of a picture that was made here."""
    members = {"title": "Picture", "type": PICTURE_TYPE, "roles": ["thumbnail"]}
    return file_asset(collection, item, "thumbnail", place, **members)


def collection_document(
    wish: Wish, stac: StacFiles, existing: Document | None, source: Place, items: list[Document]
) -> Document:
    """Return the collection over its items.

    What was asked for comes first, then what `collection.json` says, then what is there.

    Raises
    ------
    InvalidInputError
        If there is no item.
    """
    extent = extent_of(items)
    if extent is None:
        raise InvalidInputError("There is nothing to publish: no file could be used.")
    given = {
        "title": wish.title,
        "description": wish.description,
        "license": wish.licence,
        "keywords": list(wish.keywords) if wish.keywords is not None else None,
    }
    before = {
        name: value
        for name, value in (existing or {}).items()
        if name not in ("links", "created", "updated", "assets", "extent", "summaries")
    }
    from_file = {
        name: value
        for name, value in stac.collection.items()
        if name not in ("links", "assets", "extent", "id", "type", "stac_version", "created", "updated")
    }
    defaults = {"title": wish.collection, "description": wish.title or wish.collection, "license": "other"}
    document = {
        **defaults,
        **before,
        **from_file,
        **{name: value for name, value in given.items() if value is not None},
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": wish.collection,
        "extent": extent,
        PUBLISHED_FROM: source.address,
        "links": kept_links(stac.collection.get("links")),
    }
    pictured = next((item for item in items if "thumbnail" in item["assets"]), None)
    if pictured is not None:
        shown = {"title": "Picture", "type": pictured["assets"]["thumbnail"].get("type", PICTURE_TYPE)}
        href = data_href(wish.collection, pictured["id"], "thumbnail")
        document["assets"] = {"thumbnail": {"href": href, "roles": ["thumbnail"], **shown}}
    return document


def kept_links(links: object) -> list[Document]:
    """Return those links of a STAC file that lead to the web; the others lead into its folder."""
    if not isinstance(links, list):
        return []
    return [
        dict(link)
        for link in links
        if isinstance(link, dict)
        and isinstance(link.get("rel"), str)
        and link["rel"] not in ("self", "root", "parent", "collection", "item", "child", "items")
        and str(link.get("href", "")).startswith(("https://", "http://"))
    ]


def _times(wish: Wish, description: Description, named: Times | None) -> Times:
    if description.start and description.end:
        return Times(description.start, description.end)
    if named is not None:
        return named
    moment = wish.datetime or description.written
    if moment is None:
        raise InvalidInputError(
            "Nothing says its time.",
            "Name it in the file's name, as ice_20240301.tif, or for all such files by the input 'datetime'.",
        )
    return Times(moment, moment)


def _asset_key(file: SourceFile, taken: Mapping[str, object]) -> str:
    key = as_id(file.name)
    number = 2
    while key in taken:
        key, number = as_id(f"{file.name}-{number}"), number + 1
    return key
