"""Making the item of one file or folder: read, described, drawn, checked."""

from dataclasses import dataclass
from typing import Any

from obstore.store import S3Store

from geoscope.catalogue.publishing.documents import (
    SOURCE_DIGEST,
    described_item,
    file_asset,
    kept_links,
    other_file,
    thumbnail_asset,
)
from geoscope.catalogue.publishing.names import times_of_name
from geoscope.catalogue.publishing.pictures import MEDIA_TYPE
from geoscope.catalogue.publishing.places import THUMBNAILS
from geoscope.catalogue.publishing.planning import PlannedItem
from geoscope.catalogue.publishing.reading import FileReaders
from geoscope.catalogue.publishing.sources import SourceFile
from geoscope.catalogue.publishing.wish import Wish
from geoscope.catalogue.records import item_record
from geoscope.errors import InvalidInputError, TooLargeError
from geoscope.objects import Place

type Document = dict[str, Any]


@dataclass(frozen=True)
class ItemMaker:
    """Makes the items of a folder.

    Parameters
    ----------
    wish : Wish
        What was asked for.
    folder : Place
        Where the files are.
    readers : FileReaders
        Read them.
    max_grib_bytes : int
        The largest GRIB file that is read.
    pictures : tuple of S3Store and Place
        The bucket and the folder in it that thumbnails are written to; None: none are made.
    """

    wish: Wish
    folder: Place
    readers: FileReaders
    max_grib_bytes: int
    pictures: tuple[S3Store, Place] | None

    def make(self, planned: PlannedItem) -> Document:
        """Make an item, checked as the catalogue will check it.

        Raises
        ------
        InvalidInputError, TooLargeError
            Why its files cannot be used, in words for their owner.
        """
        if planned.document is None:
            item = self._described(planned)
        else:
            item = self._completed(planned, planned.document)
        if not any("thumbnail" in (asset.get("roles") or []) for asset in item["assets"].values()):
            self._add_thumbnail(item, planned)
        item["properties"][SOURCE_DIGEST] = planned.digest
        item_record(item, self.wish.collection)
        return item

    def _described(self, planned: PlannedItem) -> Document:
        main = planned.files[0]
        self._check_size(main)
        named = times_of_name(planned.path)
        description = self.readers.describe(
            main.kind or "",
            self.folder.bucket,
            self.folder.below(main.path).key,
            named.start if named else None,
        )
        return described_item(self.wish, planned.id, list(planned.files), self.folder, description, named)

    def _completed(self, planned: PlannedItem, document: Document) -> Document:
        """Return the item of a STAC file, whose assets lead to their files by the platform."""
        files = {file.path: file for file in planned.files}
        assets: Document = {}
        for key, asset in document["assets"].items():
            path = planned.assets.get(key)
            if path is None:
                assets[key] = asset
                continue
            said = {name: value for name, value in asset.items() if name not in ("href", "alternate")}
            members = other_file(files[path]) | said
            assets[key] = file_asset(
                self.wish.collection, planned.id, key, self.folder.below(path), **members
            )
        properties = document.get("properties")
        if not isinstance(properties, dict):
            raise InvalidInputError("properties: expected an object.")
        return {
            **document,
            "collection": self.wish.collection,
            "properties": dict(properties),
            "assets": assets,
            "links": kept_links(document.get("links")),
        }

    def _add_thumbnail(self, item: Document, planned: PlannedItem) -> None:
        """Draw the first file that can be drawn; an item without a picture is an item all the same."""
        drawable = [file for file in planned.files if file.kind is not None]
        if self.pictures is None or not drawable:
            return
        bucket, place = self.pictures
        try:
            self._check_size(drawable[0])
            key = self.folder.below(drawable[0].path).key
            picture = self.readers.draw(drawable[0].kind or "", self.folder.bucket, key)
        except (InvalidInputError, TooLargeError):
            return
        if picture is not None:
            target = place.below(f"{THUMBNAILS}/{planned.id}.webp")
            bucket.put(target.key, picture, attributes={"Content-Type": MEDIA_TYPE})
            item["assets"]["thumbnail"] = thumbnail_asset(self.wish.collection, planned.id, target)

    def _check_size(self, file: SourceFile) -> None:
        if file.kind == "grib" and file.size > self.max_grib_bytes:
            raise TooLargeError(
                f"It has {file.size} bytes.", f"GRIB files of up to {self.max_grib_bytes} are read; split it."
            )
