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
from multiprocessing import forkserver
from multiprocessing.connection import wait

import orjson

from geoscope.catalogue.loading.chunks import Documents, Problem
from geoscope.catalogue.models import CollectionRecord
from geoscope.catalogue.records import Document, collection_record, item_record
from geoscope.catalogue.store import Packer, SentItem
from geoscope.errors import GeoscopeError, InvalidInputError

# Documents are trees of many small objects, without cycles. With Python's usual 2000 the collector looks at
# all of them over and over: it took a third of the time of a load.
ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000


# Only one process can write: the others must not keep it from doing so where cores are few.
NICENESS = 10


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

    items: list[SentItem] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    collections: list[tuple[CollectionRecord, Document]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def check(documents: Documents, rules: Rules, packer: Packer | None = None) -> Checked:
    """Make records of documents, by the same rules as for one that is sent to the API, and pack them."""
    checked = Checked()
    for place, found in documents.read():
        if isinstance(found, Problem):
            checked.problems.append(found)
            continue
        document: object = None
        try:
            document = found if isinstance(found, dict) else _parse(found)
            if _is_collection(document):
                checked.collections.append((collection_record(document), document))
                continue
            record = item_record(document, _collection_of(document, rules))
            checked.items.append(record if packer is None else packer.pack(record))
            checked.places.append(place)
        except GeoscopeError as error:
            checked.problems.append(Problem(place, str(error), _id_of(document)))
        except Exception as error:  # noqa: BLE001 (one strange document must not end a load of a million)
            reason = f"It cannot be read as STAC ({type(error).__name__}: {error})."
            checked.problems.append(Problem(place, reason, _id_of(document)))
    return checked


def _is_collection(document: Document) -> bool:
    match document.get("type"):
        case "Collection":
            return True
        case "Feature" | None:
            return False
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
    """Processes that check chunks; a result comes by a future.

    Attributes
    ----------
    packer : Packer or None
        What packs the items of the chunks that come next.
    """

    def __init__(self, rules: Rules, processes: int) -> None:
        self.packer: Packer | None = None
        self._rules = rules
        self._is_first = True
        # One process imports what all of them need.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)

    def get_ready(self) -> None:
        """Begin to start processes, which takes a second."""
        forkserver.ensure_running()

    def check(self, documents: Documents) -> Future[Checked]:
        """Check a chunk; the first at once, so that a small load needs no process."""
        if not self._is_first:
            return self._pool.submit(check, documents, self._rules, self.packer)
        self._is_first = False
        done: Future[Checked] = Future()
        done.set_result(check(documents, self._rules, self.packer))
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
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
