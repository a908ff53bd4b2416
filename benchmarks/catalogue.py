"""The catalogue beside stac-fastapi-pgstac, the field's reference: searches, loading, size and memory.

`GEOSCOPE_BENCH_ITEMS` sets the number of items (200,000 without it).
"""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson
import zstandard

from benchmarks.catalogue_items import collection, lines
from benchmarks.catalogue_queries import REQUESTS_OF_A_ROUND, memory_while_paging, paths, prefix
from benchmarks.catalogue_servers import (
    Loaded,
    load_pgstac,
    load_reference,
    load_sqlite,
    new_database,
    postgresql,
    serving,
)
from benchmarks.http_load import Load, load

ITEMS = int(os.environ.get("GEOSCOPE_BENCH_ITEMS", "200000"))
CLIENTS = 8
ROUNDS = 5

# Name, days of the time span, limit.
QUERIES = (
    ("box + month, limit 10", 30, 10),
    ("box + year, limit 10", 365, 10),
    ("box + year, limit 100", 365, 100),
)


def measure() -> str:
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        collection_file, items_file = _write_items(Path(folder))
        reference = load_reference(new_database(server, "reference"), collection_file, items_file)
        candidates = [
            load_sqlite(Path(folder), collection_file, items_file),
            load_pgstac(Path(folder), new_database(server, "geoscope"), collection_file, items_file),
            reference,
        ]
        raw_bytes, compressed_bytes = _sizes(items_file)
        searches = _search_tables(candidates, reference)
        memory = memory_while_paging(candidates[0], ITEMS)
    return f"""## The catalogue

{ITEMS:,} made-up Sentinel-2 items of {raw_bytes / ITEMS / 1000:.1f} kB over one year and the globe, the
same for each candidate. One uvicorn worker each, {CLIENTS} clients that keep their connections, boxes of 5 by
5 degrees, {ROUNDS} rounds of {REQUESTS_OF_A_ROUND} requests in turn. The reference is stac-fastapi-pgstac on
PostgreSQL.

{searches}

Loading from NDJSON (`geoscope catalogue load`; `pypgstac load`), and what it takes on disk with all indexes.
The same NDJSON compressed as one stream by zstd -3 has {compressed_bytes / ITEMS:.0f} bytes an item.

{_load_table(candidates, reference)}

{memory}"""


def _write_items(folder: Path) -> tuple[Path, Path]:
    collection_file, items_file = folder / "collection.json", folder / "items.ndjson"
    collection_file.write_bytes(orjson.dumps(collection()))
    with items_file.open("wb") as file:
        for line in lines(ITEMS, years=1):
            file.write(line + b"\n")
    return collection_file, items_file


def _sizes(items_file: Path) -> tuple[int, int]:
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    compressed = 0
    with items_file.open("rb") as file:
        while chunk := file.read(2**20):
            compressed += len(compressor.compress(chunk))
    return items_file.stat().st_size, compressed + len(compressor.flush())


def _search_tables(candidates: list[Loaded], reference: Loaded) -> str:
    with ExitStack() as stack:
        ports = {each.name: stack.enter_context(serving(each))[0] for each in candidates}
        _check_same_answers(candidates, ports)
        sections = []
        for name, days, limit in QUERIES:
            loads: dict[str, list[Load]] = {each.name: [] for each in candidates}
            alone: dict[str, Load] = {}
            for seed in range(-1, ROUNDS):
                for each in candidates:
                    done = load(ports[each.name], paths(days, limit, seed, prefix(each)), CLIENTS)
                    if seed >= 0:
                        loads[each.name].append(done)
            for each in candidates:
                alone[each.name] = load(ports[each.name], paths(days, limit, ROUNDS, prefix(each)), 1)
            sections.append(_search_table(name, loads, alone, reference.name))
    return "\n\n".join(sections)


def _check_same_answers(candidates: list[Loaded], ports: dict[str, int]) -> None:
    for path in paths(30, 100, 99, "")[:5]:
        found = []
        for each in candidates:
            answer = httpx.get(f"http://127.0.0.1:{ports[each.name]}{prefix(each)}{path}", timeout=60)
            found.append(sorted(item["id"] for item in answer.raise_for_status().json()["features"]))
        assert all(ids == found[0] for ids in found), path


def _search_table(name: str, loads: dict[str, list[Load]], alone: dict[str, Load], reference: str) -> str:
    merged = {
        candidate: Load(
            len(done) / sum(1 / each.requests_per_s for each in done),
            tuple(sample for each in done for sample in each.samples_ms),
        )
        for candidate, done in loads.items()
    }
    rows = [
        f"| {candidate} | {done.requests_per_s:.0f} | {done.p50_ms:.1f} | {done.p95_ms:.1f} |"
        f" {alone[candidate].p50_ms:.1f} | {done.requests_per_s / merged[reference].requests_per_s:.1f} |"
        for candidate, done in merged.items()
    ]
    head = (
        f"| {name} | requests/s | median, ms | 95 %, ms | one client: median, ms | ratio |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    return "\n".join([head, *rows])


def _load_table(candidates: list[Loaded], reference: Loaded) -> str:
    rows = [
        f"| {each.name} | {ITEMS / each.seconds:.0f} | {reference.seconds / each.seconds:.1f} |"
        f" {each.size_bytes / ITEMS:.0f} |"
        for each in candidates
    ]
    return "\n".join(["| | items/s | ratio | bytes an item |\n| --- | ---: | ---: | ---: |", *rows])


if __name__ == "__main__":
    print(measure())
