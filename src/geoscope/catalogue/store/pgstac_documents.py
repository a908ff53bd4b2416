"""Documents as pgstac keeps them, put together again: text from the database, joined and never parsed."""

from datetime import UTC, datetime, timedelta

import orjson

from geoscope.catalogue.datetimes import Interval

# Columns of `i`, an item. Members that stand beside `content` in columns of pgstac are put before it; links
# come last. Items of other clients lack what their collection says of all items: pgstac fills it in.
ITEM_COLUMNS = """
    i.collection, i.id,
    CASE WHEN i.content ? 'geometry' THEN NULL ELSE ST_AsGeoJSON(i.geometry, 20) END,
    CASE
        WHEN EXISTS (
            SELECT FROM pgstac.base_items AS base
            WHERE base.collection = i.collection AND base.id::text = i.content->>'pgstac:base_item'
                AND base.base_item = 'null'
        ) THEN i.content - '{links,pgstac:base_item}'::text[]
        ELSE pgstac.content_hydrate(
            ROW(
                i.id, i.geometry, i.collection, i.datetime, i.end_datetime, i.content, i.private
            )::pgstac.items
        ) - '{id,collection,type,geometry,links}'::text[]
    END,
    i.content->'links'"""

COLLECTION_COLUMNS = "pgstac.collections.content - 'links', pgstac.collections.content->'links'"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LATEST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def item_document(collection: str, id_: str, geometry: str | None, rest: bytes, links: bytes | None) -> bytes:
    """Return an item's document from its `ITEM_COLUMNS`."""
    place = b"" if geometry is None else b',"geometry":' + geometry.encode()
    return b'{"type":"Feature","id":%b,"collection":%b%b%b,"links":%b}' % (
        orjson.dumps(id_),
        orjson.dumps(collection),
        place,
        _members(rest),
        links or b"[]",
    )


def collection_document(rest: bytes, links: bytes | None) -> bytes:
    """Return a collection's document from its `COLLECTION_COLUMNS`."""
    return b"{%b%b]}" % (_members(rest)[1:], b',"links":' + (links or b"[]")[:-1])


def timestamp(microseconds: int) -> datetime:
    """Return an instant as a parameter of a query; what lies beyond the years 1 to 9999 is drawn to them."""
    return _EPOCH + timedelta(microseconds=min(max(microseconds, _EARLIEST_US), _LATEST_US))


def timestamps(time: Interval) -> tuple[datetime, datetime]:
    """Return both ends of an interval as parameters of a query."""
    return timestamp(time.start_us), timestamp(time.end_us)


def _members(json: bytes) -> bytes:
    """Return the members of an object, with a comma before each."""
    return b"" if json == b"{}" else b"," + json[1:-1]
