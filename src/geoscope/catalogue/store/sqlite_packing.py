"""Items as the rows that the embedded store keeps, made where they are stored or in other processes."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson

from geoscope.catalogue.areas import Box, Footprint
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.models import ItemRecord
from geoscope.catalogue.store import PackedItem, SentItem
from geoscope.catalogue.store.sqlite_conditions import MICROSECONDS_OF_DAY
from geoscope.catalogue.store.sqlite_directory import IndexedProperty
from geoscope.catalogue.store.sqlite_documents import DocumentWriter, read_dictionary
from geoscope.catalogue.store.sqlite_properties import ValueReader
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.store.sqlite_values import Stored

# Each dictionary has 64 KiB, and goes with every chunk that is packed.
MAX_PACKED_COLLECTIONS = 8

# Beyond every longitude and latitude: an item without geometry is found by time, and never by place.
_NOWHERE = 1000.0


class ItemRows(NamedTuple):
    """An item's rows, without the keys of the item and of its collection.

    Parameters
    ----------
    revision : int
        Of the directory that they were made for; of use with no other.
    place_and_time : tuple
        Start and end, box, shape: as the columns of `items`.
    values : sequence
        Of each indexed property.
    document : tuple of (int or None, bytes)
        Its dictionary and content.
    text : str
        What free text is looked for in.
    """

    revision: int
    place_and_time: tuple[Any, ...]
    values: Sequence[Stored]
    document: tuple[int | None, bytes]
    text: str

    @property
    def length_us(self) -> int:
        """How long the item's time is."""
        start_us, end_us = self.place_and_time[:2]
        return int(end_us - start_us)

    @property
    def extent(self) -> tuple[float, ...]:
        """The row of `item_space`."""
        start_us, end_us, west, south, east, north, _ = self.place_and_time
        days = (start_us / MICROSECONDS_OF_DAY, end_us / MICROSECONDS_OF_DAY)
        if west is None:
            return (_NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE, *days)
        if west > east:
            return (-180.0, 180.0, south, north, *days)
        return (west, east, south, north, *days)

    def record(self, collection: str, id_: str, document: bytes) -> ItemRecord:
        """Return the record that they were made of."""
        start_us, end_us, west, *_, shape = self.place_and_time
        footprint = None if west is None else Footprint(Box(*self.place_and_time[2:6]), shape)
        return ItemRecord(collection, id_, Interval(start_us, end_us), footprint, self.text, document)


class CollectionPacker:
    """Packs items of one collection, for one state of the store.

    Parameters
    ----------
    revision : int
        Of the directory.
    properties : sequence of IndexedProperty
        All that are indexed.
    writer : DocumentWriter
        With the dictionary that the collection has.
    """

    def __init__(self, revision: int, properties: Sequence[IndexedProperty], writer: DocumentWriter) -> None:
        self._revision = revision
        self._values = ValueReader(properties)
        self._write = writer.write

    def rows(self, record: ItemRecord) -> ItemRows:
        """Return an item's rows."""
        box, shape = record.footprint or ((None,) * 4, None)
        return ItemRows(
            self._revision,
            (*record.time, *box, shape),
            self._values.read(_properties(record)),
            self._write(record.document),
            record.text,
        )


class SqlitePacker:
    """A `Packer` of the embedded store; items of collections that it does not know stay as they are.

    Parameters
    ----------
    revision, properties
        As of `CollectionPacker`.
    dictionaries : mapping of str to (int or None, bytes or None)
        Key and content of the dictionary of each collection.
    """

    def __init__(
        self,
        revision: int,
        properties: Sequence[IndexedProperty],
        dictionaries: Mapping[str, tuple[int | None, bytes | None]],
    ) -> None:
        self._made_of = (revision, properties, dictionaries)
        self._packers = {
            collection: CollectionPacker(revision, properties, DocumentWriter(*dictionary))
            for collection, dictionary in dictionaries.items()
        }

    def __reduce__(self) -> tuple[type["SqlitePacker"], tuple[Any, ...]]:
        """Compressors cannot be pickled: they are made anew."""
        return SqlitePacker, self._made_of

    def pack(self, record: ItemRecord) -> SentItem:
        """Return an item packed, or as it is."""
        packer = self._packers.get(record.collection)
        if packer is None:
            return record
        return PackedItem(record.collection, record.id, packer.rows(record))


def make_packer(reading: Reading, collections: Iterable[str]) -> SqlitePacker:
    """Return what packs items of some collections for the state of the store that is read."""
    dictionaries: dict[str, tuple[int | None, bytes | None]] = {}
    for collection in islice(collections, MAX_PACKED_COLLECTIONS):
        row = reading.connection.execute(
            "SELECT dictionary FROM collections WHERE id = ?", (collection,)
        ).fetchone()
        if row is not None:
            (key,) = row
            content = None if key is None else read_dictionary(reading.connection, key)
            dictionaries[collection] = (key, content)
    return SqlitePacker(reading.directory.revision, reading.directory.every_property, dictionaries)


def _properties(record: ItemRecord) -> Mapping[str, Any]:
    if record.properties is not None:
        return record.properties
    properties: dict[str, Any] = orjson.loads(record.document).get("properties") or {}
    return properties
