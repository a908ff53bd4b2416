"""What `geoscope catalogue info` and `check` do: a catalogue described, and looked through."""

from pathlib import Path

import anyio
import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from geoscope.catalogue.inspection import (
    CollectionFacts,
    StoredDocument,
    collection_facts,
    problem_of,
    stored_documents,
)
from geoscope.catalogue.store import open_store_at
from geoscope.catalogue.store.sqlite_inspection import describe, documents, problems
from geoscope.settings import Settings

console = Console(highlight=False)
messages = Console(highlight=False, stderr=True)

SOMETHING_IS_WRONG = 1


def store_location(settings: Settings, database_url: str | None) -> str:
    """Return where the catalogue is that is meant: as an option says, or else as the settings do."""
    configured = settings.catalogue.database_url
    if database_url is None and configured is not None:
        database_url = configured.get_secret_value()
    return database_url or str(settings.data_dir / "catalogue" / "catalogue.sqlite")


def print_info(location: str) -> None:
    """Print what a catalogue holds."""
    facts = anyio.run(_facts, location)
    if not _is_database(location):
        about = Table.grid(padding=(0, 2))
        for name, value in describe(Path(location)):
            about.add_row(name, value)
        console.print(about)
        console.print()
    table = Table("Collection", "Title", "Items", "", box=None, pad_edge=False, header_style="dim")
    for fact in facts:
        table.add_row(fact.id, fact.title, f"{fact.items:,}", "private" if fact.is_private else "")
    console.print(table)
    console.print(f"\n{len(facts):,} collections, {sum(fact.items for fact in facts):,} items")


def run_check(location: str) -> None:
    """Look through a catalogue, and exit with the code that tells whether all is well."""
    with messages.status("") as status:
        check = _Check(status)
        if _is_database(location):
            anyio.run(_check_database, location, check)
        else:
            for problem in problems(Path(location)):
                check.tell(problem)
            for document in documents(Path(location)):
                check.look_at(StoredDocument(*document))
    if check.problems:
        messages.print(f"{check.problems:,} problems; {check.read:,} documents were read.", style="yellow")
        raise typer.Exit(SOMETHING_IS_WRONG)
    console.print(f"{check.read:,} documents are whole.")


class _Check:
    """Counts and prints what is wrong."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self.problems = 0
        self.read = 0

    def tell(self, problem: str) -> None:
        self.problems += 1
        messages.print(problem, markup=False, soft_wrap=True)

    def look_at(self, stored: StoredDocument) -> None:
        self.read += 1
        if problem := problem_of(stored):
            place = stored.id if stored.collection is None else f"{stored.collection}/{stored.id}"
            self.tell(f"{place}: {problem}")
        if self.read % 1000 == 0:
            self._status.update(f"{self.read:,} documents read")


async def _check_database(location: str, check: _Check) -> None:
    store = open_store_at(location)
    try:
        async for document in stored_documents(store):
            check.look_at(document)
    finally:
        store.close()


async def _facts(location: str) -> list[CollectionFacts]:
    store = open_store_at(location)
    try:
        return await collection_facts(store)
    finally:
        store.close()


def _is_database(location: str) -> bool:
    return location.startswith(("postgresql://", "postgres://"))
