"""What a search asks for, as a short text: two searches have the same one if they ask for the same."""

import hashlib
from collections.abc import Sequence

import orjson
import shapely

from geoscope.catalogue.areas import Area
from geoscope.catalogue.datetimes import Interval
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import ItemSearch, SortKey


def fingerprint(search: ItemSearch) -> str:
    """Return the fingerprint of a search: of all but its limit, its page and its reader."""
    asked = [
        sorted(search.ids) if search.ids is not None else None,
        sorted(search.collections) if search.collections is not None else None,
        repr(search.text),
        conditions(search.area, search.time, search.filter, search.order),
    ]
    return digest(asked)


def conditions(
    area: Area | None, time: Interval | None, filter_: Filter | None, order: Sequence[SortKey]
) -> list[object]:
    """Return conditions as JSON."""
    shape = None if area is None or area.geometry is None else shapely.to_wkb(area.geometry).hex()
    return [
        None if area is None else area.boxes,
        shape,
        time,
        None if filter_ is None else filter_.sent,
        order,
    ]


def digest(asked: object) -> str:
    """Return a digest of what JSON can write (BLAKE2b, 128 bits)."""
    text = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=list)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
