"""What twin data there is, as somebody sees it: read from the catalogue, which keeps it for seconds."""

import asyncio

from geoscope.cube_items import Document
from geoscope.errors import NotFoundError, TooLargeError
from geoscope.holdings import SeenHoldings
from geoscope.mars.datasets import TwinDataset
from geoscope.twins.vocabulary.kept_datasets import KeptDatasets

# A collection has an item for each stream, kind of level and resolution, run and member of a forecast.
MOST_DATASETS = 10_000
_KEPT = KeptDatasets(64 * 1024**2)


async def existing_datasets(holdings: SeenHoldings, collection: str | None = None) -> list[TwinDataset]:
    """Return every twin dataset that somebody finds, or those of one collection.

    Raises
    ------
    NotFoundError
        If there is no such collection.
    UnavailableError
        If the catalogue does not answer.
    """
    if collection is not None:
        return _twins(await holdings.items(collection, MOST_DATASETS))
    collections = [str(each["id"]) for each in await holdings.collections()]
    answers = await asyncio.gather(*(_items(holdings, each) for each in collections))
    return [twin for items in answers for twin in _twins(items)]


def _twins(items: list[Document]) -> list[TwinDataset]:
    found = (_KEPT.of_item(item) for item in items)
    return [twin for twin in found if twin is not None]


async def _items(holdings: SeenHoldings, collection: str) -> list[Document]:
    try:
        return await holdings.items(collection, MOST_DATASETS)
    except (NotFoundError, TooLargeError):
        # Gone meanwhile, or of more items than cubes are kept in.
        return []
