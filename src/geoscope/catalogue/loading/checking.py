"""Documents become records, in processes beside the one that reads and writes."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait

import orjson

from geoscope.catalogue.loading.chunks import Documents, Problem
from geoscope.catalogue.models import CollectionRecord, ItemRecord
from geoscope.catalogue.records import Document, collection_record, item_record
from geoscope.errors import GeoscopeError, InvalidInputError

# So many chunks are checked where they are read: a small load ends before a process has even started.
CHUNKS_BEFORE_PROCESSES = 2

# Documents are trees of many small objects, without cycles. With Python's usual 2000 the collector looks at
# all of them over and over: it took a third of the time of a load.
ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000


@dataclass(frozen=True)
class Rules:
    """What is expected of the documents of a load.

    Parameters
    ----------
    collections : frozenset of str
        The collections that items may belong to; empty: all.
    """

    collections: frozenset[str] = frozenset()


@dataclass
class Checked:
    """What has become of the documents of a chunk; places stand beside the items."""

    items: list[ItemRecord] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    collections: list[tuple[CollectionRecord, Document]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def check(documents: Documents, rules: Rules) -> Checked:
    """Make records of documents, by the same rules as for one that is sent to the API."""
    checked = Checked()
    for place, found in documents.read():
        if isinstance(found, Problem):
            checked.problems.append(found)
            continue
        document: object = None
        try:
            document = found if isinstance(found, dict) else _parse(found)
            _check_one(document, place, rules, checked)
        except GeoscopeError as error:
            checked.problems.append(Problem(place, str(error), _id_of(document)))
        except Exception as error:  # noqa: BLE001 (one strange document must not end a load of a million)
            reason = f"It cannot be read as STAC ({type(error).__name__}: {error})."
            checked.problems.append(Problem(place, reason, _id_of(document)))
    return checked


def _check_one(document: Document, place: str, rules: Rules, checked: Checked) -> None:
    match document.get("type"):
        case "Collection":
            checked.collections.append((collection_record(document), document))
        case "Feature" | None:
            checked.items.append(item_record(document, _collection_of(document, rules)))
            checked.places.append(place)
        case other:
            raise InvalidInputError(f"type: {other!r} is neither an item (Feature) nor a Collection.")


def _parse(text: bytes) -> Document:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"It is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise InvalidInputError("It is not a JSON object.")
    return document


def _collection_of(item: Document, rules: Rules) -> str:
    """Return the collection that an item belongs to."""
    collection = item.get("collection")
    if collection is None:
        if len(rules.collections) != 1:
            raise InvalidInputError("collection: it is missing.", "Say which with --collection.")
        (collection,) = rules.collections
    if not isinstance(collection, str):
        raise InvalidInputError("collection: it is not a text.")
    if rules.collections and collection not in rules.collections:
        raise InvalidInputError(f"collection: {collection!r} is not what was asked for.")
    return collection


def _id_of(document: object) -> str | None:
    id_ = document.get("id") if isinstance(document, dict) else None
    return id_[:256] if isinstance(id_, str) else None


class Checkers:
    """Processes that check chunks; a result comes by a future."""

    def __init__(self, rules: Rules, processes: int) -> None:
        self._rules = rules
        self._seen = 0
        self._pool = ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_end_with_parent
        )

    def check(self, documents: Documents) -> Future[Checked]:
        """Check a chunk; the first few at once, and from then on in a process."""
        self._seen += 1
        if self._seen > CHUNKS_BEFORE_PROCESSES:
            return self._pool.submit(check, documents, self._rules)
        done: Future[Checked] = Future()
        done.set_result(check(documents, self._rules))
        return done

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def open_checkers(rules: Rules) -> Iterator[Checkers]:
    """Give checkers for the length of a load: one process for each core."""
    checkers = Checkers(rules, os.cpu_count() or 1)
    usual = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    try:
        yield checkers
    finally:
        gc.set_threshold(*usual)
        checkers.close()


def _end_with_parent() -> None:
    """End this process as soon as its parent has, which cannot say goodbye when it is killed."""
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
