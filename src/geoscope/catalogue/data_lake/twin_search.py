"""A search in ECMWF's words in a collection of twin data finds the one item that such a request would be."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from geoscope.catalogue.datetimes import EARLIEST_US, LATEST_US, Interval
from geoscope.catalogue.documents import GEOJSON
from geoscope.catalogue.federation.eodag_backend import chosen_values
from geoscope.catalogue.finding import ItemAnswer
from geoscope.catalogue.models import FoundItem, ItemSearch
from geoscope.catalogue.orders.ordering import BACKENDS, WHOLE_EARTH, is_twin_collection
from geoscope.catalogue.stac_api.twin_queryables import twin_datasets
from geoscope.catalogue.store import CatalogueStore
from geoscope.mars.completing import CompleteRequest, complete
from geoscope.mars.datasets import TWINS_BACKEND
from geoscope.mars.keys import bare_key
from geoscope.mars.queryables import PREFIX
from geoscope.mars.requests import parse_request

type Json = Mapping[str, Any]


async def find_orderable(store: CatalogueStore, search: ItemSearch) -> ItemAnswer | None:
    """Return the item that can be ordered, if a search chooses fields of one collection of twin data.

    Returns
    -------
    ItemAnswer or None
        None: it is a search like any other.

    Raises
    ------
    InvalidInputError
        If a chosen value is not there; saying what would fit.
    """
    chosen = {
        bare_key(name): value
        for name, value in chosen_values(search.filter).items()
        if name.startswith(PREFIX)
    }
    if not chosen or search.collections is None or len(search.collections) != 1:
        return None
    [collection] = search.collections
    document = await store.collection(collection, search.reader)
    if document is None or not is_twin_collection(orjson.loads(document)):
        return None
    if "date" not in chosen and "year" not in chosen and (days := _days(search.time)):
        chosen["date"] = days
    whole = complete(parse_request(chosen), await twin_datasets(store, collection, search.reader))
    item = _item(collection, whole)
    return ItemAnswer([FoundItem(collection, item["id"], orjson.dumps(item))], 1, None)


def _days(time: Interval | None) -> str:
    """Return a span of time as a range of days; of an open one, or none, nothing."""
    if time is None or time.start_us == EARLIEST_US or time.end_us == LATEST_US:
        return ""
    first, last = (str(np.datetime64(edge, "us"))[:10].replace("-", "") for edge in time)
    return f"{first}/to/{last}"


def _item(collection: str, whole: CompleteRequest) -> dict[str, Any]:
    digest = hashlib.sha256(orjson.dumps(whole.body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"{collection}_ORDERABLE_{digest}",
        "collection": collection,
        "geometry": WHOLE_EARTH,
        "bbox": [-180, -90, 180, 90],
        "properties": {
            "datetime": None,
            "start_datetime": f"{whole.start}Z",
            "end_datetime": f"{whole.end}Z",
            "order:status": "orderable",
            "storage:tier": "offline",
            BACKENDS: [TWINS_BACKEND],
            **{f"{PREFIX}{key}": value for key, value in whole.body.items()},
        },
        "links": [{"rel": "retrieve", "href": "", "type": GEOJSON, "body": whole.body}],
        "assets": {},
    }
