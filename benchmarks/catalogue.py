"""The catalogue beside stac-fastapi-pgstac, the field's reference: searches, loading, size and memory.

`GEOSCOPE_BENCH_ITEMS` sets the number of items (100,000 without it); 200,000 is what the reference was
measured with elsewhere.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import httpx
import orjson
import psutil
import zstandard

from benchmarks.catalogue_items import COLLECTION, START, collection, lines
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

ITEMS = int(os.environ.get("GEOSCOPE_BENCH_ITEMS", "100000"))
CLIENTS = 8
ROUNDS = 5
REQUESTS_OF_A_ROUND = 100
YEAR_DAYS = 365

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
        memory = _memory(candidates[0])
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


def _paths(days: int, limit: int, seed: int, prefix: str) -> list[str]:
    return [f"{prefix}/search?{urlencode(query)}" for query in _queries(days, limit, Random(seed))]


def _queries(days: int, limit: int, random: Random) -> Iterator[dict[str, object]]:
    for _ in range(REQUESTS_OF_A_ROUND):
        west, south = random.uniform(-179, 174), random.uniform(-58, 68)
        start = START + timedelta(days=random.uniform(0, YEAR_DAYS - days))
        end = start + timedelta(days=days)
        yield {
            "collections": COLLECTION,
            "bbox": f"{west:.4f},{south:.4f},{west + 5:.4f},{south + 5:.4f}",
            "datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
            "limit": limit,
        }


def _search_tables(candidates: list[Loaded], reference: Loaded) -> str:
    with ExitStack() as stack:
        ports = {each.name: stack.enter_context(serving(each))[0] for each in candidates}
        _check_same_answers(candidates, ports)
        sections = []
        for name, days, limit in QUERIES:
            loads: dict[str, list[Load]] = {each.name: [] for each in candidates}
            for seed in range(-1, ROUNDS):
                for each in candidates:
                    done = load(ports[each.name], _paths(days, limit, seed, _prefix(each)), CLIENTS)
                    if seed >= 0:
                        loads[each.name].append(done)
            sections.append(_search_table(name, loads, reference.name))
    return "\n\n".join(sections)


def _prefix(candidate: Loaded) -> str:
    return "/stac" if candidate.name.startswith("Geoscope") else ""


def _check_same_answers(candidates: list[Loaded], ports: dict[str, int]) -> None:
    for path in _paths(30, 100, 99, "")[:5]:
        found = []
        for each in candidates:
            answer = httpx.get(f"http://127.0.0.1:{ports[each.name]}{_prefix(each)}{path}", timeout=60)
            found.append(sorted(item["id"] for item in answer.raise_for_status().json()["features"]))
        assert all(ids == found[0] for ids in found), path


def _search_table(name: str, loads: dict[str, list[Load]], reference: str) -> str:
    merged = {
        candidate: Load(
            len(done) / sum(1 / each.requests_per_s for each in done),
            tuple(sample for each in done for sample in each.samples_ms),
        )
        for candidate, done in loads.items()
    }
    rows = [
        f"| {candidate} | {done.requests_per_s:.0f} | {done.p50_ms:.1f} | {done.p95_ms:.1f} |"
        f" {done.requests_per_s / merged[reference].requests_per_s:.1f} |"
        for candidate, done in merged.items()
    ]
    head = f"| {name} | requests/s | median, ms | 95 %, ms | ratio |\n| --- | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def _load_table(candidates: list[Loaded], reference: Loaded) -> str:
    rows = [
        f"| {each.name} | {ITEMS / each.seconds:.0f} | {reference.seconds / each.seconds:.1f} |"
        f" {each.size_bytes / ITEMS:.0f} |"
        for each in candidates
    ]
    return "\n".join(["| | items/s | ratio | bytes an item |\n| --- | ---: | ---: | ---: |", *rows])


def _memory(loaded: Loaded) -> str:
    """Page through everything and look at the web process."""
    with serving(loaded) as (port, pid):
        process = psutil.Process(pid)
        with httpx.Client(timeout=60) as client:
            url: str | None = f"http://127.0.0.1:{port}/stac/search?limit=1000"
            seen, resident = 0, []
            while url is not None:
                page = client.get(url).raise_for_status().json()
                seen += len(page["features"])
                resident.append(process.memory_info().rss / 2**20)
                url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert seen == ITEMS
    quarter = len(resident) // 4
    early, late = max(resident[: quarter or 1]), max(resident[-quarter:])
    return f"""Paging through all {seen:,} items by 1000, the web process had {early:.0f} MiB in the first
quarter and {late:.0f} MiB in the last (pages of the file count, too)."""


if __name__ == "__main__":
    print(measure())
