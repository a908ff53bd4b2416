"""Items of the catalogue as twin datasets, each read once for as long as it is not changed."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from geoscope.mars.datasets import TwinDataset

# About what one takes beside its instants: keys, parameters, the dictionary's entry.
_OTHER_BYTES = 4096


class _Read(NamedTuple):
    updated: str
    dataset: TwinDataset | None
    size: int


class KeptDatasets:
    """Reads items, and keeps what it read until the item's `updated` is another.

    What somebody may see is not decided here: they bring the item.

    Parameters
    ----------
    most_bytes : int
        About how much memory may be taken; those that were not asked for longest go first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._read: OrderedDict[tuple[str, str], _Read] = OrderedDict()

    def of_item(self, item: Mapping[str, Any]) -> TwinDataset | None:
        """Return an item as a twin dataset; None if it is no twin data."""
        updated = item.get("properties", {}).get("updated")
        if updated is None:
            return TwinDataset.from_item(item)
        key = (str(item.get("collection")), str(item.get("id")))
        found = self._read.get(key)
        if found is None or found.updated != updated:
            found = self._keep(key, updated, TwinDataset.from_item(item))
        else:
            self._read.move_to_end(key)
        return found.dataset

    def _keep(self, key: tuple[str, str], updated: str, dataset: TwinDataset | None) -> _Read:
        if (older := self._read.pop(key, None)) is not None:
            self._room += older.size
        instants = dataset.instants if dataset is not None else None
        read = _Read(updated, dataset, _OTHER_BYTES + (0 if instants is None else instants.nbytes))
        self._read[key] = read
        self._room -= read.size
        while self._room < 0:
            self._room += self._read.popitem(last=False)[1].size
        return read
