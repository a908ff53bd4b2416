"""The process that holds FDB's libraries; it needs pyfdb and eccodes, and nothing of the platform.

Each line of its input is a task, answered by one or more lines; both are JSON. It ends with its input.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import eccodes
import pyfdb

type Json = dict[str, Any]

COPY_BYTES = 4 * 1024**2
MOST_REFUSALS_TOLD = 100


def main() -> None:
    """Answer tasks until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        task: Json = json.loads(line)
        try:
            for answer in _WORK[task["do"]](pyfdb.FDB(task["config"]), task):
                answers.write(json.dumps(answer) + "\n")
        except Exception as error:  # noqa: BLE001 (the libraries raise anything)
            answers.write(json.dumps({"problem": _in_a_line(error)}) + "\n")


def _archive(fdb: pyfdb.FDB, task: Json) -> Iterator[Json]:
    """Archive the messages of a file; nobody sees them before all of them are there."""
    archived, refused = 0, 0
    with Path(task["file"]).open("rb") as file:
        for offset, message in _messages(file):
            try:
                fdb.archive(message)
                archived += 1
            except RuntimeError as error:
                refused += 1
                if refused <= MOST_REFUSALS_TOLD:
                    yield {"refused": {"offset": offset, "reason": _in_a_line(error)}}
    fdb.flush()
    yield {"end": {"archived": archived, "refused": refused}}


def _list(fdb: pyfdb.FDB, task: Json) -> Iterator[Json]:
    """Tell the keys and the size of each field."""
    for element in fdb.list(task["request"]):
        yield {"field": element.combined_key(), "bytes": element.length()}
    yield {"end": {}}


def _retrieve(fdb: pyfdb.FDB, task: Json) -> Iterator[Json]:
    """Copy fields into a file, one after the other."""
    fields, written = 0, 0
    with Path(task["file"]).open("wb") as file:
        for element in fdb.list(task["request"]):
            with element.data_handle as handle:
                while block := handle.read(COPY_BYTES):
                    file.write(block)
                    written += len(block)
            fields += 1
            yield {"progress": {"fields": fields, "bytes": written}}
    yield {"end": {"fields": fields, "bytes": written}}


_WORK = {"archive": _archive, "list": _list, "retrieve": _retrieve}


def _messages(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while (message := eccodes.codes_grib_new_from_file(file)) is not None:
        try:
            yield int(eccodes.codes_get(message, "offset")), eccodes.codes_get_message(message)
        finally:
            eccodes.codes_release(message)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


if __name__ == "__main__":
    main()
