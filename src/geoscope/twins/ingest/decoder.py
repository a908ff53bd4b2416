"""A process that reads one kind of file: `python -m geoscope.twins.ingest.decoder KIND SCRATCH`.

KIND is `grib` or `gridded`: the libraries of GRIB do not get on with others, so none loads both. SCRATCH
is the number of an open file in memory, where decoded values go. Each line of the input is a task, each line
of the output an answer (`answers.py`). It ends with its input, so that it outlives nobody.
"""

import mmap
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec
import numpy as np
from obstore.exceptions import BaseError as ObjectStoreError

from geoscope.errors import GeoscopeError
from geoscope.twins.ingest.answers import (
    Answer,
    Decoded,
    DecodeTask,
    Done,
    Failed,
    IndexTask,
    SetAside,
    Source,
    task_decoder,
)

IDENTITY = "jobs"


def main() -> None:
    """Answer tasks until the input ends."""
    kind, scratch = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory: mmap.mmap | None = None
    encode = msgspec.json.encode
    for line in sys.stdin.buffer:
        if size := os.fstat(scratch).st_size:  # it comes with the first task that decodes
            memory = memory or mmap.mmap(scratch, size)
        for answer in _answers(kind, task_decoder.decode(line), memory):
            answers.write(encode(answer) + b"\n")
            # Each for itself: if the next message ends this process, it is known which one it was.
            answers.flush()


def _answers(kind: str, task: IndexTask | DecodeTask, memory: mmap.mmap | None) -> Iterator[Answer]:
    try:
        if kind == "grib":
            yield from _grib(task, memory)
        else:
            yield from _gridded(task, memory)
        yield Done()
    except GeoscopeError as error:
        yield Failed(str(error))
    except FileNotFoundError:
        yield Failed("It is not there any more.")
    except ObjectStoreError as error:
        yield Failed(f"The object store does not answer as it should: {error}"[:500], unavailable=True)
    except MemoryError:
        yield Failed("To read it takes more memory than there is.")
    except Exception as error:  # noqa: BLE001 (libraries raise anything at a broken file)
        said = str(error).splitlines()[0][:200] if str(error) else ""
        yield Failed(f"It cannot be read ({type(error).__name__}: {said})")


def _grib(task: IndexTask | DecodeTask, memory: mmap.mmap | None) -> Iterator[Answer]:
    from geoscope.twins.ingest import grib_source  # noqa: PLC0415 (each process loads what it needs)

    with _opened(task.source) as file:
        if isinstance(task, IndexTask):
            yield from grib_source.index(file, task.start, skip_first=task.skip_first)
            return
        for wanted in task.fields:
            target = np.frombuffer(_required(memory), wanted.dtype, wanted.cells, wanted.place)
            try:
                grib_source.decode(file, wanted, target)
            except GeoscopeError as error:
                yield SetAside(wanted.offset, wanted.length, str(error))
            else:
                yield Decoded(target.size)


def _gridded(task: IndexTask | DecodeTask, memory: mmap.mmap | None) -> Iterator[Answer]:
    from geoscope.twins.ingest import gridded_source  # noqa: PLC0415 (as above)

    with gridded_source.opened(task.source, _opened) as dataset:
        if isinstance(task, IndexTask):
            yield from gridded_source.index(dataset)
            return
        reader = gridded_source.BlockReader(dataset)
        for wanted in task.fields:
            target = np.frombuffer(_required(memory), wanted.dtype, wanted.cells, wanted.place)
            try:
                reader.read(wanted.part, wanted.offset, target)
            except (GeoscopeError, OSError, ValueError) as error:
                yield SetAside(wanted.offset, wanted.length, str(error)[:300])
            else:
                yield Decoded(target.size)


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """Open a file of this machine, or an object as a file."""
    if source.path:
        with open(source.path, "rb") as file:  # noqa: PTH123 (a name as it was found)
            yield file
        return
    # Imported here: to read a file of this machine takes none of it, and its import half a second.
    from geoscope.object_file import open_object  # noqa: PLC0415
    from geoscope.objects import open_bucket  # noqa: PLC0415
    from geoscope.secrets import read_s3_keys  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    settings = current_settings()
    bucket = open_bucket(settings, source.bucket, read_s3_keys(settings, IDENTITY))
    with open_object(bucket, source.key) as file:
        yield file


def _required(memory: mmap.mmap | None) -> mmap.mmap:
    if memory is None:
        raise ValueError("this process was started without memory for values")
    return memory


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Native libraries may crash when they are unloaded.
    os._exit(0)
