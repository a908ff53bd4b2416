"""Measure everything, or the sections that are named, and write the tables to docs/performance.md."""

import platform
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

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
from benchmarks.running import Bench, started
from geoscope import __version__

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
ALONE = (catalogue, catalogue_scale, regridding)
IN_A_PLATFORM = (series, tiles, objects, identity, layouts, twin_ingest, twin_series, country, twin_cost)
HEAD = """# Performance

Measured by `make bench`; under each table stands when, and on what. The candidates of a table take turns in
one run; read ratios rather than milliseconds, which depend on the machine."""


def main() -> None:
    chosen = sys.argv[1:]
    parts = (startup, *ALONE, *IN_A_PLATFORM)
    if unknown := set(chosen) - {_name(part) for part in parts}:
        raise SystemExit(f"No such section: {', '.join(unknown)}. There are: {', '.join(map(_name, parts))}.")
    console, sections = Console(), _sections_of(PAGE.read_text())
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench: Bench | None = None
        for part in parts:
            if chosen and _name(part) not in chosen:
                continue
            with console.status(f"{_name(part)} ..."):
                if part in IN_A_PLATFORM and bench is None:
                    bench = stack.enter_context(started(Path(folder) / "bench"))
                measured = _measurement(part, Path(folder), bench)()
            sections |= _sections_of(f"{measured}\n\n{_footnote()}")
            PAGE.write_text("\n\n".join([HEAD, *sections.values()]) + "\n")
    console.print(f"Written to {PAGE.relative_to(Path.cwd())}")


def _name(part: ModuleType) -> str:
    return part.__name__.removeprefix("benchmarks.")


def _measurement(part: ModuleType, folder: Path, bench: Bench | None) -> Callable[[], str]:
    if part is startup:
        return lambda: part.measure(folder / "startup")
    return part.measure if bench is None else lambda: part.measure(bench)


def _sections_of(text: str) -> dict[str, str]:
    """Cut a page into its sections, by their headings; what stands before the first is left out."""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {section.partition("\n")[0]: section.strip() for section in sections}


def _footnote() -> str:
    memory_gib = psutil.virtual_memory().total / 1024**3
    machine = f"{psutil.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()}"
    version = f"version {__version__}, Python {platform.python_version()}"
    return f"*{datetime.now(UTC):%Y-%m-%d}, {version}, {machine}.*"


if __name__ == "__main__":
    main()
