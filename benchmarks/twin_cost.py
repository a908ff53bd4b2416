"""What a cut costs, by its own size and by that of the twin that it is taken from."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.counting import counted
from benchmarks.measure import Timing, take_turns
from benchmarks.running import Bench
from benchmarks.twin_cubes import COLLECTION, FIRST_DAY, open_store, register, whole_cube
from geoscope.cubes.cube import Cube
from geoscope.cubes.healpix import HealpixGrid

LEVEL = 5
YEARS = (1, 10, 100)
ROUNDS = 12
MAP = 0
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cost-of-a-cut.svg"


@dataclass(frozen=True)
class Cost:
    """A cut of so many years at a place (or `MAP`) out of a twin of so many: bytes read, and the time."""

    store: int
    cut: int
    opening_bytes: int
    cut_bytes: int
    timing: Timing

    @property
    def row(self) -> str:
        low, high = self.timing.spread_ms
        return (
            f"| {_words(self.cut)} | {self.store} | {self.opening_bytes / 1e3:.0f} "
            f"| {self.cut_bytes / 1e3:.0f} | {self.timing.median_ms:.1f} | {low:.1f} to {high:.1f} |"
        )


def measure(bench: Bench, years: tuple[int, ...] = YEARS) -> str:
    grid = HealpixGrid(LEVEL)
    for count in years:
        whole_cube(bench, _name(count), LEVEL, _days(count))
        register(bench, [_name(count)], _days(count))
    pairs = [(store, cut) for cut in (*years, MAP) for store in years if cut <= store]
    with httpx.Client() as client:
        candidates = {f"{cut} of {store}": _asking(bench, client, grid, store, cut) for store, cut in pairs}
        timings = take_turns(candidates, ROUNDS, warm_up=1)
    costs = [
        Cost(store, cut, *_bytes_read(bench, store, cut), timing)
        for (store, cut), timing in zip(pairs, timings, strict=True)
    ]
    _draw(costs, years)
    return f"""## What a cut costs

Daily values on HEALPix, nside {2**LEVEL} ({12 * 4**LEVEL:,} cells), in twins of {", ".join(map(str, years))}
years. A cut is a series at a place, or one map. Bytes were counted between the object store and a reader
that had nothing; *opening* is done once for many cuts. Times are those of EDR over HTTP, {ROUNDS} rounds,
a place each time of which nothing was read before (a map of another day).

| cut | years in the twin | opening, kB | cut, kB | median, ms | 10 to 90 %, ms |
| --- | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(cost.row for cost in costs)}

![Bytes read and time of each cut: flat from a twin of one year to one of a hundred](images/{PICTURE.name})"""


def _asking(
    bench: Bench, client: httpx.Client, grid: HealpixGrid, store: int, cut: int
) -> Callable[[], object]:
    """Return what asks for another cut of this size each time."""
    address = f"{bench.url}/edr/collections/{COLLECTION}/instances/{_name(store)}"
    if cut == MAP:
        days = itertools.cycle(FIRST_DAY + number for number in range(0, 86_400 * 300, 86_400 * 17))
        box = {"bbox": "-180,-90,180,90"}
        return lambda: client.get(f"{address}/cube", params=box | {"datetime": f"{next(days)}Z"})
    # Each chunk of cells serves one round of one size of cut.
    first = YEARS.index(cut)
    cells = itertools.cycle(range(256 * first + 7, grid.shape[0], 256 * len(YEARS)))
    period = f"{FIRST_DAY}Z/{FIRST_DAY + 86_400 * (_days(cut) - 1)}Z"

    def ask() -> None:
        longitude, latitude = (float(each[0]) for each in grid.cell_centre([next(cells)]))
        query = {"coords": f"POINT({longitude} {latitude})", "datetime": period}
        answer = client.get(f"{address}/position", params=query, timeout=60).raise_for_status()
        assert len(answer.json()["ranges"]["2t"]["values"]) == _days(cut)

    return ask


def _bytes_read(bench: Bench, store: int, cut: int) -> tuple[int, int]:
    """Return what is read from the object store to open the twin, and for the cut itself."""

    async def read() -> tuple[int, int]:
        cube = await Cube.open(open_store(bench, _name(store), address))
        opening = counter.taken()
        if cut == MAP:
            await cube.field("2t", 100)
        else:
            await cube.series("2t", 5000, slice(0, _days(cut)))
        return opening, counter.taken()

    with counted(bench.settings.internal.object_store_url) as (address, counter):
        return asyncio.run(read())


def _draw(costs: list[Cost], years: tuple[int, ...]) -> None:
    """Draw a line for each cut over the twins that it was taken from."""
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "geoscope", "font.size": 9}
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for cut in (*years, MAP):
        found = [cost for cost in costs if cost.cut == cut]
        stores = [cost.store for cost in found]
        left.plot(stores, [cost.cut_bytes / 1e3 for cost in found], "o-", label=_words(cut))
        right.plot(stores, [cost.timing.median_ms for cost in found], "o-", label=_words(cut))
    for axes, title in ((left, "Bytes read, kB"), (right, "Time over HTTP, ms")):
        axes.set(title=title, xlabel="Years in the twin", xscale="log", yscale="log", xticks=years)
        axes.set_xticks(years, list(map(str, years)))
        axes.grid(visible=True, alpha=0.3)
    right.legend()
    figure.savefig(PICTURE, metadata={"Date": None})


def _words(cut: int) -> str:
    return "a map" if cut == MAP else f"{cut} year{'s' if cut > 1 else ''} at a place"


def _name(years: int) -> str:
    return f"years-{years}"


def _days(years: int) -> int:
    return {1: 366, 10: 3653, 100: 36_525}[years]
