"""What `geoscope catalogue load` does: a load with a progress bar, and a summary."""

from pathlib import Path
from typing import Any

import anyio
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from geoscope.catalogue.loading import loader
from geoscope.catalogue.loading.opening import SourceOptions, open_source
from geoscope.catalogue.store import open_store_at
from geoscope.cli.progress import progress_bar

console = Console(highlight=False)
messages = Console(highlight=False, stderr=True)

SOME_WERE_REFUSED = 3
INTERRUPTED = 130


def run_load(
    store_location: str,
    location: str,
    collection_files: list[Path],
    options: loader.LoadOptions,
    how: SourceOptions,
) -> None:
    """Load, and exit with the code that tells how it went."""
    try:
        done = anyio.run(_load, store_location, location, collection_files, options, how)
    except KeyboardInterrupt:
        messages.print("Stopped. The same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    _summarise(done)
    if done.refused:
        raise typer.Exit(SOME_WERE_REFUSED)


async def _load(
    store_location: str,
    location: str,
    collection_files: list[Path],
    options: loader.LoadOptions,
    how: SourceOptions,
) -> loader.Progress:
    store = open_store_at(store_location)
    try:
        for path in collection_files:
            await loader.load_collection(store, path, update=options.update_collections)
        async with open_source(location, how) as source:
            with progress_bar(messages) as bar:
                task = bar.add_task("Opening", total=None, words="")
                return await loader.load(store, source, options, lambda progress: _show(bar, task, progress))
    finally:
        store.close()


_DESCRIPTIONS = {"checking": "Checking", "storing": "Loading", "finishing": "Indexing"}


def _show(bar: Progress, task: TaskID, progress: loader.Progress) -> None:
    new = progress.items - progress.items_before
    elapsed_s = bar.tasks[task].elapsed or 0.0
    rate = f", {new / elapsed_s:,.0f} a second" if elapsed_s > 1 else ""
    refused = f", {progress.refused:,} refused" if progress.refused else ""
    share: dict[str, Any] = {} if progress.share is None else {"total": 1.0, "completed": progress.share}
    bar.update(
        task,
        description=_DESCRIPTIONS[progress.phase],
        words=f"{progress.items:,} items{rate}{refused}",
        **share,
    )


def _summarise(done: loader.Progress) -> None:
    before = f" ({done.items_before:,} of them by an earlier run)" if done.items_before else ""
    collections = _counted(done.collections, "collection")
    console.print(f"{_counted(done.items, 'item')} loaded{before}, {collections} added or replaced.")
    if done.refused:
        messages.print(
            f"{_counted(done.refused, 'document')} refused; {done.report} says which and why.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
