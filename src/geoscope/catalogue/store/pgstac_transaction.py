"""Changes of the scale store, inside one PostgreSQL transaction."""

from collections import defaultdict
from collections.abc import Sequence

import orjson
import psycopg
import shapely

from geoscope.access import PUBLIC, Policy
from geoscope.catalogue.areas import Footprint
from geoscope.catalogue.models import CollectionRecord, ItemRecord, Reader, Sharing
from geoscope.catalogue.store import SentItem
from geoscope.catalogue.store.pgstac_connections import describe
from geoscope.catalogue.store.pgstac_documents import timestamps
from geoscope.catalogue.store.pgstac_search import find_collection, find_item
from geoscope.errors import InvalidInputError

# Items that are put one by one are sent together, in parts of this size.
SENT_AT_ONCE = 2000

_EVERYBODY = Reader(sees_all=True)


class PgstacTransaction:
    """A `Transaction` on a connection where one has begun."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._waiting: dict[tuple[str, str], ItemRecord] = {}

    def collection(self, id_: str) -> bytes | None:
        """Return a collection's document."""
        return find_collection(self._connection, id_, _EVERYBODY)

    def item(self, collection: str, id_: str) -> bytes | None:
        """Return an item's document."""
        if (collection, id_) in self._waiting:
            self.flush()
        return find_item(self._connection, collection, id_, _EVERYBODY)

    def sharing(self, collection: str) -> Sharing | None:
        """Return who owns, finds and has the data of a collection."""
        return find_sharing(self._connection, collection)

    def put_collection(self, record: CollectionRecord) -> None:
        """Add a collection, or replace the one of the same id; its items stay, and who has access."""
        document = orjson.loads(record.document) | {"id": record.id}
        self._execute("SELECT pgstac.upsert_collection(%s::jsonb)", [orjson.dumps(document).decode()])
        self._execute(
            """
            UPDATE geoscope.collections SET
                title = %s, west = %s, south = %s, east = %s, north = %s, start_us = %s, end_us = %s,
                words = geoscope.words(%s), backends = %s,
                owner = coalesce(%s, owner), readers = coalesce(%s, readers),
                policy = nullif(coalesce(%s, policy), 'public')
            WHERE id = %s
            """,
            [
                record.title,
                *record.box,
                *record.time,
                record.text,
                list(record.backends),
                record.owner,
                None if record.readers is None else sorted(record.readers),
                None if record.policy is None else str(record.policy),
                record.id,
            ],
        )

    def put_sharing(self, collection: str, sharing: Sharing) -> None:
        """Say who owns, finds and has the data of a collection that exists."""
        readers = None if sharing.readers is None else sorted(sharing.readers)
        self._execute(
            "UPDATE geoscope.collections SET owner = %s, readers = %s, policy = nullif(%s, 'public')"
            " WHERE id = %s",
            [sharing.owner, readers, str(sharing.policy), collection],
        )

    def put_item(self, record: ItemRecord) -> None:
        """Add an item to a collection that exists, or replace the one of the same id."""
        self._waiting[record.collection, record.id] = record
        if len(self._waiting) >= SENT_AT_ONCE:
            self.flush()

    def put_items(self, items: Sequence[SentItem]) -> None:
        """Add or replace many items of collections that exist."""
        for item in items:
            if not isinstance(item, ItemRecord):
                raise TypeError(f"{item.id!r} was packed for another store.")
            self.put_item(item)

    def delete_collection(self, id_: str) -> None:
        """Remove a collection and all its items."""
        self.flush()
        self._execute("DELETE FROM pgstac.collections WHERE id = %s", [id_])

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item."""
        self._waiting.pop((collection, id_), None)
        self._execute("SELECT geoscope.delete_item(%s, %s)", [collection, id_])

    def checkpoint(self, name: str) -> bytes | None:
        """Return how far some long work has come."""
        row = self._execute("SELECT state FROM geoscope.checkpoints WHERE name = %s", [name]).fetchone()
        return None if row is None else row[0]

    def put_checkpoint(self, name: str, state: bytes | None) -> None:
        """Keep how far some long work has come; None forgets it."""
        if state is None:
            self._execute("DELETE FROM geoscope.checkpoints WHERE name = %s", [name])
        else:
            self._execute(
                "INSERT INTO geoscope.checkpoints VALUES (%s, %s)"
                " ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                [name, state],
            )

    def flush(self) -> None:
        """Send the items that wait."""
        waiting, self._waiting = self._waiting, {}
        of_collections: dict[str, list[ItemRecord]] = defaultdict(list)
        for record in waiting.values():
            of_collections[record.collection].append(record)
        for collection, records in of_collections.items():
            self._send(collection, records)

    def _send(self, collection: str, records: list[ItemRecord]) -> None:
        starts, ends = zip(*(timestamps(record.time) for record in records), strict=True)
        self._execute(
            # Binary: quoting what stands in arrays of text takes longer than all else.
            "SELECT geoscope.put_items(%s, %b, %b, %b, %b, %b, %b, %b)",
            [
                collection,
                [record.id for record in records],
                list(starts),
                list(ends),
                [_shape(record.footprint) for record in records],
                [_is_whole_box(record.footprint) for record in records],
                [record.text for record in records],
                [record.document.decode() for record in records],
            ],
        )

    def _execute(self, query: str, parameters: Sequence[object]) -> psycopg.Cursor:
        try:
            return self._connection.execute(query, parameters)
        except psycopg.DataError as error:
            raise InvalidInputError(
                f"The document cannot be stored: {describe(error)}.",
                "PostgreSQL cannot keep the character NUL, for one.",
            ) from error
        except psycopg.errors.InternalError_ as error:
            # So PostGIS speaks.
            raise InvalidInputError(f"geometry: it cannot be stored: {describe(error)}.") from error


def find_sharing(connection: psycopg.Connection, collection: str) -> Sharing | None:
    """Return who owns, finds and has the data of a collection, or None if there is no such collection."""
    if "\0" in collection:
        return None
    query = "SELECT owner, readers, policy FROM geoscope.collections WHERE id = %s"
    row = connection.execute(query, [collection]).fetchone()
    if row is None:
        return None
    owner, readers, policy = row
    return Sharing(
        owner,
        None if readers is None else frozenset(readers),
        PUBLIC if policy is None else Policy.parse(policy),
    )


def find_policies(connection: psycopg.Connection) -> dict[str, Policy]:
    """Return the policies of all collections whose data is not for everybody."""
    rows = connection.execute("SELECT id, policy FROM geoscope.collections WHERE policy IS NOT NULL")
    return {id_: Policy.parse(policy) for id_, policy in rows}


def _shape(footprint: Footprint | None) -> bytes | None:
    if footprint is None:
        return None
    if footprint.shape is not None:
        return footprint.shape
    parts = [shapely.make_valid(shapely.box(*part)) for part in footprint.box.parts]
    return shapely.to_wkb(shapely.union_all(parts))


def _is_whole_box(footprint: Footprint | None) -> bool:
    """Tell whether the document's own geometry can be searched as it is."""
    return footprint is not None and footprint.shape is None and not footprint.box.crosses_antimeridian
