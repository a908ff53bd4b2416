"""GeoJSON: one file that is a FeatureCollection (STAC ItemCollection) or an item, read feature by feature."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ijson

from geoscope.catalogue.loading.chunks import CHUNK_DOCUMENTS, Chunk, Give, Objects, Position
from geoscope.catalogue.loading.compression import open_bytes
from geoscope.catalogue.loading.threads import give_from_thread
from geoscope.errors import InvalidInputError


class FeatureSource:
    """A file of any size, compressed or not.

    Parameters
    ----------
    name, revision : str
        As of `Source`.
    where : str
        Where the features are in it, as ijson says it: `features.item`, or nothing for the whole.
    """

    def __init__(self, path: Path, name: str, revision: str, where: str) -> None:
        self._path = path
        self._where = where
        self.name = name
        self.revision = revision

    async def read(self, after: Position | None, give: Give) -> None:
        """Give the features after a position."""
        await give_from_thread(self._chunks(after["features"] if after else 0), give)

    def _chunks(self, done: int) -> Iterator[Chunk]:
        size = self._path.stat().st_size
        with open_bytes(self._path) as (content, raw):
            features: Iterator[Any] = ijson.items(content, self._where, use_float=True)
            try:
                for _ in islice(features, done):
                    pass
                while some := tuple(islice(features, CHUNK_DOCUMENTS)):
                    places = tuple(f"feature {number}" for number in range(done + 1, done + 1 + len(some)))
                    done += len(some)
                    yield Chunk(Objects(places, some), {"features": done}, min(1.0, raw.tell() / size))
            except ijson.JSONError as error:
                raise InvalidInputError(
                    f"{self._path} cannot be read after feature {done}: it is not JSON ({error})."
                ) from error
