"""What the catalogues are asked for: boxes of 5 by 5 degrees with a time span, and page after page."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from urllib.parse import urlencode

import httpx
import psutil

from benchmarks.catalogue_items import COLLECTION, START
from benchmarks.catalogue_servers import Loaded, serving

REQUESTS_OF_A_ROUND = 100
BOX_DEGREES = 5
YEAR_DAYS = 365


def paths(days: float, limit: int, seed: int, prefix: str) -> list[str]:
    """Return searches, always the same of a seed."""
    return [f"{prefix}/search?{urlencode(query)}" for query in _queries(days, limit, Random(seed))]


def prefix(candidate: Loaded) -> str:
    """Return where a candidate has its STAC API."""
    return "/stac" if candidate.name.startswith("Geoscope") else ""


def _queries(days: float, limit: int, random: Random) -> Iterator[dict[str, object]]:
    for _ in range(REQUESTS_OF_A_ROUND):
        west, south = random.uniform(-179, 174), random.uniform(-58, 68)
        start = START + timedelta(days=random.uniform(0, YEAR_DAYS - days))
        end = start + timedelta(days=days)
        yield {
            "collections": COLLECTION,
            "bbox": f"{west:.4f},{south:.4f},{west + BOX_DEGREES:.4f},{south + BOX_DEGREES:.4f}",
            "datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
            "limit": limit,
        }


def memory_while_paging(loaded: Loaded, items: int) -> str:
    """Page through everything and look at the web process."""
    with serving(loaded) as (port, pid):
        process = psutil.Process(pid)
        with httpx.Client(timeout=60) as client:
            url: str | None = f"http://127.0.0.1:{port}/stac/search?limit=1000"
            seen, own_mib = 0, []
            while url is not None:
                page = client.get(url).raise_for_status().json()
                seen += len(page["features"])
                # Pages of the file are mapped: they are the system's cache, and not the process's own.
                memory = process.memory_info()
                own_mib.append((memory.rss - memory.shared) / 2**20)
                url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert seen == items
    quarter = max(1, len(own_mib) // 4)
    return (
        f"Paging through all {seen:,} items by 1000, the web process had up to"
        f" {max(own_mib[:quarter]):.0f} MiB of\nits own in the first quarter and up to"
        f" {max(own_mib[-quarter:]):.0f} MiB in the last."
    )
