"""The cells of regions, kept for who asks for the same again: finding those of a country takes a while."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from geoscope.cubes.grid import Grid
from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.aggregating import Aggregation
from geoscope.cuts.regions import Region, Selection

KEPT_BYTES = 32 * 1024**2
# What a selection costs besides its arrays, with its region as the key.
_OVERHEAD_BYTES = 4096


class KeptSelections:
    """Selections and aggregations by grid and region, the least recently used ones dropped first.

    Parameters
    ----------
    max_bytes : int
        Sum of the sizes of all that are kept; one that takes more than a quarter of it is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.held_bytes = max_bytes, 0
        self._kept: OrderedDict[Hashable, Selection | Aggregation] = OrderedDict()
        self._lock = Lock()

    def select(self, grid: Grid, region: Region) -> Selection:
        """Return the cells of a region; see `Region.select`."""
        return self._get((grid, region), lambda: region.select(grid))

    def aggregate(self, grid: Grid, region: Region, method: Aggregate) -> Aggregation:
        """Return how the cells of a region become one value; see `Aggregation.over`."""
        return self._get(
            (grid, region, method), lambda: Aggregation.over(grid, self.select(grid, region), method)
        )

    def _get[Found: (Selection, Aggregation)](self, key: Hashable, find: Callable[[], Found]) -> Found:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept  # type: ignore[return-value]  # keys with a method are those of aggregations
        found = find()
        size = found.nbytes + _OVERHEAD_BYTES
        if size <= self.max_bytes / 4:
            with self._lock:
                if key not in self._kept:
                    self._kept[key] = found
                    self.held_bytes += size
                while self.held_bytes > self.max_bytes:
                    self.held_bytes -= self._kept.popitem(last=False)[1].nbytes + _OVERHEAD_BYTES
        return found


SELECTIONS = KeptSelections(KEPT_BYTES)
