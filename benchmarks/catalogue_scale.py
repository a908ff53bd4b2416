"""The embedded catalogue with ten times as many items: does a search for as many matches stay as quick?

It takes some ten minutes and 3 GB of disk. `GEOSCOPE_BENCH_FEW_ITEMS` sets the smaller number (100,000
without it).
"""

import os
import tempfile
from pathlib import Path

import httpx
import orjson
import zstandard

from benchmarks.catalogue_items import collection, lines
from benchmarks.catalogue_queries import memory_while_paging, paths
from benchmarks.catalogue_servers import Loaded, load_sqlite, serving
from benchmarks.http_load import Load, load

FEW = int(os.environ.get("GEOSCOPE_BENCH_FEW_ITEMS", "100000"))
TIMES = 10
MANY = TIMES * FEW
CLIENTS = 8
ROUNDS = 5

# Name, days of the time span among few items, limit. Of ten times as many, so many lie in a tenth of it.
QUERIES = (
    ("box + month, limit 10", 30.0, 10),
    ("box + year, limit 10", 360.0, 10),
    ("box + year, limit 100", 360.0, 100),
)


def measure() -> str:
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_loaded(Path(folder) / str(count), count) for count in (FEW, MANY))
        searches = _searches(few, many)
        memory = memory_while_paging(many, MANY)
    return f"""## The catalogue at ten times the size

The embedded store with {FEW:,} and with {MANY:,} items, {CLIENTS} clients, {ROUNDS} rounds in turn. Among
more items the time that is asked for is as much shorter, so that a search has as many matches.

{searches}

{MANY:,} items were loaded at {MANY / many.seconds:,.0f} a second and take
{many.size_bytes / MANY:,.0f} bytes each, indexes included. {memory}"""


def _loaded(folder: Path, count: int) -> Loaded:
    folder.mkdir()
    collection_file, items_file = folder / "collection.json", folder / "items.ndjson.zst"
    collection_file.write_bytes(orjson.dumps(collection()))
    with items_file.open("wb") as raw, zstandard.ZstdCompressor(level=1).stream_writer(raw) as file:
        for line in lines(count, years=1):
            file.write(line + b"\n")
    return load_sqlite(folder, collection_file, items_file)


def _searches(few: Loaded, many: Loaded) -> str:
    rows = [
        "| | items | matches | median, ms | 95 %, ms | one client: median, ms | 95 % ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    with serving(few) as (few_port, _), serving(many) as (many_port, _):
        for name, days, limit in QUERIES:
            asked = {FEW: (few_port, days), MANY: (many_port, days / TIMES)}
            samples: dict[int, list[float]] = {FEW: [], MANY: []}
            for seed in range(-1, ROUNDS):
                for count, (port, span) in asked.items():
                    done = load(port, paths(span, limit, seed, "/stac"), CLIENTS)
                    if seed >= 0:
                        samples[count] += done.samples_ms
            merged = {count: Load(0, tuple(found)) for count, found in samples.items()}
            for count, (port, span) in asked.items():
                alone = load(port, paths(span, limit, ROUNDS, "/stac"), 1)
                rows.append(
                    f"| {name} | {count:,} | {_matches(port, span):.1f} | {merged[count].p50_ms:.1f} |"
                    f" {merged[count].p95_ms:.1f} | {alone.p50_ms:.1f} |"
                    f" {merged[count].p95_ms / merged[FEW].p95_ms:.2f} |"
                )
    return "\n".join(rows)


def _matches(port: int, days: float) -> float:
    """Return how many items a search finds on average."""
    found = 0
    asked = paths(days, 1000, 0, "/stac")
    for path in asked:
        found += len(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60).json()["features"])
    return found / len(asked)


if __name__ == "__main__":
    print(measure())
