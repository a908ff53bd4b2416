"""From nothing to ready, and what the idle tree weighs."""

import time
from pathlib import Path

from benchmarks.measure import Timing
from benchmarks.running import Bench
from geoscope.cli.status import status_document

STARTS = 5
IDLE_AFTER_S = 20


def measure(folder: Path) -> str:
    bench = Bench(folder)
    first_s = bench.start("--no-demo")
    stops = [bench.stop()]
    starts = []
    for _ in range(STARTS):
        starts.append(bench.start("--no-demo"))
        stops.append(bench.stop())
    bench.start("--no-demo")
    bench.load_demo()
    time.sleep(IDLE_AFTER_S)
    document = status_document(bench.settings)
    bench.stop()
    rows = [
        Timing("later starts", tuple(seconds * 1000 for seconds in starts)).row(),
        Timing("stops", tuple(seconds * 1000 for seconds in stops)).row(),
    ]
    parts = {part["name"]: part["memory_bytes"] for part in document["parts"] if part["pid"]}
    parts |= {"supervisor": document["supervisor_memory_bytes"], "**all**": document["memory_bytes"]}
    memory = [f"| {name} | {size_bytes / 1024**2:.0f} |" for name, size_bytes in parts.items()]
    return f"""## Starting and stopping

The first start, with making secrets and databases, took {first_s:.1f} s (no demo data).
{STARTS} later starts, by `geoscope up --detach` until it returns:

| | median, ms | 10 to 90 %, ms | |
| --- | ---: | ---: | --- |
{chr(10).join(rows)}

## Memory

Resident memory of the idle tree, {IDLE_AFTER_S} s after the demo was loaded, children included:

| part | MiB |
| --- | ---: |
{chr(10).join(memory)}"""
