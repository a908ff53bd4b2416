"""What can be chosen of a collection of twin data, in ECMWF's words: from what its items say they hold."""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi.datastructures import QueryParams

from geoscope.catalogue.models import ItemSearch, Reader
from geoscope.catalogue.store import CatalogueStore
from geoscope.mars.datasets import TwinDataset
from geoscope.mars.queryables import chosen_values, constrained_queryables

# A collection has an item for each stream, kind of level and resolution, and for each run of a forecast.
MOST_DATASETS = 10_000

type Schema = dict[str, Any]


class TwinChoice:
    """What is chosen of a collection, and what can still be chosen.

    Attributes
    ----------
    query : QueryParams
        The query without what is chosen in ECMWF's words, if the collection holds twin data.
    """

    def __init__(self, query: QueryParams, datasets: list[TwinDataset]) -> None:
        self._datasets = datasets
        chosen, rest = chosen_values(query.multi_items())
        self._chosen = chosen
        self.query = QueryParams(rest) if datasets else query

    def complete(self, schema: Schema) -> Schema:
        """Return a schema with what can be chosen in ECMWF's words; unchanged if nothing can."""
        if not self._datasets:
            return schema
        properties, required = constrained_queryables(self._datasets, self._chosen)
        others = {name: each for name, each in schema["properties"].items() if not name.startswith("mars:")}
        return schema | {"properties": others | properties, "required": required}


async def twin_choice(
    store: CatalogueStore, collection: str, query: QueryParams, reader: Reader
) -> TwinChoice:
    """Find out what can be chosen of a collection; of one without twin data that costs one item."""
    search = ItemSearch(limit=1, collections=(collection,), reader=reader)
    first = _datasets(item.document for item in (await store.find_items(search)).items)
    if not first:
        return TwinChoice(query, [])
    return TwinChoice(query, await twin_datasets(store, collection, reader))


async def twin_datasets(store: CatalogueStore, collection: str, reader: Reader) -> list[TwinDataset]:
    """Return what a collection holds of twin data, as a reader finds it."""
    every = ItemSearch(limit=MOST_DATASETS, collections=(collection,), reader=reader)
    return _datasets(item.document for item in (await store.find_items(every)).items)


def _datasets(documents: Iterable[bytes]) -> list[TwinDataset]:
    found = (TwinDataset.from_item(orjson.loads(document)) for document in documents)
    return [dataset for dataset in found if dataset is not None]
