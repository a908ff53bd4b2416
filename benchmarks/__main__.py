"""Measure everything and write the tables to docs/performance.md."""

import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import (
    catalogue,
    catalogue_scale,
    country,
    identity,
    layouts,
    objects,
    regridding,
    series,
    startup,
    tiles,
    twin_cost,
    twin_ingest,
    twin_series,
)
from benchmarks.running import started
from geoscope import __version__

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def main() -> None:
    console = Console()
    sections = []
    with tempfile.TemporaryDirectory() as folder:
        with console.status("Starting and stopping ..."):
            sections.append(startup.measure(Path(folder) / "startup"))
        for part in (catalogue, catalogue_scale):
            with console.status(f"{part.__name__}, ten minutes ..."):
                sections.append(part.measure())
        with console.status(f"{regridding.__name__} ..."):
            sections.append(regridding.measure())
        with started(Path(folder) / "bench") as bench:
            for section in (
                series,
                tiles,
                objects,
                identity,
                layouts,
                twin_ingest,
                twin_series,
                country,
                twin_cost,
            ):
                with console.status(f"{section.__name__} ..."):
                    sections.append(section.measure(bench))
    PAGE.write_text("\n\n".join([_head(), *sections]) + "\n")
    console.print(f"Written to {PAGE.relative_to(Path.cwd())}")


def _head() -> str:
    memory_gib = psutil.virtual_memory().total / 1024**3
    machine = f"{psutil.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()}"
    return f"""# Performance

Measured by `make bench` on {datetime.now(UTC):%Y-%m-%d} with version {__version__} and Python
{platform.python_version()} on {machine}. The candidates of a table take turns in one run; read ratios
rather than milliseconds, which depend on the machine."""


if __name__ == "__main__":
    main()
